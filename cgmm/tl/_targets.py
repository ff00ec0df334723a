"""Several targets against one source: successive fits with the same source components."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import anndata as ad

from cgmm._anndata.checks import check_free, check_writable, column, levels
from cgmm._anndata.comparison import Comparison
from cgmm._anndata.expression import naming_expression
from cgmm._anndata.keys import DEFAULT_KEY, Keys
from cgmm._anndata.storage import Annotation, write_fit
from cgmm.coupled.result import CoupledFit
from cgmm.pair import SOURCE
from cgmm.tl._annotate import Naming, annotation
from cgmm.tl._fit import earlier_source
from cgmm.tl._fit_comparison import checked_sides, fit_sides
from cgmm.tl._shared_populations import shared_names, with_shared_populations

# arguments of fit, by what they describe
OF_COMPARISON = ("use_rep", "n_dims", "donor_key", "paired")
OF_NAMING = ("name_by", "markers", "expression", "layer")
OF_FIT = ("n_components", "rho", "epsilon", "transport_weight", "random_state", "progress")


def fit_targets(
    adata: ad.AnnData,
    *,
    condition_key: str,
    source: str,
    targets: Sequence[str] | None = None,
    key_added: str = DEFAULT_KEY,
    copy: bool = False,
    **options: Any,
) -> ad.AnnData | None:
    """Fit one source against several targets, such as doses or time points.

    The first comparison finds the source components. All other comparisons use these components
    unchanged (``share_source`` of :func:`fit`), so the same row of two comparisons describes the
    same subpopulation. Populations are found in the cells of all conditions together
    (:func:`cgmm.automatic.populations.find_shared`), so they are the same too.
    :func:`cgmm.get.compare` and :func:`cgmm.pl.compare` show the comparisons side by side, and
    :func:`cgmm.get.trends` follows populations along an order. The transport term makes the source
    components depend weakly on the first target. The first target should therefore be the one that
    differs least from the source.

    Parameters
    ----------
    adata
        Cells of all conditions.
    condition_key, source
        As in :func:`fit`.
    targets
        Conditions to compare with the source, in the order of the fits. By default all other
        conditions, in the order of the categories; a column of text is sorted in natural order
        ("day 2" before "day 10").
    key_added
        Prefix of the keys: each target has the key ``<key_added>_<target>``, with "-" in place of
        "/".
    copy
        Return a changed copy and leave ``adata`` as it is.
    **options
        All other arguments of :func:`fit`, the same for each comparison.

    Returns
    -------
    None, or the copy. Sets the fields that :func:`fit` lists, for each target.

    Raises
    ------
    KeyError, TypeError, ValueError
        As :func:`fit`.  Also when there is no target, or when two targets would have the same key.
        Nothing is written then.
    """
    check_writable(adata, copy=copy)
    _check_options(options)
    chosen = _checked_targets(adata, condition_key, str(source), targets)
    keys = [target_key(target, key_added=key_added) for target in chosen]
    if len(set(keys)) < len(keys):
        msg = f"Targets {', '.join(map(repr, chosen))} do not give different keys: name each once."
        raise ValueError(msg)
    comparisons = [
        Comparison(
            condition_key=condition_key,
            source=source,
            target=target,
            **{name: options[name] for name in OF_COMPARISON if name in options},
        )
        for target in chosen
    ]
    made = _annotations(adata, comparisons, keys, options, copy=copy)
    adata = adata.copy() if copy else adata
    for key, annotation_of in zip(keys, made, strict=True):
        write_fit(adata, Keys(key), annotation_of)
    return adata if copy else None


def _annotations(
    adata: ad.AnnData,
    comparisons: list[Comparison],
    keys: list[str],
    options: dict[str, Any],
    *,
    copy: bool,
) -> list[Annotation]:
    """Return the fits of all targets with everything that is written with them."""
    for key in keys:
        check_free(adata, Keys(key), copy=copy)
    # populations are searched in the points of all targets together, in memory
    sides = [checked_sides(adata, one, lazy=False) for one in comparisons]
    given = options.get("share_source")
    earlier = earlier_source(adata, given, comparisons[0], n_dims=sides[0].n_dims)
    naming = Naming(**{name: options[name] for name in OF_NAMING if name in options})
    naming.check(adata)
    settings = {name: options[name] for name in OF_FIT if name in options}
    fits: list[CoupledFit] = []
    for own in sides:
        shared = fits[0].source if fits else earlier.mixture
        fits.append(fit_sides(own, source=shared, **settings))
    seed = options.get("random_state", 0)
    fits = with_shared_populations(fits, sides, random_state=seed)
    expression = naming_expression(adata, naming.expression, naming.layer)
    labels = None if naming.name_by is None else adata.obs[naming.name_by].astype(object).to_numpy()
    names = shared_names(
        adata,
        fits,
        sides,
        labels=labels,
        expression=naming.expression,
        layer=naming.layer,
        markers=naming.found(expression),
    )
    of_source = earlier.names
    made: list[Annotation] = []
    for i, (one, own, fit) in enumerate(zip(comparisons, sides, fits, strict=True)):
        result = annotation(
            adata,
            fit,
            one,
            own,
            replace(naming, names_source=of_source, shared=names),
            share_source=given if i == 0 else given or keys[0],
            random_state=seed,
        )
        made.append(result)
        table = result.components
        of_source = list(table.loc[table["side"] == SOURCE, "name"].astype(str))
    return made


def _check_options(options: dict[str, Any]) -> None:
    """Raise a TypeError when :func:`fit` has no such argument."""
    if "target" in options:
        msg = "fit_targets takes targets=, a list; target= is an argument of cgmm.tl.fit."
        raise TypeError(msg)
    known = (*OF_COMPARISON, *OF_NAMING, *OF_FIT, "share_source")
    unknown = [name for name in options if name not in known]
    if unknown:
        msg = f"fit_targets() got an unexpected keyword argument {unknown[0]!r}"
        raise TypeError(msg)


def target_key(target: str, *, key_added: str = DEFAULT_KEY) -> str:
    """Return the key of one comparison of :func:`fit_targets`."""
    return Keys(key_added).for_target(target).key


def _checked_targets(
    adata: ad.AnnData, condition_key: str, source: str, targets: Sequence[str] | None
) -> list[str]:
    """Return the targets as text; raise an error when one of them cannot be a target."""
    present = levels(column(adata, condition_key, "condition_key"))
    if targets is None:
        targets = [c for c in present if c != source]
    if isinstance(targets, str):
        targets = [targets]
    if not isinstance(targets, Iterable):
        msg = f"targets must be a list of conditions, got {targets!r}."
        raise TypeError(msg)
    targets = list(targets)
    missing = [str(t) for t in targets if str(t) not in present]
    if missing or source not in present:
        role, name = ("targets", missing[0]) if missing else ("source", source)
        msg = f"{role}: {name!r} is not a condition: obs[{condition_key!r}] has {present}."
        raise ValueError(msg)
    if source in map(str, targets):
        msg = f"targets has {source!r}, the source: a comparison needs two different conditions."
        raise ValueError(msg)
    if not targets:
        msg = f"obs[{condition_key!r}] has no condition beside {source!r}: there is no target."
        raise ValueError(msg)
    return [str(t) for t in targets]
