"""Results of a fit for every cell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.comparison import Comparison
from cgmm._anndata.sides import Sides, stored_representation
from cgmm._anndata.storage import CellFields
from cgmm._utils.lazy_rows import Rows, pieces
from cgmm.automatic.cell_factors import MIN_OLD
from cgmm.coupled.result import CoupledFit
from cgmm.mixture.chunked import Chunks
from cgmm.pair import SIDES, Pair
from cgmm.tl._found_populations import Found
from cgmm.tl._lazy_places import lazy_places
from cgmm.transport.barycentric_map import BarycentricMap
from cgmm.transport.coupling import divide


def cell_fields(
    adata: ad.AnnData,
    fit: CoupledFit,
    sides: Sides,
    responsibilities: Pair[Rows],
    components: pd.DataFrame,
    populations: Found | None,
    comparison: Comparison,
) -> CellFields:
    """Return the results of a fit for all cells of the object.

    Parameters
    ----------
    adata
        The object.
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
    comparison
        The conditions and the representation.
    """
    n_obs = adata.n_obs
    log2_net = np.full(n_obs, np.nan)
    for rows, values in zip(sides.rows, _log2_net(fit, responsibilities), strict=True):
        log2_net[rows] = values
    names = _component_names(n_obs, sides, responsibilities, components)
    population = None if populations is None else populations.categories(n_obs, sides)
    origin = None if populations is None else populations.origins(n_obs, sides, fit.origins)
    if isinstance(sides.points.source, Chunks):
        stored = stored_representation(adata, comparison.use_rep, sides.n_dims)
        where = lazy_places(stored, fit, sides)
    else:
        where = _places(n_obs, fit, sides, responsibilities)
    return CellFields(names, population, origin, log2_net, *where)


def _places(
    n_obs: int, fit: CoupledFit, sides: Sides, responsibilities: Pair[Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return shift, responsibilities, displacement and position of every cell of the object."""
    source = sides.rows.source
    moves = np.full((n_obs, sides.n_dims), np.nan, sides.dtype)
    places = moves.copy()
    map_ = BarycentricMap.of(fit.source, fit.target, fit.coupling)
    moved = map_.displacement(sides.points.source, responsibilities.source)
    shift = np.full(n_obs, np.nan)
    shift[source] = np.linalg.norm(moved, axis=1)
    moves[source] = moved
    moved += sides.points.source
    places[source] = moved
    padded = np.full((n_obs, max(fit.coupling.shape)), np.nan)
    for rows, r in zip(sides.rows, responsibilities, strict=True):
        padded[rows, : r.shape[1]] = r
    return shift, padded, moves, places


def _log2_net(fit: CoupledFit, responsibilities: Pair[Rows]) -> Pair[np.ndarray]:
    """Return the log2 net factor of every cell of both conditions.

    A cell has the factor that the fit counted for it.  Without one, a source cell has the mean
    factor of its components, and a target cell the mean factor of the source components from which
    its components came; in new components the factor is ``inf``.
    """
    origin = fit.origin
    net = np.where(np.isfinite(fit.log2_net), np.exp2(fit.log2_net), 0.0)

    def of_source(r: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return np.log2(r @ net)

    def of_target(r: np.ndarray) -> np.ndarray:
        old = r @ (origin.sum(axis=0) > 0)
        with np.errstate(divide="ignore"):
            factor = np.log2(divide(r @ (origin.T @ net), old))
        return np.where(old < MIN_OLD, np.inf, factor)

    def counted(
        known: np.ndarray | None, r: Rows, otherwise: Callable[[np.ndarray], np.ndarray]
    ) -> np.ndarray:
        if known is not None and len(known) == r.shape[0]:  # else factors of other cells
            return known
        return np.concatenate([otherwise(part) for _, part in pieces(r)])

    return Pair(
        counted(fit.log2_net_cells, responsibilities.source, of_source),
        counted(fit.log2_net_target_cells, responsibilities.target, of_target),
    )


def _component_names(
    n_obs: int, sides: Sides, responsibilities: Pair[Rows], components: pd.DataFrame
) -> pd.Categorical:
    """Return the name of the component with the largest responsibility for each cell."""
    categories = pd.Index(list(dict.fromkeys(components["name"])), dtype=object)
    codes = np.full(n_obs, -1)
    for side, rows, r in zip(SIDES, sides.rows, responsibilities, strict=True):
        own = categories.get_indexer(components.loc[components["side"] == side, "name"])
        codes[rows] = np.concatenate([own[part.argmax(axis=1)] for _, part in pieces(r)])
    return pd.Categorical.from_codes(codes, categories=categories)
