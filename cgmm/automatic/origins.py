r"""Where each cell of the target came from: votes for the nearest images of source cells.

Gaussians say well which components belong together, but not where one cell type ends and the next
begins: types are no Gaussians, and two partitions made separately cut at different places.  So the
coupling only carries source cells to where the target should have them, and the cells decide: each
target cell :math:`j` is dealt out among the images nearest to it,

.. math:: P_{ji} \propto w_i f_i \quad \text{for } i \text{ among the } n \text{ nearest of } j,

with :math:`f_i` the factor that the fit gives to source cell :math:`i`, so that images of a
population that has become rare do not draw the cells of its neighbours.  This is one step of the
re-estimation of class shares of Saerens, Latinne & Decaestecker (2002, Neural Comput. 14:21) with
nearest neighbours as the classifier.  Every partition has images of its own, and two of them: moved
by the posterior mean of the movement, which stays near where the metric expects it
(:mod:`cgmm.automatic.metric`), and moved all the way to the match, which is right when a population
moves as no other does.  Votes are averaged over all images.

Within a population votes gather on the cells that look most like the target, which is a change of
state and none of prevalence.  So a vote counts for the whole cluster that its cell lies in, and
this is averaged over clusterings from coarse to fine: at a source cell the factor is the ratio of
the votes to the cells in its clusters, and ``R``, where the cells of each target component came
from, is the sum over cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from cgmm.automatic.metric import LearnedMetric
from cgmm.automatic.partitions import FittedPartition
from cgmm.transport.coupling import divide, share_of_source

NEIGHBOURS = (5, 40)
CELLS_PER_NEIGHBOUR = 50
MIN_VOTES = 0.25


class DrawnCells(NamedTuple):
    """Cells of one condition: points (N, D) and their weights (N,), which sum to one."""

    points: np.ndarray
    weights: np.ndarray


class Origins(NamedTuple):
    """What the votes say.

    Attributes
    ----------
    origin
        ``R``, shape (K0, K1); columns sum to one, or to zero for target components that are new.
    log2_net
        Log2 net factor of every source cell, shape (N0,); ``-inf`` where components are gone.
    by_partition
        The same from the votes of each partition by itself.
    """

    origin: np.ndarray
    log2_net: np.ndarray
    by_partition: list[np.ndarray]


def count_origins(
    source: DrawnCells,
    target: DrawnCells,
    fit: FittedPartition,
    prior: np.ndarray,
    cuts: Sequence[tuple[FittedPartition, LearnedMetric]],
    clusters: Sequence[np.ndarray],
) -> Origins:
    """Let the target cells vote, and count.

    Parameters
    ----------
    source, target
        The cells.
    fit
        Components to count by.
    prior
        Log2 factor of every source cell before the votes, shape (N0,).
    cuts
        Partitions with their metrics: where the images come from.
    clusters
        Clusters of the source cells (0, 1, ...), one array of shape (N0,) for each partition.
    """
    r0 = fit.source.responsibilities(source.points)
    r1 = fit.target.responsibilities(target.points)
    kept, known = r0 @ (fit.coupling.sum(1) > 0), r1 @ (fit.coupling.sum(0) > 0)
    weight = source.weights * np.exp2(prior) * kept
    dealt = [assign_to_images(source.points, target.points, weight, cut) for cut in cuts]
    arriving = target.weights * known
    came = [votes.T @ arriving for votes in dealt]
    mean = np.mean(came, axis=0)
    least = MIN_VOTES / len(target.points)
    with np.errstate(divide="ignore"):
        gone = np.log2(kept)
    own = [
        _per_cell(one, source.weights, labels, least) + gone
        for one, labels in zip(came, clusters, strict=True)
    ]
    together = [_per_cell(mean, source.weights, labels, least) for labels in clusters]
    votes = sum(dealt[1:], dealt[0]) / len(dealt)
    shared = np.mean([_shared(r0, source.weights, labels) for labels in clusters], axis=0)
    origin = _origin(fit.coupling, votes @ shared, r1 * target.weights[:, None])
    return Origins(origin, np.mean(together, axis=0) + gone, own)


def assign_to_images(
    source: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    cut: tuple[FittedPartition, LearnedMetric],
) -> sp.csr_matrix:
    """Deal every target cell out among the nearest images of source cells.

    Parameters
    ----------
    source, target
        Points (N0, D) and (N1, D).
    weight
        Of every source cell, shape (N0,), non-negative.
    cut
        Partition and metric.

    Returns
    -------
    ``P``, shape (N1, N0); rows sum to one, or to less where no image has weight.
    """
    from sklearn.neighbors import NearestNeighbors

    found, movement = cut
    n = min(len(source), int(np.clip(len(source) // CELLS_PER_NEIGHBOUR, *NEIGHBOURS)))
    root = np.linalg.cholesky(np.linalg.inv(movement.noise))
    r = found.source.responsibilities(source)
    rows = np.repeat(np.arange(len(target)), n)
    total = sp.csr_matrix((len(target), len(source)))
    steps = _steps(found, movement)
    for step in steps:
        images = (source + r @ step) @ root
        search = NearestNeighbors(n_neighbors=n, algorithm="brute").fit(images)
        nearest = search.kneighbors(target @ root, return_distance=False)
        share = weight[nearest]
        share = divide(share, np.broadcast_to(share.sum(1, keepdims=True), share.shape))
        shape = total.shape
        total = total + sp.csr_matrix((share.ravel() / len(steps), (rows, nearest.ravel())), shape)
    return total


def _steps(cut: FittedPartition, movement: LearnedMetric) -> tuple[np.ndarray, np.ndarray]:
    """How far each source component moves, (K0, D): shrunk by the metric, and as matched."""
    to = share_of_source(cut.coupling)
    gap = np.where(to.sum(1, keepdims=True) > 0, to @ cut.target.means - cut.source.means, 0.0)
    return gap @ movement.gain.T, gap


def _per_cell(
    votes: np.ndarray, weights: np.ndarray, labels: np.ndarray, least: float
) -> np.ndarray:
    """Log2 of votes over cells in the cluster of every source cell, shape (N0,)."""
    n = int(labels.max()) + 1
    came, there = np.bincount(labels, votes, n), np.bincount(labels, weights, n)
    return (np.log2(came + least) - np.log2(np.maximum(there, 1e-300)))[labels]


def _origin(coupling: np.ndarray, came_from: np.ndarray, to: np.ndarray) -> np.ndarray:
    """``R``, shape (K0, K1), from where each target cell came from (N1, K0) and is (N1, K1)."""
    mass = came_from.T @ to
    mass[coupling.sum(1) <= 0] = 0.0
    mass[:, coupling.sum(0) <= 0] = 0.0
    return divide(mass, np.broadcast_to(mass.sum(0, keepdims=True), mass.shape))


def _shared(r: np.ndarray, weights: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean responsibilities of the cluster of every cell, shape (N0, K0)."""
    n = int(labels.max()) + 1
    member = sp.csr_matrix((weights, (labels, np.arange(len(labels)))), (n, len(labels)))
    total = np.maximum(np.asarray(member.sum(axis=1)), 1e-300)
    return ((member @ r) / total)[labels]
