"""Sums of sparse expression over groups of cells, compiled."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def add_sums(
    sums: np.ndarray,
    groups: np.ndarray,
    weights: np.ndarray,
    starts: np.ndarray,
    genes: np.ndarray,
    values: np.ndarray,
    plain: np.ndarray,
) -> None:
    """Add the values of every cell to the sums of its group.

    Parameters
    ----------
    sums
        Weighted sums of the values, of ones for values above zero, and of ``plain``, shape (3, K,
        n_genes), double precision, added to.
    groups, weights
        Group of each cell, -1 for none, and its weight, shape (n,).
    starts, genes, values
        A CSR matrix of n rows.
    plain
        A function of the values, as long as ``values``.
    """
    for i in range(len(groups)):
        group = groups[i]
        if group < 0:
            continue
        weight = weights[i]
        total, seen, other = sums[0, group], sums[1, group], sums[2, group]
        for k in range(starts[i], starts[i + 1]):
            gene = genes[k]
            total[gene] += weight * values[k]
            other[gene] += weight * plain[k]
            if values[k] > 0:
                seen[gene] += weight
