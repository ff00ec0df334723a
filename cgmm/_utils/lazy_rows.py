"""Rows of a matrix that may lie on disk or be made when they are needed, piece by piece.

A matrix in memory is one piece.  Rows of a Dask array are read one chunk at a time, in the thread
of the caller: memory holds a chunk, not the matrix.  Memberships of cells in groups
(:class:`Members`) and responsibilities (:class:`cgmm.mixture.responsibilities.Responsibilities`)
are made some rows at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np
import scipy.sparse as sp

from cgmm._utils.ahead import ahead

PIECE_ROWS = 65_536
N_KEPT = 4  # Dask arrays of which statistics are kept

Piece = tuple[Any, Any]  #: where rows belong (a slice, or their positions), and the rows


@runtime_checkable
class InPieces(Protocol):
    """A matrix that is not in memory as a whole."""

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""

    def __getitem__(self, rows: Any) -> InPieces:
        """Return some of the rows; nothing is read or made."""

    def pieces(self) -> Iterator[Piece]:
        """Yield positions of rows, and the rows."""


Rows: TypeAlias = np.ndarray | InPieces


def is_lazy(matrix: Any) -> bool:
    """Whether a matrix is a Dask array."""
    return hasattr(matrix, "dask")


def digest(array: np.ndarray) -> bytes:
    """Return what tells the values of an array from others of the same dtype."""
    return blake2b(array.tobytes(), digest_size=16).digest()


def blocks_in_order(matrix: Any) -> Iterator[Any]:
    """Yield the blocks of rows of a Dask array; the next is read meanwhile."""
    blocks = matrix.to_delayed().ravel()
    return ahead(block.compute(scheduler="synchronous") for block in blocks)


class LazyRows:
    """Some rows of a Dask array, in any order.

    Parameters
    ----------
    stored
        Dask array with chunks of numpy arrays or of sparse matrices, shape (n_rows, n_columns).
    rows
        Rows to take, shape (n,); None: all.
    unit
        Number by which values are multiplied when they are read.
    kept
        Statistics of the array that are known; None: those of the last time it was looked at.
    """

    def __init__(
        self,
        stored: Any,
        rows: np.ndarray | None = None,
        unit: float = 1.0,
        kept: dict[Any, Any] | None = None,
    ) -> None:
        self._stored = stored.rechunk({1: -1}) if len(stored.chunks[1]) > 1 else stored
        self._rows = np.arange(stored.shape[0]) if rows is None else np.asarray(rows)
        self._unit = unit
        self.kept = _kept_of(stored) if kept is None else kept

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return len(self._rows), int(self._stored.shape[1])

    def __getitem__(self, rows: Any) -> LazyRows:
        """Return some of the rows, by positions, a mask or a slice; nothing is read."""
        return self._like(self._rows[rows], self._unit)

    def __mul__(self, unit: float) -> LazyRows:
        """Return the rows with values that are multiplied when they are read."""
        return self._like(self._rows, self._unit * unit)

    def _like(self, rows: np.ndarray, unit: float) -> LazyRows:
        return LazyRows(self._stored, rows, unit, self.kept)

    @property
    def place(self) -> tuple[bytes, float]:
        """What tells these rows from others of the same array."""
        return digest(self._rows), self._unit

    def pieces(self) -> Iterator[Piece]:
        """Yield positions of rows, and the rows, of every chunk that has any of them."""
        return ahead(self._pieces())

    def _pieces(self) -> Iterator[Piece]:
        ends = np.concatenate([[0], np.cumsum(self._stored.chunks[0])])
        chunk_of_row = np.searchsorted(ends, self._rows, side="right") - 1
        order = np.argsort(chunk_of_row, kind="stable")
        starts = np.searchsorted(chunk_of_row[order], np.arange(len(ends)))
        for i in np.flatnonzero(np.diff(starts)):
            here = order[starts[i] : starts[i + 1]]
            chunk = self._stored.blocks[int(i)].compute(scheduler="synchronous")
            chunk = sp.csr_matrix(chunk) if sp.issparse(chunk) else chunk
            wanted = self._rows[here] - ends[i]
            if len(wanted) != chunk.shape[0] or (np.diff(wanted) != 1).any():
                chunk = chunk[wanted]
            yield here, chunk if self._unit == 1.0 else chunk * self._unit


_KEPT: deque[tuple[Any, str, dict[Any, Any]]] = deque(maxlen=N_KEPT)


def _kept_of(stored: Any) -> dict[Any, Any]:
    """Return what is known of a Dask array, as long as it is one of the last that were looked at.

    An array whose values were replaced has another name.
    """
    for array, name, known in _KEPT:
        if array is stored and name == stored.name:
            return known
    _KEPT.append((stored, stored.name, {}))
    return _KEPT[-1][2]


class Extent(NamedTuple):
    """Whether all values are finite, and the least value (zero for no values)."""

    finite: bool
    least: float


def extent(matrix: Any) -> Extent:
    """Return the extent of the values of a matrix, from one pass.

    Parameters
    ----------
    matrix
        As for :func:`pieces`.
    """
    place = ("extent", matrix.place) if isinstance(matrix, LazyRows) else None
    if place is not None and place in matrix.kept:
        known: Extent = matrix.kept[place]
        return known
    finite, least = True, 0.0
    for _, part in pieces(matrix):
        values = part.data if sp.issparse(part) else np.asarray(part)
        finite = finite and bool(np.isfinite(values).all())
        least = min(least, float(values.min(initial=0)))
    if place is not None:
        matrix.kept[place] = Extent(finite, least)
    return Extent(finite, least)


class Members:
    """Memberships of cells in groups, one column of zeros and ones for each group.

    Parameters
    ----------
    groups
        Group (0, 1, ...) of every cell, shape (n,); -1 for none.
    n_groups
        Number of groups.
    """

    def __init__(self, groups: np.ndarray, n_groups: int) -> None:
        self.groups, self._n = groups, n_groups

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of cells and groups."""
        return len(self.groups), self._n

    def __getitem__(self, rows: Any) -> Members:
        """Return some of the cells."""
        return Members(self.groups[rows], self._n)

    def pieces(self) -> Iterator[Piece]:
        """Yield slices of the cells, and their memberships, shape (n_rows, n_groups)."""
        columns = np.arange(self._n)
        for start in range(0, len(self.groups), PIECE_ROWS):
            rows = slice(start, start + PIECE_ROWS)
            yield rows, (self.groups[rows, None] == columns).astype(float)


def pieces(matrix: Any) -> Iterator[Piece]:
    """Yield where rows belong, and the rows: a matrix in memory as a whole.

    Parameters
    ----------
    matrix
        Numpy array, sparse matrix or :class:`InPieces`.
    """
    if isinstance(matrix, InPieces):
        yield from matrix.pieces()
    else:
        yield slice(None), matrix


def in_memory(matrix: Any, columns: np.ndarray | None = None) -> Any:
    """Return a matrix in memory, or some of its columns.

    Parameters
    ----------
    matrix
        As for :func:`pieces`.
    columns
        Numbers of the columns; None: all.
    """
    if not isinstance(matrix, InPieces):
        return matrix if columns is None else matrix[:, columns]
    found = [(at, part if columns is None else part[:, columns]) for at, part in pieces(matrix)]
    if not found:
        return np.zeros((0, matrix.shape[1] if columns is None else len(columns)))
    places = np.arange(matrix.shape[0])
    order = np.argsort(np.concatenate([places[at] for at, _ in found]), kind="stable")
    parts = [part for _, part in found]
    whole = sp.vstack(parts, format="csr") if sp.issparse(parts[0]) else np.concatenate(parts)
    return whole[order]


def summed(
    matrix: Any,
    groups: np.ndarray | None = None,
    n_groups: int = 1,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Return the sums of the rows of each group, from one pass over the pieces.

    Parameters
    ----------
    matrix
        As for :func:`pieces`, shape (n, K), dense.
    groups
        Group (0, 1, ...) of every row, shape (n,); None: all rows are one group.
    n_groups
        Number of groups.
    weights
        Shape (n,); None: equal weights.

    Returns
    -------
    Shape (n_groups, K).
    """
    n, k = matrix.shape
    groups = np.zeros(n, dtype=int) if groups is None else groups
    sums = np.zeros((n_groups, k))
    for at, part in pieces(matrix):
        own = groups[at]
        mass = np.ones(len(own)) if weights is None else weights[at]
        member = sp.csr_array((mass, (own, np.arange(len(own)))), (n_groups, len(own)))
        sums += member @ part
    return sums
