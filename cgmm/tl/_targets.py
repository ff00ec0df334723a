"""Several targets against one source: successive fits with the same source components."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import anndata as ad

from cgmm._anndata.checks import check_writable, column, levels
from cgmm._anndata.keys import DEFAULT_KEY, Keys
from cgmm.tl._fit import fit


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
    same subpopulation. :func:`cgmm.get.compare` and :func:`cgmm.pl.compare` show the comparisons
    side by side. The transport term makes the source components depend weakly on the first target.
    The first target should therefore be the one that differs least from the source.

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
        Comparisons that were fitted before an error are kept.
    """
    check_writable(adata, copy=copy)
    if "target" in options:
        msg = "fit_targets takes targets=, a list; target= is an argument of cgmm.tl.fit."
        raise TypeError(msg)
    chosen = _checked_targets(adata, condition_key, str(source), targets)
    keys = [target_key(target, key_added=key_added) for target in chosen]
    if len(set(keys)) < len(keys):
        msg = f"Targets {', '.join(map(repr, chosen))} do not give different keys: name each once."
        raise ValueError(msg)
    first: str | None = options.pop("share_source", None)
    adata = adata.copy() if copy else adata
    for target, key in zip(chosen, keys, strict=True):
        fit(
            adata,
            condition_key=condition_key,
            source=source,
            target=target,
            share_source=first,
            key_added=key,
            **options,
        )
        first = first or key
    return adata if copy else None


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
