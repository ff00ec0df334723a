"""Results per cell of a representation that is a Dask array: Dask arrays themselves.

A block of such an array is computed from the block of the representation with the same cells,
whenever it is needed: when it is written to a file, or looked at.  Memory holds a few blocks.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from cgmm._anndata.sides import Sides
from cgmm.coupled.result import CoupledFit
from cgmm.mixture.gaussian_mixture import GaussianMixture
from cgmm.pair import Pair
from cgmm.transport.barycentric_map import BarycentricMap


class Model(NamedTuple):
    """What a block needs besides its cells."""

    mixtures: Pair[GaussianMixture]  #: with the weights of the responsibilities
    map: BarycentricMap
    dtype: np.dtype  #: precision of the representation


def lazy_places(stored: Any, fit: CoupledFit, sides: Sides) -> tuple[np.ndarray, Any, Any, Any]:
    """Return shift, responsibilities, displacement and position of every cell of the object.

    Parameters
    ----------
    stored
        The representation of all cells of the object, a Dask array, shape (n_cells, D).
    fit, sides
        The fit, and the cells of both conditions.

    Returns
    -------
    The shift, shape (n_cells,), an array. Dask arrays of the responsibilities, shape (n_cells,
    max(K0, K1)), of the displacement and of the position, shapes (n_cells, D).
    """
    import dask.array as da

    model = Model(
        Pair(fit.prevalence_source, fit.prevalence_target),
        BarycentricMap.of(fit.source, fit.target, fit.coupling),
        sides.dtype,
    )
    side = np.full((stored.shape[0], 1), -1, dtype=np.int8)
    for code, rows in enumerate(sides.rows):
        side[rows] = code
    points = stored.rechunk({1: -1})
    arguments = points, da.from_array(side, chunks=(points.chunks[0], 1))

    def blocks(function: Any, n: int, dtype: Any) -> Any:
        of = partial(function, model=model)
        return da.map_blocks(of, *arguments, dtype=dtype, chunks=(points.chunks[0], (n,)))

    shift = blocks(_shift, 1, np.float64).compute()[:, 0]
    n_dims = sides.n_dims
    return (
        shift,
        blocks(_padded, max(fit.coupling.shape), np.float64),
        blocks(_moves, n_dims, sides.dtype),
        blocks(_positions, n_dims, sides.dtype),
    )


def _padded(points: np.ndarray, side: np.ndarray, model: Model) -> np.ndarray:
    out = np.full((len(points), max(m.n_components for m in model.mixtures)), np.nan)
    for code, mixture in enumerate(model.mixtures):
        own = side[:, 0] == code
        r = mixture.responsibilities(points[own].astype(np.float64))
        out[own, : r.shape[1]] = r
    return out


def _moved(
    points: np.ndarray, side: np.ndarray, model: Model
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return which cells are of the source, their points and their displacements."""
    own = side[:, 0] == 0
    x = points[own].astype(np.float64)
    return own, x, model.map.displacement(x, model.mixtures.source.responsibilities(x))


def _placed(own: np.ndarray, values: np.ndarray, dtype: Any) -> np.ndarray:
    """Return values of the source cells among all cells of a block, NaN in the others."""
    out = np.full((len(own), values.shape[1]), np.nan, dtype)
    out[own] = values
    return out


def _shift(points: np.ndarray, side: np.ndarray, model: Model) -> np.ndarray:
    own, _, moved = _moved(points, side, model)
    return _placed(own, np.linalg.norm(moved, axis=1, keepdims=True), np.float64)


def _moves(points: np.ndarray, side: np.ndarray, model: Model) -> np.ndarray:
    own, _, moved = _moved(points, side, model)
    return _placed(own, moved, model.dtype)


def _positions(points: np.ndarray, side: np.ndarray, model: Model) -> np.ndarray:
    own, x, moved = _moved(points, side, model)
    return _placed(own, x + moved, model.dtype)
