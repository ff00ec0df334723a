"""Results of a fit for every cell."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cgmm._anndata.sides import Sides
from cgmm._anndata.storage import CellFields
from cgmm.automatic.cell_factors import MIN_OLD
from cgmm.coupled.result import CoupledFit
from cgmm.pair import SIDES, Pair
from cgmm.tl._found_populations import Found
from cgmm.transport.barycentric_map import displacement
from cgmm.transport.coupling import divide


def cell_fields(
    n_obs: int,
    fit: CoupledFit,
    sides: Sides,
    responsibilities: Pair[np.ndarray],
    components: pd.DataFrame,
    populations: Found | None = None,
) -> CellFields:
    """Return the results of a fit for all cells of the object.

    Parameters
    ----------
    n_obs
        Number of cells of the object.
    fit
        The fit.
    sides
        The cells of both conditions.
    responsibilities
        Shapes (N0, K0) and (N1, K1).
    components
        The table of :func:`cgmm.tl._component_table.component_table`.
    populations
        The populations that were found, or None.
    """
    log2_net = np.full(n_obs, np.nan)
    for rows, values in zip(sides.rows, _log2_net(fit, responsibilities), strict=True):
        log2_net[rows] = values
    source = sides.rows.source
    moves = np.full((n_obs, sides.n_dims), np.nan, sides.dtype)
    places = moves.copy()
    moved = displacement(
        sides.points.source,
        responsibilities.source,
        means_source=fit.source.means,
        means_target=fit.target.means,
        covariances_source=fit.source.covariances,
        covariances_target=fit.target.covariances,
        coupling=fit.coupling,
    )
    shift = np.full(n_obs, np.nan)
    shift[source] = np.linalg.norm(moved, axis=1)
    moves[source] = moved
    moved += sides.points.source
    places[source] = moved
    padded = np.full((n_obs, max(fit.coupling.shape)), np.nan)
    for rows, r in zip(sides.rows, responsibilities, strict=True):
        padded[rows, : r.shape[1]] = r
    names = _component_names(n_obs, sides, responsibilities, components)
    population = None if populations is None else populations.categories(n_obs, sides)
    origin = None if populations is None else populations.origins(n_obs, sides, fit.origins)
    return CellFields(names, population, origin, log2_net, shift, padded, moves, places)


def _log2_net(fit: CoupledFit, responsibilities: Pair[np.ndarray]) -> Pair[np.ndarray]:
    """Return the log2 net factor of every cell of both conditions.

    A cell has the factor that the fit counted for it.  Without one, a source cell has the mean
    factor of its components, and a target cell the mean factor of the source components from which
    its components came; in new components the factor is ``inf``.
    """
    net, origin = np.exp2(fit.log2_net), fit.origin
    net = np.where(np.isfinite(net), net, 0.0)
    old = responsibilities.target @ (origin.sum(axis=0) > 0)
    with np.errstate(divide="ignore"):
        source = np.log2(responsibilities.source @ net)
        factor = divide(responsibilities.target @ (origin.T @ net), old)
        target = np.where(old < MIN_OLD, np.inf, np.log2(factor))

    def counted(known: np.ndarray | None, other: np.ndarray) -> np.ndarray:
        # factors of other cells do not count
        return other if known is None or len(known) != len(other) else known

    return Pair(counted(fit.log2_net_cells, source), counted(fit.log2_net_target_cells, target))


def _component_names(
    n_obs: int, sides: Sides, responsibilities: Pair[np.ndarray], components: pd.DataFrame
) -> pd.Categorical:
    """Return the name of the component with the largest responsibility for each cell."""
    names = np.full(n_obs, None, dtype=object)
    for side, rows, r in zip(SIDES, sides.rows, responsibilities, strict=True):
        own = components.loc[components["side"] == side, "name"].to_numpy(object)
        names[rows] = own[r.argmax(axis=1)]
    categories = list(dict.fromkeys(components["name"]))
    return pd.Categorical(names, categories=categories)
