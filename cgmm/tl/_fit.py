"""Fit a comparison, and write a fit into an object.

:func:`fit` = check the input, :func:`cgmm.selection.fit_automatic`, :func:`annotate`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
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
        Weights, means, covariances, coupling, costs, shares, history, names, components, donors,
        and ``params``, one JSON text.

    Raises
    ------
    KeyError, ValueError
        When the input cannot be used; the sentence says what to do. Nothing is written then.
    """
    keys = Keys(key_added)
    _validate.check_writable(adata, copy=copy)
    found = _validate.sides(
        adata,
        condition_key=condition_key,
        source=source,
        target=target,
        use_rep=use_rep,
        n_dims=n_dims,
        donor_key=donor_key,
    )
    earlier = None
    if share_source is not None:
        earlier = _earlier(
            adata,
            share_source,
            condition_key=condition_key,
            source=str(source),
            use_rep=use_rep,
            n_dims=found.points_source.shape[1],
            donor_key=donor_key,
        )
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
        source=None if earlier is None else earlier.mixture,
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
        names_source=None if earlier is None else earlier.names,
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
    _validate.check_writable(adata, copy=copy)
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
    n_fitted = np.asarray(fit.source.means).shape[1]
    if found.points_source.shape[1] != n_fitted:
        msg = (
            f"The fit has {n_fitted} dimensions, but {use_rep} gives "
            f"{found.points_source.shape[1]}: name the same representation and n_dims."
        )
        raise ValueError(msg)
    held = _annotate.check_naming(adata, name_by, expression, layer)
    if not fit.sensitivity:  # made by hand, so nobody has looked for components that are gone
        both = fit.prevalence_source, fit.prevalence_target
        kept = emptied(fit.coupling, *both, within_covariance(*both))
        fit = replace(fit, coupling=kept)
    r = (
        fit.prevalence_source.responsibilities(found.points_source),
        fit.prevalence_target.responsibilities(found.points_target),
    )
    table, named_by = _annotate.component_table(adata, fit, found, r, name_by, held, names_source)
    per_donor = {
        side: None if d is None else donors.donor_shares(x, d)
        for side, x, d in zip(SIDES, r, (found.donors_source, found.donors_target), strict=True)
    }
    if all(s is not None for s in per_donor.values()):
        # Refuses an impossible paired=True before anything is written.
        origin = donors.share_of_target(fit.coupling, fit.shares_source)
        donors.intervals(per_donor[SOURCE], per_donor[TARGET], origin, paired=paired)

    params = {
        "condition_key": condition_key,
        "source": str(source),
        "target": str(target),
        "use_rep": use_rep,
        "n_dims": n_fitted,
        "donor_key": donor_key,
        "paired": paired,
        "name_by": name_by,
        "named_by": named_by,
        "share_source": share_source,
        "random_state": random_state,
        "n_cells": {SOURCE: len(r[0]), TARGET: len(r[1])},
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
        "versions": _annotate.versions(),
    }
    uns: dict[str, Any] = {
        Uns.PARAMS: dumps(params),
        Uns.COUPLING: np.asarray(fit.coupling, dtype=float),
        Uns.COSTS: np.asarray(fit.costs, dtype=float),
        Uns.HISTORY: np.asarray(fit.history, dtype=float),
        Uns.COMPONENTS: storable(table),
        Uns.DONORS: storable(_annotate.donor_table(per_donor)),
    }
    if fit.metric is not None:
        uns[Uns.METRIC] = np.asarray(fit.metric, dtype=float)
    for side, mixture, shares in (
        (SOURCE, fit.source, fit.shares_source),
        (TARGET, fit.target, fit.shares_target),
    ):
        uns[Uns.weights(side)] = np.asarray(mixture.weights, dtype=float)
        uns[Uns.means(side)] = np.asarray(mixture.means, dtype=float)
        uns[Uns.covariances(side)] = np.asarray(mixture.covariances, dtype=float)
        uns[Uns.shares(side)] = np.asarray(shares, dtype=float)
        uns[Uns.names(side)] = table.loc[table["side"] == side, "name"].to_numpy(object)
    cells = _annotate.cell_fields(adata.n_obs, fit, found, r, uns)

    adata = adata.copy() if copy else adata
    with warnings.catch_warnings():
        # Writing into a view makes it an object of its own: what the caller asked for.
        warnings.simplefilter("ignore", ad.ImplicitModificationWarning)
        adata.uns[keys.uns] = uns
        adata.obs[keys.component] = cells.component
        adata.obs[keys.log2_net_factor] = cells.log2_net_factor
        adata.obs[keys.shift] = cells.shift
        adata.obsm[keys.responsibilities] = cells.responsibilities
        adata.obsm[keys.displacement] = cells.displacement
        adata.obsm[keys.projected] = cells.projected
    return adata if copy else None


class _Earlier(NamedTuple):
    """Source components of an earlier fit."""

    mixture: GaussianMixture
    names: list[str]


def _earlier(adata: ad.AnnData, key: str, **wanted: Any) -> _Earlier:
    """Source side of a fit in the object, which must be of the same cells and representation."""
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
