"""One interface to points in memory and to points in the chunks of a Dask array.

Every computation applies a function to groups of rows.  For an array in memory a loop calls the
function.  For a Dask array, Dask calls the function where each chunk is: in the threads of one
machine, or on the workers of ``dask.distributed`` while a client is active.  Chunks are cut at the
same rows as arrays in memory, and results are added in the order of the rows.  Both kinds of points
therefore give the same bits, even when workers are lost and replaced.

Dask is imported only when a Dask array is given.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from cgmm._utils.ahead import ahead
from cgmm._utils.blas import one_thread
from cgmm.mixture.blocks import (
    BLOCK_ROWS,
    PART_ROWS,
    Block,
    Cells,
    WeightedPoints,
    Weights,
    cut,
    normalised,
    pieces,
    products,
)


class Chunks:
    """Points of a Dask array, in chunks cut at the same rows as arrays in memory.

    Parameters
    ----------
    delayed
        Delayed array of the points of every chunk.
    sizes
        Number of rows of every chunk: a multiple of ``PART_ROWS``, except for the last chunk.
    n_dims, dtype
        Number of columns, and dtype of the points.
    """

    def __init__(
        self, delayed: Sequence[Any], sizes: Sequence[int], n_dims: int, dtype: np.dtype
    ) -> None:
        self.delayed = list(delayed)
        self.sizes = list(sizes)
        self.shape = (sum(sizes), n_dims)
        self.dtype = dtype

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def size(self) -> int:
        """Number of values, N times D."""
        return self.shape[0] * self.shape[1]

    def arrays(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield where the rows of every chunk are, and the rows; memory holds one chunk."""
        start = 0
        for chunk, size in zip(self.delayed, self.sizes, strict=True):
            yield slice(start, start + size), np.asarray(chunk.compute(scheduler="synchronous"))
            start += size


Points = np.ndarray | Chunks


class ChunkedCells(WeightedPoints):
    """Weighted points in chunks; :class:`cgmm.mixture.blocks.Cells` holds points in memory.

    Parameters
    ----------
    points
        Shape (N, D).
    weights
        Shape (N,), non-negative, or None for equal weights.  They are scaled to sum to one.
    dtype
        Precision of the arithmetic.
    """

    def __init__(self, points: Chunks, weights: np.ndarray | None, dtype: type) -> None:
        super().__init__(points, dtype)
        self._weights = _split(points, normalised(weights, self.n))

    def tasks(self, function: Callable[[Iterable[Block]], Any]) -> list[Any]:
        """Return one delayed list per chunk: the results of a function of each part's blocks."""
        of_blocks = partial(_of_blocks, function, self.dtype)
        return _delayed(of_blocks, self.points, self._weights, PART_ROWS)

    def _products(self, centre: np.ndarray) -> Iterable[np.ndarray]:
        function = partial(products, centre=centre)
        return computed([_delayed(function, self.points, self._weights, BLOCK_ROWS)])[0]


def cells_of(points: Points, weights: np.ndarray | None, dtype: type) -> Cells | ChunkedCells:
    """Return points and weights ready for passes; ``weights`` as for :class:`ChunkedCells`."""
    if isinstance(points, Chunks):
        return ChunkedCells(points, weights, dtype)
    return Cells(points, weights, dtype)


def point_pieces(points: Points) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield where some rows of the points are, and the rows: a part, or a chunk, at a time."""
    if isinstance(points, Chunks):
        return ahead(points.arrays())
    starts = range(0, len(points), PART_ROWS)
    rows = (slice(start, start + PART_ROWS) for start in starts)
    return ((part, points[part]) for part in rows)


def points_of(points: Any) -> Points:
    """Return a Dask array as :class:`Chunks`, and other points as a numpy array.

    Chunks are cut at multiples of ``PART_ROWS`` rows, as near as possible to the ends of the given
    chunks.

    Raises
    ------
    ValueError
        When the chunks of a Dask array have unknown sizes.
    """
    array = sys.modules.get("dask.array")
    if isinstance(points, Chunks):
        return points
    if array is None or not isinstance(points, array.Array) or points.ndim != 2:
        return np.asarray(points)
    n, d = points.shape
    if np.isnan(n) or np.isnan(d):
        msg = (
            f"the sizes of the chunks of points are not known, got shape {points.shape}: call "
            "compute_chunk_sizes() of the Dask array first"
        )
        raise ValueError(msg)
    ends = np.rint(np.cumsum(points.chunks[0]) / PART_ROWS).astype(int) * PART_ROWS
    cuts = [0, *np.unique(ends[(ends > 0) & (ends < n)]), n]
    sizes = [int(size) for size in np.diff(cuts)]
    chunks = points.rechunk((tuple(sizes), (d,))).to_delayed().ravel()
    return Chunks(chunks, sizes, d, points.dtype)


def over_rows(function: Callable[..., Any], points: Points, weights: Weights) -> Iterable[Any]:
    """Return ``function(points, weights)`` for each ``BLOCK_ROWS`` rows, in their order."""
    if isinstance(points, Chunks):
        return computed([_delayed(function, points, _split(points, weights), BLOCK_ROWS)])[0]
    return (function(x, w) for x, w in pieces(points, weights, BLOCK_ROWS))


@one_thread()
def column_moments(points: Points, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the weighted mean and variance of every column, shapes (D,), in double precision."""
    origin = taken(points, np.arange(1))[0].astype(float)
    total, first, second = 0.0, np.zeros(len(origin)), np.zeros(len(origin))
    function = partial(_sums_of_columns, origin=origin)
    for weight, one, two in over_rows(function, points, 1.0 if weights is None else weights):
        total += weight
        first += one
        second += two
    mean = first / total
    return origin + mean, np.maximum(second / total - mean**2, 0.0)


def floating(points: Points) -> Points:
    """Return the points unchanged if they are floating point, else in double precision."""
    if np.issubdtype(points.dtype, np.floating):
        return points
    return _applied(np.ndarray.astype, points, np.dtype(float))


def mapped(points: Points, matrix: np.ndarray) -> Points:
    """Return every point multiplied by a matrix (D, D), in the precision of the points."""
    return _applied(_multiplied, points, matrix)


def taken(points: Points, rows: np.ndarray) -> np.ndarray:
    """Return some rows of the points as a numpy array; the row numbers must increase."""
    if not isinstance(points, Chunks):
        return points[rows]
    if not len(rows):
        return np.empty((0, points.shape[1]), points.dtype)
    import dask

    ends = np.cumsum(points.sizes)
    parts = np.split(rows, np.searchsorted(rows, ends[:-1]))
    task = dask.delayed(operator.getitem, pure=False)
    wanted = [
        task(chunk, part - start)
        for chunk, part, start in zip(points.delayed, parts, ends - points.sizes, strict=True)
        if len(part)
    ]
    return np.concatenate(dask.compute(*wanted))


def computed(tasks: Sequence[list[Any]]) -> list[list[Any]]:
    """Return the results of several lists of tasks, computed together, in the order of the rows."""
    import dask

    return [[one for chunk in chunks for one in chunk] for chunks in dask.compute(*tasks)]


def _split(points: Chunks, weights: Weights) -> list[Any]:
    """Return the weights of every chunk."""
    if isinstance(weights, float):
        return [weights] * len(points.sizes)
    import dask

    parts = np.split(weights, np.cumsum(points.sizes)[:-1])
    # persisted on the workers; otherwise every pass would send them again
    return list(dask.persist(*(dask.delayed(part, traverse=False) for part in parts)))


def _delayed(
    function: Callable[..., Any], points: Chunks, weights: list[Any], n_rows: int
) -> list[Any]:
    import dask

    shared = dask.delayed(function, traverse=False)  # one graph node that holds the parameters
    task = dask.delayed(_on_chunk, pure=False)
    return [task(shared, x, w, n_rows) for x, w in zip(points.delayed, weights, strict=True)]


def _applied(
    function: Callable[[np.ndarray, Any], np.ndarray], points: Points, argument: Any
) -> Points:
    """Return ``function(points, argument)``, applied to all points at once or to every chunk."""
    if not isinstance(points, Chunks):
        return function(points, argument)
    import dask

    shared, task = dask.delayed(argument, traverse=False), dask.delayed(function, pure=False)
    dtype = function(np.empty((0, points.shape[1]), points.dtype), argument).dtype
    chunks = [task(chunk, shared) for chunk in points.delayed]
    return Chunks(chunks, points.sizes, points.shape[1], dtype)


def _on_chunk(
    function: Callable[..., Any], points: np.ndarray, weights: Weights, n_rows: int
) -> list[Any]:
    with one_thread():
        return [function(x, w) for x, w in pieces(np.asarray(points), weights, n_rows)]


def _of_blocks(
    function: Callable[[Iterable[Block]], Any],
    dtype: np.dtype,
    points: np.ndarray,
    weights: Weights,
) -> Any:
    return function(cut(points, weights, dtype))


def _sums_of_columns(
    points: np.ndarray, weights: Weights, origin: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    off = points - origin
    weight = np.ones(len(off)) if isinstance(weights, float) else weights
    return float(weight.sum()), weight @ off, weight @ (off * off)


@one_thread()
def _multiplied(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    out = np.empty(points.shape, points.dtype)
    for start in range(0, len(points), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        out[rows] = points[rows] @ matrix
    return out
