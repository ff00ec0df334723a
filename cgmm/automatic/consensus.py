"""One partition of cells from several: cells stay together where most partitions keep them so.

Cells with the same labels in all partitions form one group. Groups are joined by average linkage:
the two with the largest mean share of partitions that keep their cells together, over pairs of
cells, until no pair of groups is kept together by half of the partitions (evidence accumulation,
Fred & Jain 2005, IEEE Trans. Pattern Anal. Mach. Intell. 27:835).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cgmm.transport.coupling import divide

HALF = 0.5


def consensus(partitions: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Return the consensus of partitions of the same cells.

    Parameters
    ----------
    partitions
        Labels of the cells, shapes (N,).
    weights
        Weights of the cells, shape (N,), positive.

    Returns
    -------
    Labels 0, 1, ..., shape (N,).
    """
    kinds, group = np.unique(np.asarray(partitions), axis=1, return_inverse=True)
    group = group.ravel()
    n = kinds.shape[1]
    mass = np.bincount(group, weights, n)
    pairs = (kinds[:, :, None] == kinds[:, None]).mean(axis=0) * mass[:, None] * mass
    of = np.arange(n)
    while True:
        together = divide(pairs, mass[:, None] * mass)
        np.fill_diagonal(together, -1.0)
        one, other = divmod(int(together.argmax()), n)
        if together[one, other] < HALF:
            return np.unique(of[group], return_inverse=True)[1]
        pairs[one] += pairs[other]
        pairs[:, one] += pairs[:, other]
        pairs[other], pairs[:, other] = 0.0, 0.0
        mass[one] += mass[other]
        mass[other] = 0.0
        of[of == other] = one
