"""Read and write rows of a matrix in an h5ad file, in blocks.

Memory holds the requested rows and one block, not the whole matrix.  The exception is a CSC matrix,
which is read as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
import scipy.sparse as sp
from anndata.io import read_elem

BLOCK_VALUES = 4_000_000


def read_rows(stored: h5py.Group | h5py.Dataset, rows: np.ndarray) -> Any:
    """Read some rows of a stored matrix.

    Parameters
    ----------
    stored
        ``X`` or a layer: dense, CSR or CSC.  A CSC matrix is read as a whole.
    rows
        True for the rows to read, shape (n_rows_stored,).

    Returns
    -------
    Array or CSR matrix of shape (rows.sum(), n_columns), with the stored dtype.

    Raises
    ------
    ValueError
        When ``rows`` is not as long as the matrix.
    """
    rows = np.asarray(rows, dtype=bool)
    csr = isinstance(stored, h5py.Group) and stored.attrs.get("encoding-type") == "csr_matrix"
    if not csr and isinstance(stored, h5py.Group):
        whole: Any = read_elem(stored)
        _check_length(len(rows), whole.shape[0])
        return sp.csr_matrix(whole)[rows]
    if csr:
        return _sparse(stored, rows)
    _check_length(len(rows), stored.shape[0])
    out = np.empty((int(rows.sum()), stored.shape[1]), dtype=stored.dtype)
    ends = np.arange(len(rows) + 1, dtype=np.int64) * max(1, stored.shape[1])
    at = 0
    for lo, hi in _blocks(ends, rows):
        part = stored[lo:hi][rows[lo:hi]]
        out[at : at + len(part)] = part
        at += len(part)
    return out


def as_dask(stored: h5py.Group) -> Any:
    """Return a stored CSR matrix as a Dask array, in blocks of rows of ``BLOCK_VALUES`` values."""
    from anndata.experimental import read_elem_lazy

    n_rows, n_columns = (int(n) for n in stored.attrs["shape"])
    per_row = max(1, stored["data"].shape[0] // max(1, n_rows))
    rows = min(n_rows, max(1, BLOCK_VALUES // per_row))
    return read_elem_lazy(stored, chunks=(rows, n_columns))


def row_ends(stored: h5py.Group | h5py.Dataset) -> np.ndarray:
    """Return the number of stored values before each row, dense or CSR: shape (n_rows + 1,)."""
    if isinstance(stored, h5py.Dataset):
        return np.arange(stored.shape[0] + 1, dtype=np.int64) * max(1, stored.shape[1])
    return np.asarray(stored["indptr"][:], dtype=np.int64)


def row_blocks(
    stored: h5py.Group | h5py.Dataset, rows: np.ndarray, *, ends: np.ndarray | None = None
) -> Iterator[sp.csr_matrix]:
    """Yield some rows of a stored matrix in blocks, in order.

    Parameters
    ----------
    stored
        Dense or CSR.
    rows
        True for the rows to read, shape (n_rows_stored,).
    ends
        Result of :func:`row_ends` for ``stored``.  None: it is computed.

    Yields
    ------
    CSR matrix of shape (rows in the block, n_columns), with at most ``BLOCK_VALUES`` values unless
    one row has more.

    Raises
    ------
    ValueError
        When ``rows`` is not as long as the matrix.
    """
    rows = np.asarray(rows, dtype=bool)
    starts = row_ends(stored) if ends is None else ends
    _check_length(len(rows), len(starts) - 1)
    if isinstance(stored, h5py.Dataset):
        for lo, hi in _blocks(starts, rows):
            yield sp.csr_matrix(stored[lo:hi][rows[lo:hi]])
        return
    n_columns = int(stored.attrs["shape"][1])
    for lo, hi in _blocks(starts, rows):
        inside = slice(int(starts[lo]), int(starts[hi]))
        block = sp.csr_matrix(
            (stored["data"][inside], stored["indices"][inside], starts[lo : hi + 1] - starts[lo]),
            shape=(hi - lo, n_columns),
        )
        yield block if rows[lo:hi].all() else block[rows[lo:hi]]


def describe_csr(group: h5py.Group, shape: tuple[int, int]) -> None:
    """Write the attributes by which anndata knows a CSR matrix."""
    group.attrs["encoding-type"] = "csr_matrix"
    group.attrs["encoding-version"] = "0.1.0"
    group.attrs["shape"] = np.array(shape)


class RowsWriter:
    """Write a CSR matrix to an open h5ad file, its rows in any order.

    Parameters
    ----------
    group
        A new group of the file, such as ``X``.
    sizes
        Number of values of each row, shape (n_rows,).
    n_columns
        Number of columns of the matrix.
    """

    def __init__(self, group: h5py.Group, sizes: np.ndarray, n_columns: int) -> None:
        self._group = group
        self._ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])
        for name, kind in (("data", np.float32), ("indices", np.int32)):
            group.create_dataset(name, (int(self._ends[-1]),), kind)
        group.create_dataset("indptr", data=self._ends)
        describe_csr(group, (len(sizes), n_columns))

    def write(self, block: sp.csr_matrix, rows: np.ndarray) -> None:
        """Write some rows.

        Parameters
        ----------
        block
            The rows, shape (n, n_columns); n may be 0.
        rows
            Where each of them belongs in the matrix, shape (n,), each once.

        Raises
        ------
        ValueError
            When a row has not the number of values that was announced.
        """
        if (np.diff(block.indptr) != self._ends[rows + 1] - self._ends[rows]).any():
            msg = "A row has not the number of values that was announced."
            raise ValueError(msg)
        if not len(rows):
            return
        order = np.argsort(rows, kind="stable")
        rows = rows[order]
        block = block if (np.diff(order) == 1).all() else block[order]
        starts = np.flatnonzero(np.diff(rows, prepend=-2) != 1)
        for lo, hi in zip(starts, [*starts[1:], len(rows)], strict=True):  # neighbours together
            inside = slice(int(self._ends[rows[lo]]), int(self._ends[rows[hi - 1] + 1]))
            values = slice(int(block.indptr[lo]), int(block.indptr[hi]))
            for name in ("data", "indices"):
                self._group[name][inside] = getattr(block, name)[values]


def _sparse(stored: h5py.Group, rows: np.ndarray) -> sp.csr_matrix:
    """Read some rows of a stored CSR matrix."""
    starts = np.asarray(stored["indptr"][:], dtype=np.int64)
    _check_length(len(rows), len(starts) - 1)
    sizes = np.diff(starts)
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes[rows])])
    n_columns = int(stored.attrs["shape"][1])
    small = max(int(indptr[-1]), n_columns) <= np.iinfo(np.int32).max
    data = np.empty(indptr[-1], dtype=stored["data"].dtype)
    indices = np.empty(indptr[-1], dtype=np.int32 if small else np.int64)
    at = 0
    for lo, hi in _blocks(starts, rows):
        inside = slice(int(starts[lo]), int(starts[hi]))
        wanted = np.repeat(rows[lo:hi], sizes[lo:hi])
        n = int(wanted.sum())
        data[at : at + n] = stored["data"][inside][wanted]
        indices[at : at + n] = stored["indices"][inside][wanted]
        at += n
    return sp.csr_matrix(
        (data, indices, indptr.astype(indices.dtype)), shape=(int(rows.sum()), n_columns)
    )


def _blocks(ends: np.ndarray, rows: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield the first row and the end of every block with a wanted row.

    A block has at most ``BLOCK_VALUES`` values, or one row.  ``ends`` is the number of stored
    values before each row, shape (n_rows + 1,).
    """
    wanted = np.flatnonzero(rows)
    lo, n = (int(wanted[0]), int(wanted[-1]) + 1) if len(wanted) else (0, 0)
    while lo < n:
        most = int(np.searchsorted(ends, ends[lo] + BLOCK_VALUES, side="right")) - 1
        hi = min(n, max(lo + 1, most))
        if rows[lo:hi].any():
            yield lo, hi
        lo = hi


def _check_length(n_given: int, n_rows: int) -> None:
    if n_given != n_rows:
        msg = f"There are {n_given} marks for the {n_rows} rows of the stored matrix."
        raise ValueError(msg)
