"""Other partitions of the same cells, and what they say of each cell.

How cells are cut into components is a choice that no likelihood settles.  A fit without tuning
therefore makes several: the one in the middle becomes the fit, and a component of it whose factor
changes with the cut is not settled (:mod:`cgmm.automatic.sensitivity`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cgmm.mixture.gaussian_mixture import GaussianMixture
from cgmm.thresholds import MAX_LOG2_NET
from cgmm.transport.coupling import log2_net, share_of_target

TIE = 0.001


class FittedPartition(NamedTuple):
    """One partition, fitted and coupled.

    Attributes
    ----------
    label
        How it was started, for people.
    source, target
        Mixtures whose weights are shares without penalty.
    coupling
        ``W``, shape (K0, K1); rows and columns without mass are components that are gone or new.
    """

    label: str
    source: GaussianMixture
    target: GaussianMixture
    coupling: np.ndarray

    @property
    def net(self) -> np.ndarray:
        """Net factor of each source component, as the coupling has it, shape (K0,)."""
        s, t = self.source.weights, self.target.weights
        return np.exp2(log2_net(share_of_target(self.coupling, s), s, t))


def log2_net_of_cells(cut: FittedPartition, points: np.ndarray, n_target: int) -> np.ndarray:
    """Log2 net factor at source cells under one partition.

    Parameters
    ----------
    cut
        The partition.
    points
        Source cells, shape (N, D).
    n_target
        Cells of the target: a factor is at least what half of one would make of a component, so
        that all are finite.

    Returns
    -------
    Shape (N,).
    """
    least = (0.5 / n_target) / np.maximum(cut.source.weights, 0.5 / len(points))
    return np.log2(cut.source.responsibilities(points) @ np.maximum(cut.net, least))


def medoid(factors: Sequence[np.ndarray], limit: float = MAX_LOG2_NET) -> int:
    """Which partition lies in the middle.

    Parameters
    ----------
    factors
        Log2 factors of the same cells under each partition, shapes (N,).
    limit
        Beyond it factors count as equal.

    Returns
    -------
    Position of the one with the smallest mean absolute difference from the others; of those within
    ``TIE`` of it the first, so that what fewer components say as well is not said with more.
    """
    clipped = np.clip(np.asarray(factors), -limit, limit)
    apart = np.array([np.abs(clipped - one).mean() for one in clipped])
    return int(np.argmax(apart <= apart.min() + TIE))
