"""Fit a comparison, and write a fit into an object.

:func:`fit` = check the input, :func:`cgmm.selection.fit_automatic`, :func:`annotate`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import anndata as ad
import numpy as np

from cgmm import _annotate, _validate, donors
from cgmm._io import dumps, storable
from cgmm._keys import DEFAULT_KEY, SIDES, SOURCE, TARGET, Keys, Uns
from cgmm.coupled import CoupledFit
from cgmm.mixture import GaussianMixture
from cgmm.movement import emptied, within_covariance


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
        Price of a change of prevalence against a movement, in nats (:mod:`cgmm.movement`).
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
        (:mod:`cgmm.displacement`), shapes (n_cells, D). NaN in target cells, and in source cells
        whose component is gone.
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
    _check_free(adata, keys, copy=copy)
    where: dict[str, Any] = {
        "condition_key": condition_key,
        "use_rep": use_rep,
        "donor_key": donor_key,
    }
    found = _validate.sides(adata, source=source, target=target, n_dims=n_dims, **where)
    _refuse_counts(found, use_rep)
    _check_paired(found, paired=paired)
    n_fitted = found.points_source.shape[1]
    earlier = _earlier(adata, share_source, source=str(source), n_dims=n_fitted, **where)
    # Everything that annotate could refuse is refused here, before the long work.
    _annotate.check_naming(adata, name_by, expression, layer)
    from cgmm.selection import fit_automatic

    weights = _annotate.cell_weights(found)
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
    _check_free(adata, keys, copy=copy)
    if not isinstance(fit, CoupledFit):
        msg = f"fit must be a CoupledFit, as fit_coupled returns it, not {type(fit).__name__}."
        raise TypeError(msg)
    found = _validate.sides(
        adata,
        condition_key=condition_key,
        source=source,
        target=target,
        use_rep=use_rep,
        n_dims=n_dims,
        donor_key=donor_key,
        min_cells=1,
    )
    _check_paired(found, paired=paired)
    _check_dims(fit, found, use_rep)
    held = _annotate.check_naming(adata, name_by, expression, layer)
    if not fit.sensitivity:  # made by hand, so nobody has looked for components that are gone
        fit = _without_gone(fit)
    r = (
        fit.prevalence_source.responsibilities(found.points_source),
        fit.prevalence_target.responsibilities(found.points_target),
    )
    table, named_by = _annotate.component_table(adata, fit, found, r, name_by, held, names_source)
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
        **_facts(fit),
        "versions": _annotate.versions(),
    }
    uns = {
        Uns.PARAMS: dumps(params),
        Uns.COMPONENTS: storable(table),
        Uns.DONORS: storable(_annotate.donor_table(per_donor)),
        **_arrays(fit),
        **{
            Uns.names(side): table.loc[table["side"] == side, "name"].to_numpy(object)
            for side in SIDES
        },
    }
    cells = _annotate.cell_fields(adata.n_obs, fit, found, r, uns)

    adata = adata.copy() if copy else adata
    with _validate.writing():
        _write(adata, keys, uns, cells)
    return adata if copy else None


def _without_gone(fit: CoupledFit) -> CoupledFit:
    both = fit.prevalence_source, fit.prevalence_target
    return replace(fit, coupling=emptied(fit.coupling, *both, within_covariance(*both)))


def _write(adata: ad.AnnData, keys: Keys, uns: dict[str, Any], cells: _annotate.CellFields) -> None:
    adata.uns[keys.uns] = uns
    adata.obs[keys.component] = cells.component
    adata.obs[keys.log2_net_factor] = cells.log2_net_factor
    adata.obs[keys.shift] = cells.shift
    adata.obsm[keys.responsibilities] = cells.responsibilities
    adata.obsm[keys.displacement] = cells.displacement
    adata.obsm[keys.projected] = cells.projected


def _per_donor(
    found: _validate.Sides, responsibilities: tuple[np.ndarray, np.ndarray]
) -> dict[str, donors.DonorShares | None]:
    """Shares of the donors of either side, None where donors are not known."""
    who = (found.donors_source, found.donors_target)
    return {
        side: None if d is None else donors.donor_shares(r, d)
        for side, r, d in zip(SIDES, responsibilities, who, strict=True)
    }


def _facts(fit: CoupledFit) -> dict[str, Any]:
    """Collect what is told of a fit in words and single numbers."""
    return {
        "parameters": dict(fit.parameters),
        "reasons": dict(fit.reasons),
        "sensitivity": fit.sensitivity,
        "converged": bool(fit.converged),
        "status": str(fit.status),
        "n_steps": int(fit.n_steps),
        "seconds": float(fit.seconds),
        "objective": float(fit.objective),
        "transport_cost": float(fit.transport_cost),
        "log_likelihood": [float(v) for v in fit.log_likelihood],
        "F": fit.transported_mass,
    }


def _arrays(fit: CoupledFit) -> dict[str, np.ndarray]:
    """Name the arrays of a fit as in ``uns``."""
    arrays = {Uns.COUPLING: fit.coupling, Uns.COSTS: fit.costs, Uns.HISTORY: fit.history}
    optional = {Uns.METRIC: fit.metric, Uns.VOTES: fit.votes}
    arrays |= {name: array for name, array in optional.items() if array is not None}
    for side, mixture, shares in (
        (SOURCE, fit.source, fit.shares_source),
        (TARGET, fit.target, fit.shares_target),
    ):
        arrays[Uns.weights(side)] = mixture.weights
        arrays[Uns.means(side)] = mixture.means
        arrays[Uns.covariances(side)] = mixture.covariances
        arrays[Uns.shares(side)] = shares
    return {name: np.asarray(array, dtype=float) for name, array in arrays.items()}


def _check_dims(fit: CoupledFit, found: _validate.Sides, use_rep: str) -> None:
    n_dims = found.points_source.shape[1]
    if n_dims != fit.source.n_dims:
        msg = (
            f"The fit has {fit.source.n_dims} dimensions, but {use_rep} gives {n_dims}: "
            "name the same representation and n_dims."
        )
        raise ValueError(msg)


def _refuse_counts(found: _validate.Sides, use_rep: str) -> None:
    if use_rep == "X" and _annotate.looks_like_counts(found.points_source):
        msg = (
            "use_rep='X' holds only whole numbers, so it seems to be counts, which are no "
            "Gaussians: compute principal components of log-normalised values (scanpy.pp.pca)."
        )
        raise ValueError(msg)


def _check_free(adata: ad.AnnData, keys: Keys, *, copy: bool) -> None:
    """Refuse an object that cannot be written, and to replace an entry that is not a fit."""
    _validate.check_writable(adata, copy=copy)
    there = adata.uns.get(keys.uns)
    if there is not None and not (isinstance(there, Mapping) and Uns.PARAMS in there):
        msg = (
            f"uns[{keys.uns!r}] holds something else than a fit, which would be lost: "
            "choose another key_added."
        )
        raise ValueError(msg)


def _check_paired(found: _validate.Sides, *, paired: bool | None) -> None:
    """Refuse a pairing that the donors do not have."""
    _validate.check_paired(paired)
    if not paired:
        return
    if found.donors_source is None or found.donors_target is None:
        msg = "paired=True needs donors: give donor_key, or leave out paired."
        raise ValueError(msg)
    if not set(found.donors_source) & set(found.donors_target):
        raise ValueError(donors.NO_PAIRS)


class _Earlier(NamedTuple):
    """Source components of an earlier fit, None without one."""

    mixture: GaussianMixture | None = None
    names: list[str] | None = None


def _earlier(adata: ad.AnnData, key: str | None, **wanted: Any) -> _Earlier:
    """Source side of a fit in the object, which must be of the same cells and representation."""
    if key is None:
        return _Earlier()
    from cgmm import get

    known = get.params(adata, key=key)
    for name, value in wanted.items():
        if known[name] != value:
            msg = (
                f"share_source={key!r} was fitted with {name}={known[name]!r}, not {value!r}: "
                "source components can only be shared by fits of the same source cells."
            )
            raise ValueError(msg)
    fit = get.fit(adata, key=key)
    names = [str(name) for name in adata.uns[Keys(key).uns][Uns.names(SOURCE)]]
    return _Earlier(fit.source, names)
