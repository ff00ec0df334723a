"""Fit the cells of a comparison and leave the object unchanged; the workflow's fit job uses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anndata as ad

from cgmm._anndata.comparison import Comparison
from cgmm._anndata.point_checks import check_no_counts
from cgmm._anndata.sides import Sides, cell_weights, check_pairing, take_sides
from cgmm.coupled.result import CoupledFit
from cgmm.mixture.gaussian_mixture import GaussianMixture


def fit_comparison(adata: ad.AnnData, comparison: Comparison, **settings: Any) -> CoupledFit:
    """Return the fit of a comparison after a check; the object is not changed.

    Parameters
    ----------
    adata
        Cells of both conditions.
    comparison
        The comparison.
    **settings
        Settings of :func:`fit_sides`: n_components, rho, epsilon, transport_weight, random_state.

    Returns
    -------
    CoupledFit

    Raises
    ------
    KeyError, ValueError
        When the input cannot be used.
    """
    return fit_sides(checked_sides(adata, comparison), **settings)


def checked_sides(adata: ad.AnnData, comparison: Comparison, *, lazy: bool = True) -> Sides:
    """Return the cells of both conditions; raise when the comparison cannot be fitted.

    ``lazy`` is that of :func:`cgmm._anndata.sides.take_sides`.
    """
    sides = take_sides(adata, comparison, lazy=lazy)
    check_no_counts(sides.points.source, comparison.use_rep)
    check_pairing(sides, paired=comparison.paired)
    return sides


def fit_sides(
    sides: Sides,
    *,
    n_components: int | tuple[int, int] | None = None,
    rho: float | None = None,
    epsilon: float | None = None,
    transport_weight: float | None = None,
    source: GaussianMixture | None = None,
    random_state: int = 0,
    progress: Callable[..., Any] | None = None,
) -> CoupledFit:
    """Return the fit of the cells of both conditions, in which donors count equally.

    Parameters
    ----------
    sides
        The cells.
    n_components, rho, epsilon, transport_weight, random_state, progress
        As in :func:`cgmm.tl.fit`.
    source
        Source components that stay fixed.

    Returns
    -------
    CoupledFit
    """
    from cgmm.automatic.fit import fit_automatic

    weights = cell_weights(sides)
    return fit_automatic(
        sides.points.source,
        sides.points.target,
        weights_source=weights.source,
        weights_target=weights.target,
        donors_source=sides.donors.source,
        donors_target=sides.donors.target,
        n_components=n_components,
        rho=rho,
        epsilon=epsilon,
        transport_weight=transport_weight,
        source=source,
        random_state=random_state,
        progress=progress,
    )
