"""Fit a comparison, and write a fit into an object.

:func:`fit` = check the input, :func:`cgmm.automatic.fit.fit_automatic`, :func:`annotate`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import anndata as ad
import numpy as np

from cgmm._anndata.checks import check_free, writing
from cgmm._anndata.expression import check_naming
from cgmm._anndata.keys import DEFAULT_KEY, Keys, Uns
from cgmm._anndata.sides import Sides, cell_weights, check_pairing, refuse_counts, sides
from cgmm._anndata.storage import arrays_of, facts_of, read_fit, read_params, write_fields
from cgmm._utils.files import storable
from cgmm._utils.strict_json import dumps
from cgmm._utils.versions import versions
from cgmm.automatic.counterparts import without_unmatched
from cgmm.automatic.metric import within_covariance
from cgmm.coupled.result import CoupledFit
from cgmm.donors.shares import DonorShares, donor_shares
from cgmm.mixture.gaussian_mixture import GaussianMixture
from cgmm.pair import SIDES, SOURCE, TARGET
from cgmm.tl._cell_fields import cell_fields
from cgmm.tl._component_table import component_table, donor_table


def fit(
    adata: ad.AnnData,
    *,
    condition_key: str,
    source: str,
    target: str,
    use_rep: str = "X_pca",
    n_dims: int | None = None,
    n_components: int | tuple[int, int] | None = None,
    rho: float | None = None,
    epsilon: float | None = None,
    transport_weight: float | None = None,
    donor_key: str | None = None,
    paired: bool | None = None,
    name_by: str | None = None,
    expression: ad.AnnData | None = None,
    layer: str | None = None,
    share_source: str | None = None,
    random_state: int = 0,
    progress: Callable[..., Any] | None = None,
    key_added: str = DEFAULT_KEY,
    copy: bool = False,
) -> ad.AnnData | None:
    """Fit coupled mixtures to two conditions and write the result into the object.

    A parameter left at None is chosen from the data; the choice and its reason are recorded.

    Parameters
    ----------
    adata
        Cells of both conditions; cells of other conditions are left alone.
    condition_key
        Column of ``obs`` with the conditions.
    source, target
        The two conditions, in the order of the change.
    use_rep
        Entry of ``obsm`` in which to fit, or "X" for the features themselves (cytometry).
    n_dims
        Leading dimensions of ``use_rep``. By default all, but 20 of "X_pca".
    n_components
        Components per side, one number or (source, target).
    rho
        Price of a change of prevalence against a movement, in nats (:mod:`cgmm.automatic.metric`).
    epsilon
        Entropy of the coupling, in nats.
    transport_weight
        Weight of the transport term against the log-likelihood.
    donor_key
        Column of ``obs`` with the donor: the unit of replication. Donors count equally whatever
        their number of cells. Without it there are no intervals.
    paired
        Compare donors with themselves. By default when enough donors are in both conditions.
    name_by
        Column of ``obs`` (a cell type) to name components by. By default by marker genes.
    expression
        Object with the same cells and log-normalised ``X``, when ``adata`` has none.
    layer
        Layer with log-normalised expression, in place of ``X``.
    share_source
        The ``key_added`` of an earlier fit of the same source: its source components are taken as
        they are, names included, so that rows of both fits speak of the same subpopulations
        (:func:`fit_targets`).
    random_state
        Seed.
    progress
        Called with the step and the objective after every step.
    key_added
        Prefix of all fields written.
    copy
        Return a changed copy and leave ``adata`` as it is.

    Returns
    -------
    None, or the copy. Sets the following fields (for ``key_added="cgmm"``):

    ``obs["cgmm_component"]``, ``obs["cgmm_log2_net_factor"]``, ``obs["cgmm_shift"]``
        Name of the component of each cell, log2 net factor (far below zero, down to ``-inf``, where
        the component is gone; ``inf`` where it is new), length of the displacement (source cells,
        units of ``use_rep``). Missing in cells of other conditions.
    ``obsm["cgmm_responsibilities"]``
        Shape (n_cells, max(K0, K1)), NaN where it does not apply.
    ``obsm["cgmm_displacement"]``, ``obsm["cgmm_projected"]``
        How far a source cell would move, and where in ``use_rep`` it would stand in the target
        (:mod:`cgmm.transport.barycentric_map`), shapes (n_cells, D). NaN in target cells, and in
        source cells whose component is gone.
    ``uns["cgmm"]``
        Weights, means, covariances, coupling, costs, metric, shares, votes (where target components
        came from), history, names, components, donors, and ``params``, one JSON text.

    Raises
    ------
    KeyError, ValueError
        When the input cannot be used; the sentence says what to do. Nothing is written then.

    Examples
    --------
    Simulated cells; left out, ``n_components`` would be chosen.

    >>> import scanpy as sc
    >>> adata = cg.simulate.counts(n_cells=1200, n_genes=300, n_donors=3, log2_change={"Beta": 2})
    >>> sc.pp.normalize_total(adata, target_sum=1e4)
    >>> sc.pp.log1p(adata)
    >>> sc.pp.pca(adata, n_comps=10)
    >>> cg.tl.fit(
    ...     adata,
    ...     condition_key="condition",
    ...     source="control",
    ...     target="treated",
    ...     donor_key="donor",
    ...     name_by="cell_type",
    ...     n_components=6,
    ... )
    >>> adata.obsm["cgmm_responsibilities"].shape
    (1200, 6)
    """
    keys = Keys(key_added)
    check_free(adata, keys, copy=copy)
    where: dict[str, Any] = {
        "condition_key": condition_key,
        "use_rep": use_rep,
        "donor_key": donor_key,
    }
    found = sides(adata, source=source, target=target, n_dims=n_dims, **where)
    refuse_counts(found, use_rep)
    check_pairing(found, paired=paired)
    n_fitted = found.points_source.shape[1]
    earlier = _earlier(adata, share_source, source=str(source), n_dims=n_fitted, **where)
    # Everything that annotate could refuse is refused here, before the long work.
    check_naming(adata, name_by, expression, layer)
    from cgmm.automatic.fit import fit_automatic

    weights = cell_weights(found)
    result = fit_automatic(
        found.points_source,
        found.points_target,
        weights_source=weights[0],
        weights_target=weights[1],
        donors_source=found.donors_source,
        donors_target=found.donors_target,
        n_components=n_components,
        rho=rho,
        epsilon=epsilon,
        transport_weight=transport_weight,
        source=earlier.mixture,
        random_state=random_state,
        progress=progress,
    )
    del found, weights  # annotate takes the cells anew, and they may be many
    return annotate(
        adata,
        result,
        condition_key=condition_key,
        source=source,
        target=target,
        use_rep=use_rep,
        n_dims=n_dims,
        donor_key=donor_key,
        paired=paired,
        name_by=name_by,
        expression=expression,
        layer=layer,
        names_source=earlier.names,
        share_source=share_source,
        random_state=random_state,
        key_added=keys.key,
        copy=copy,
    )


def annotate(
    adata: ad.AnnData,
    fit: CoupledFit,
    *,
    condition_key: str,
    source: str,
    target: str,
    use_rep: str = "X_pca",
    n_dims: int | None = None,
    donor_key: str | None = None,
    paired: bool | None = None,
    name_by: str | None = None,
    expression: ad.AnnData | None = None,
    layer: str | None = None,
    names_source: Sequence[str] | None = None,
    share_source: str | None = None,
    random_state: int | None = None,
    key_added: str = DEFAULT_KEY,
    copy: bool = False,
) -> ad.AnnData | None:
    """Write a fit into an object, as :func:`fit` does.

    Parameters
    ----------
    adata
        Cells of both conditions, in the representation that was fitted.
    fit
        The fit, for instance from :func:`cgmm.fit_coupled`.
    condition_key, source, target, use_rep, n_dims, donor_key, paired, name_by, expression, layer
        As in :func:`fit`.
    names_source
        Names of the source components, when they have some already.
    share_source
        The fit that the source components are from, for the record.
    random_state
        The seed that was used, for the record.
    key_added, copy
        As in :func:`fit`.

    Returns
    -------
    None, or the copy. Sets the fields that :func:`fit` lists.

    Raises
    ------
    KeyError, ValueError
        When the input cannot be used or has another number of dimensions than the fit.
    """
    keys = Keys(key_added)
    check_free(adata, keys, copy=copy)
    if not isinstance(fit, CoupledFit):
        msg = f"fit must be a CoupledFit, as fit_coupled returns it, not {type(fit).__name__}."
        raise TypeError(msg)
    found = sides(
        adata,
        condition_key=condition_key,
        source=source,
        target=target,
        use_rep=use_rep,
        n_dims=n_dims,
        donor_key=donor_key,
        min_cells=1,
    )
    check_pairing(found, paired=paired)
    _check_dims(fit, found, use_rep)
    held = check_naming(adata, name_by, expression, layer)
    if not fit.sensitivity:  # made by hand, so nobody has looked for components that are gone
        fit = _without_gone(fit)
    r = (
        fit.prevalence_source.responsibilities(found.points_source),
        fit.prevalence_target.responsibilities(found.points_target),
    )
    table, named_by = component_table(adata, fit, found, r, name_by, held, names_source)
    per_donor = _per_donor(found, r)
    params = {
        "condition_key": condition_key,
        "source": str(source),
        "target": str(target),
        "use_rep": use_rep,
        "n_dims": fit.source.n_dims,
        "donor_key": donor_key,
        "paired": paired,
        "name_by": name_by,
        "named_by": named_by,
        "share_source": share_source,
        "random_state": random_state,
        "n_cells": {SOURCE: len(r[0]), TARGET: len(r[1])},
        **facts_of(fit),
        "versions": versions(),
    }
    uns = {
        Uns.PARAMS: dumps(params),
        Uns.COMPONENTS: storable(table),
        Uns.DONORS: storable(donor_table(per_donor)),
        **arrays_of(fit),
        **{
            Uns.names(side): table.loc[table["side"] == side, "name"].to_numpy(object)
            for side in SIDES
        },
    }
    cells = cell_fields(adata.n_obs, fit, found, r, uns)

    adata = adata.copy() if copy else adata
    with writing():
        write_fields(adata, keys, uns, cells)
    return adata if copy else None


def _without_gone(fit: CoupledFit) -> CoupledFit:
    both = fit.prevalence_source, fit.prevalence_target
    return replace(fit, coupling=without_unmatched(fit.coupling, *both, within_covariance(*both)))


def _per_donor(
    found: Sides, responsibilities: tuple[np.ndarray, np.ndarray]
) -> dict[str, DonorShares | None]:
    """Shares of the donors of either side, None where donors are not known."""
    who = (found.donors_source, found.donors_target)
    return {
        side: None if d is None else donor_shares(r, d)
        for side, r, d in zip(SIDES, responsibilities, who, strict=True)
    }


def _check_dims(fit: CoupledFit, found: Sides, use_rep: str) -> None:
    n_dims = found.points_source.shape[1]
    if n_dims != fit.source.n_dims:
        msg = (
            f"The fit has {fit.source.n_dims} dimensions, but {use_rep} gives {n_dims}: "
            "name the same representation and n_dims."
        )
        raise ValueError(msg)


class _Earlier(NamedTuple):
    """Source components of an earlier fit, None without one."""

    mixture: GaussianMixture | None = None
    names: list[str] | None = None


def _earlier(adata: ad.AnnData, key: str | None, **wanted: Any) -> _Earlier:
    """Source side of a fit in the object, which must be of the same cells and representation."""
    if key is None:
        return _Earlier()

    known = read_params(adata, key=key)
    for name, value in wanted.items():
        if known[name] != value:
            msg = (
                f"share_source={key!r} was fitted with {name}={known[name]!r}, not {value!r}: "
                "source components can only be shared by fits of the same source cells."
            )
            raise ValueError(msg)
    fit = read_fit(adata, key=key)
    names = [str(name) for name in adata.uns[Keys(key).uns][Uns.names(SOURCE)]]
    return _Earlier(fit.source, names)
