"""Products of sparse rows with themselves: what the covariance of genes is made of.

For each gene, the rows that have it add their later values to one row of the result, which stays in
the fastest memory of the processor meanwhile.  At nine tenths of zeros this takes a third of the
time of a dense product, and a seventh of scipy's sparse one.
"""

from __future__ import annotations

import numba
import numpy as np

ROWS = 512  # taken together: their values fit into the second memory of a processor
ROWS_IN_SINGLE = 4096  # rows that are summed in single precision


def add_products(
    total: np.ndarray,
    sums: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
    data: np.ndarray,
    place: np.ndarray,
) -> None:
    """Add the products of some columns of a CSR matrix with each other, and their sums.

    Parameters
    ----------
    total
        Shape (G, G), double precision; the upper triangle is added to.
    sums
        Shape (G,), double precision, added to.
    indptr, indices, data
        The matrix; the indices of each row are sorted.
    place
        Number of each column among the G columns in the same order, -1: left out.
    """
    kind = np.uint16 if len(sums) <= np.iinfo(np.uint16).max else np.uint32
    part = np.empty(total.shape, dtype=np.float32)
    for lo in range(0, len(indptr) - 1, ROWS_IN_SINGLE):
        ends = np.asarray(indptr[lo : lo + ROWS_IN_SINGLE + 1], dtype=np.int64)
        inside = slice(int(ends[0]), int(ends[-1]))
        found = place[indices[inside]]
        kept = found >= 0
        columns, values = found[kept].astype(kind), data[inside][kept].astype(np.float32)
        kept_ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(kept)])[ends - ends[0]]
        part[:] = 0
        for start in range(0, len(ends) - 1, ROWS):
            _add(part, kept_ends[start : start + ROWS + 1], columns, values)
        total += part
        sums += np.bincount(columns, weights=values, minlength=len(sums))


@numba.njit(cache=True)
def _add(out: np.ndarray, ends: np.ndarray, columns: np.ndarray, values: np.ndarray) -> None:
    """Add the products of a few rows to the upper triangle of ``out``."""
    n_columns = out.shape[0]
    first = ends[0]
    count = np.zeros(n_columns + 1, np.int64)
    for k in range(first, ends[-1]):
        count[columns[k] + 1] += 1
    for c in range(n_columns):
        count[c + 1] += count[c]
    # the values of each column: where they stand, and where their row ends
    stands = np.empty(ends[-1] - first, np.int64)
    until = np.empty(ends[-1] - first, np.int64)
    at = count[:-1].copy()
    for r in range(len(ends) - 1):
        for k in range(ends[r], ends[r + 1]):
            c = columns[k]
            stands[at[c]] = k
            until[at[c]] = ends[r + 1]
            at[c] += 1
    for c in range(n_columns):
        row = out[c]
        for t in range(count[c], count[c + 1]):
            k = stands[t]
            value = values[k]
            # slices, because an index into a whole array is checked for being negative
            others, theirs = columns[k : until[t]], values[k : until[t]]
            for j in range(len(others)):
                row[others[j]] += value * theirs[j]
