"""Partitions of the cells into components, and the choice of one of them.

Likelihood does not determine how cells should be divided into components.  The fit without tuning
therefore makes several partitions.  The medoid of the partitions becomes the fit.  A component
whose factor differs between partitions is not settled (:mod:`cgmm.automatic.sensitivity`).
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
        How the partition was started, in words.
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
        """Net factor of each source component, from the coupling, shape (K0,)."""
        s, t = self.source.weights, self.target.weights
        return np.exp2(log2_net(share_of_target(self.coupling, s), s, t))


def log2_net_of_cells(partition: FittedPartition, points: np.ndarray, n_target: int) -> np.ndarray:
    """Return the log2 net factor at every source cell under one partition.

    Parameters
    ----------
    partition
        The partition.
    points
        Source cells, shape (N, D).
    n_target
        Number of target cells.  At least half a target cell is counted for each component, so all
        factors are finite.

    Returns
    -------
    Shape (N,).
    """
    least = (0.5 / n_target) / np.maximum(partition.source.weights, 0.5 / len(points))
    return np.log2(partition.source.responsibilities(points) @ np.maximum(partition.net, least))


def medoid(factors: Sequence[np.ndarray], limit: float = MAX_LOG2_NET) -> int:
    """Return the position of the medoid of the partitions.

    Parameters
    ----------
    factors
        Log2 factors of the same cells under each partition, shapes (N,).
    limit
        Log2 factors beyond the limit are set to it.

    Returns
    -------
    Position of the partition with the smallest mean absolute difference from the others.
    Partitions within ``TIE`` of the smallest difference count as equal.  The first of the equal
    partitions is taken, which has the fewest components when resolutions are in rising order.
    """
    clipped = np.clip(np.asarray(factors), -limit, limit)
    distance = np.array([np.abs(clipped - values).mean() for values in clipped])
    return int(np.argmax(distance <= distance.min() + TIE))
