"""Rows of a matrix that may lie on disk or be made when they are needed, piece by piece.

A matrix in memory is one piece.  Rows of a Dask array are read one chunk at a time, in the thread
of the caller: memory holds a chunk, not the matrix.  Memberships of cells in groups
(:class:`Members`) and responsibilities (:class:`cgmm.mixture.responsibilities.Responsibilities`)
are made some rows at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import scipy.sparse as sp

PIECE_ROWS = 65_536

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
    """

    def __init__(self, stored: Any, rows: np.ndarray | None = None, unit: float = 1.0) -> None:
        self._stored = stored.rechunk({1: -1}) if len(stored.chunks[1]) > 1 else stored
        self._rows = np.arange(stored.shape[0]) if rows is None else np.asarray(rows)
        self._unit = unit

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return len(self._rows), int(self._stored.shape[1])

    def __getitem__(self, rows: Any) -> LazyRows:
        """Return some of the rows, by positions, a mask or a slice; nothing is read."""
        return LazyRows(self._stored, self._rows[rows], self._unit)

    def __mul__(self, unit: float) -> LazyRows:
        """Return the rows with values that are multiplied when they are read."""
        return LazyRows(self._stored, self._rows, self._unit * unit)

    def pieces(self) -> Iterator[Piece]:
        """Yield positions of rows, and the rows, of every chunk that has any of them."""
        ends = np.concatenate([[0], np.cumsum(self._stored.chunks[0])])
        chunk_of_row = np.searchsorted(ends, self._rows, side="right") - 1
        for i in np.unique(chunk_of_row):
            here = np.flatnonzero(chunk_of_row == i)
            chunk = self._stored.blocks[int(i)].compute(scheduler="synchronous")
            part = (sp.csr_matrix(chunk) if sp.issparse(chunk) else chunk)[
                self._rows[here] - ends[i]
            ]
            yield here, part if self._unit == 1.0 else part * self._unit


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
        self._groups, self._n = groups, n_groups

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of cells and groups."""
        return len(self._groups), self._n

    def __getitem__(self, rows: Any) -> Members:
        """Return some of the cells."""
        return Members(self._groups[rows], self._n)

    def pieces(self) -> Iterator[Piece]:
        """Yield slices of the cells, and their memberships, shape (n_rows, n_groups)."""
        columns = np.arange(self._n)
        for start in range(0, len(self._groups), PIECE_ROWS):
            rows = slice(start, start + PIECE_ROWS)
            yield rows, (self._groups[rows, None] == columns).astype(float)


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
