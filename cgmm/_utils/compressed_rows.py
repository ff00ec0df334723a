"""Write a sparse matrix that is a Dask array into an h5ad file, compressed by several threads.

HDF5 compresses one chunk after another, in one thread.  Here chunks are compressed side by side by
the same method, gzip, and put into the file as they are, so every program can read them.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import h5py
import numpy as np
import scipy.sparse as sp

from cgmm._utils.ahead import side_by_side
from cgmm._utils.lazy_rows import blocks_in_order
from cgmm._utils.rows import describe_csr

CHUNK = 1_000_000  # values
FASTEST = 1  # level of gzip


class Chunk(NamedTuple):
    """Values of one chunk of a dataset, and where it begins; ``end`` is the end of the values."""

    name: str
    start: int
    end: int
    values: np.ndarray


def write_csr(group: h5py.Group, matrix: Any) -> None:
    """Write a matrix into a new group, in the encoding of anndata.

    Parameters
    ----------
    group
        The group.
    matrix
        Dask array of CSR blocks of all columns, shape (n_rows, n_columns).
    """
    # indices are sorted within a row: without the shuffle of bytes they hardly shrink
    for name, kind, shuffle in (("data", matrix.dtype, False), ("indices", np.int32, True)):
        group.create_dataset(
            name,
            (0,),
            kind,
            maxshape=(None,),
            chunks=(CHUNK,),
            compression="gzip",
            compression_opts=FASTEST,
            shuffle=shuffle,
        )
    sizes: list[np.ndarray] = []
    for chunk, compressed in side_by_side(_compressed, _chunks(matrix, sizes)):
        stored = group[chunk.name]
        stored.resize((chunk.end,))
        stored.id.write_direct_chunk((chunk.start,), compressed)
    ends = np.concatenate([[0], *sizes]).cumsum()
    group.create_dataset("indptr", data=ends, compression="gzip", compression_opts=FASTEST)
    describe_csr(group, matrix.shape)


def _chunks(matrix: Any, sizes: list[np.ndarray]) -> Iterator[Chunk]:
    """Yield the chunks of both datasets, and add the number of values of every row to ``sizes``."""
    waiting: dict[str, list[np.ndarray]] = {"data": [], "indices": []}
    n_waiting = start = 0
    for block in blocks_in_order(matrix):
        rows = sp.csr_matrix(block)
        sizes.append(np.diff(rows.indptr))
        waiting["data"].append(rows.data)
        waiting["indices"].append(rows.indices.astype(np.int32, copy=False))
        n_waiting += rows.nnz
        n_whole = n_waiting // CHUNK * CHUNK
        joined = {name: np.concatenate(parts) for name, parts in waiting.items()}
        for at in range(0, n_whole, CHUNK):
            for name, values in joined.items():
                end = start + at + CHUNK
                yield Chunk(name, start + at, end, values[at : at + CHUNK])
        waiting = {name: [values[n_whole:]] for name, values in joined.items()}
        start, n_waiting = start + n_whole, n_waiting - n_whole
    for name, parts in waiting.items():
        if n_waiting:
            values = np.concatenate([*parts, np.zeros(CHUNK - n_waiting, parts[0].dtype)])
            yield Chunk(name, start, start + n_waiting, values)


def _compressed(chunk: Chunk) -> tuple[Chunk, bytes]:
    values = np.ascontiguousarray(chunk.values)
    if chunk.name == "indices":  # the filter of HDF5: first bytes of all values, second bytes, ...
        values = np.ascontiguousarray(values.view(np.uint8).reshape(len(values), -1).T)
    return chunk, zlib.compress(values.tobytes(), FASTEST)
