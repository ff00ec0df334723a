r"""Where each cell of the target came from: the source cells whose images are nearest to it.

A coupling of Gaussians shows which components belong together.  It does not show where one cell
type ends and the next begins, because cell types are not Gaussian and partitions that are made
separately have different borders.  The coupling is therefore used only to predict the position of a
source cell in the target: the *image* of the source cell.  Each target cell :math:`j` is then
assigned in parts to the nearest images,

.. math:: P_{ji} \propto w_i f_i \quad \text{for } i \text{ among the } n \text{ nearest of } j.

:math:`w_i` is the weight of source cell :math:`i`, and :math:`f_i` is the factor of the fit at this
cell.  Without :math:`f_i`, the images of a population that has become rare would receive target
cells of neighbouring populations.  The assignment is one step of the re-estimation of class shares
of Saerens, Latinne and Decaestecker (2002, Neural Comput. 14:21), with nearest neighbours as the
classifier.

Every partition gives an image of each source cell.  The images of one half of the cells, drawn at
random, move by the posterior mean of the movement, as the metric expects
(:mod:`cgmm.automatic.metric`).  Those of the other half move the whole way to the match, which is
right for a population that moves unlike all others.  Assignments are averaged over the partitions.

Within a population, most target cells are assigned to the source cells that resemble the target
most.  This is a change of state, not of prevalence.  An assignment to a source cell therefore
counts for the whole cluster of the source cell, averaged over clusterings from coarse to fine.  The
factor at a source cell is the ratio of assigned target cells to source cells in its clusters.
``R``, the origins of the target components, is the sum of the assignments over the target cells,
scaled so that columns sum to one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from cgmm._utils.neighbours import nearest_of
from cgmm.automatic.metric import LearnedMetric
from cgmm.automatic.partitions import FittedPartition
from cgmm.transport.coupling import divide, share_of_source

NEIGHBOURS = (5, 40)
CELLS_PER_NEIGHBOUR = 50
MIN_ASSIGNED = 0.25  # target cells
MIN_MASS = 1e-300


class DrawnCells(NamedTuple):
    """Cells of one condition: points, shape (N, D), and weights with sum one, shape (N,)."""

    points: np.ndarray
    weights: np.ndarray


class Origins(NamedTuple):
    """Origins of the target cells, and the factors that follow from them.

    Attributes
    ----------
    origin
        ``R``, shape (K0, K1); columns sum to one, or to zero for target components that are new.
    log2_net
        Log2 net factor at every source cell, shape (N0,); ``-inf`` in components that are gone.
    by_partition
        Log2 net factor at every source cell, shape (N0,), from the images of each partition alone.
    votes
        Assignments of the target cells under each partition, shape (N1, N0); the rows of cells
        whose component is new are zero, or less than one where a part of the component is new.
    responsibilities
        Responsibilities of the components of the fit for the cells, (N0, K0) and (N1, K1).
    clusters
        Clusters of the source cells in which was counted, shape (N0,) each.
    """

    origin: np.ndarray
    log2_net: np.ndarray
    by_partition: list[np.ndarray]
    votes: list[sp.csr_matrix]
    responsibilities: tuple[np.ndarray, np.ndarray]
    clusters: Sequence[np.ndarray]


def count_origins(
    source: DrawnCells,
    target: DrawnCells,
    fit: FittedPartition,
    prior: np.ndarray,
    partitions: Sequence[tuple[FittedPartition, LearnedMetric]],
    clusters: Sequence[np.ndarray],
) -> Origins:
    """Return the origins of the target cells, counted by the components of the fit.

    Parameters
    ----------
    source, target
        The cells.
    fit
        Partition that is the fit.
    prior
        Log2 net factor at every source cell under the fit, shape (N0,).
    partitions
        Partitions with their metrics, from which images are made.
    clusters
        Clusters of the source cells (0, 1, ...), shape (N0,), one array for each partition.

    Returns
    -------
    Origins
    """
    r0 = fit.source.responsibilities(source.points)
    r1 = fit.target.responsibilities(target.points)
    kept, matched = r0 @ (fit.coupling.sum(1) > 0), r1 @ (fit.coupling.sum(0) > 0)
    weight = source.weights * np.exp2(prior) * kept
    assignments = [assign_to_images(source.points, target.points, weight, p) for p in partitions]
    arriving = target.weights * matched
    assigned = [assignment.T @ arriving for assignment in assignments]
    mean_assigned = np.mean(assigned, axis=0)
    least = MIN_ASSIGNED / len(target.points)
    with np.errstate(divide="ignore"):
        log2_kept = np.log2(kept)
    by_partition = [
        _log2_ratio(of_partition, source.weights, labels, least) + log2_kept
        for of_partition, labels in zip(assigned, clusters, strict=True)
    ]
    together = [_log2_ratio(mean_assigned, source.weights, labels, least) for labels in clusters]
    mean_assignment = sum(assignments[1:], assignments[0]) / len(assignments)
    shared = np.mean([_shared(r0, source.weights, labels) for labels in clusters], axis=0)
    origin = _origin(fit.coupling, mean_assignment @ shared, r1 * target.weights[:, None])
    votes = [sp.diags(matched) @ assignment for assignment in assignments]
    log2_net = np.mean(together, axis=0) + log2_kept
    return Origins(origin, log2_net, by_partition, votes, (r0, r1), clusters)


def assign_to_images(
    source: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    partition: tuple[FittedPartition, LearnedMetric],
) -> sp.csr_matrix:
    """Return the assignment of every target cell to the source cells with the nearest images.

    Parameters
    ----------
    source, target
        Points (N0, D) and (N1, D).
    weight
        Weight of every source cell, shape (N0,), not negative.
    partition
        Partition and metric, from which images are made.

    Returns
    -------
    ``P``, shape (N1, N0); rows sum to one, or to less where no image has weight.
    """
    fitted, metric = partition
    n = min(len(source), int(np.clip(len(source) // CELLS_PER_NEIGHBOUR, *NEIGHBOURS)))
    root = np.linalg.cholesky(np.linalg.inv(metric.noise))
    r = fitted.source.responsibilities(source)
    image, order = np.array(source, dtype=float), np.random.default_rng(0).permutation(len(source))
    for half, move in zip(np.array_split(order, 2), _moves(fitted, metric), strict=True):
        image[half] += r[half] @ move
    found, _ = nearest_of(image @ root, target @ root, n)
    share = weight[found]
    share = divide(share, np.broadcast_to(share.sum(1, keepdims=True), share.shape))
    ends = np.arange(len(target) + 1) * n
    votes = sp.csr_matrix((share.ravel(), found.ravel(), ends), (len(target), len(source)))
    votes.sort_indices()
    return votes


def mean_votes(votes: Sequence[sp.csr_matrix]) -> sp.csr_matrix:
    """Return the mean of the assignments under several partitions, shape (N1, N0)."""
    return sum(votes[1:], votes[0]) / len(votes)


def drawn_origins(votes: Sequence[sp.csr_matrix], random_state: int) -> np.ndarray:
    """Draw one source cell for every target cell, from its assignment over all partitions.

    Parameters
    ----------
    votes
        Assignments under each partition, shapes (N1, N0).
    random_state
        Seed.

    Returns
    -------
    Positions of source cells, shape (N1,); -1 for target cells that are not assigned, and, where a
    cell is assigned in part, with the probability of the other part.
    """
    mean = mean_votes(votes).tocsr()
    level = np.random.default_rng(random_state).random(mean.shape[0])
    total = np.concatenate([[0.0], np.cumsum(mean.data)])
    place = np.searchsorted(total, total[mean.indptr[:-1]] + level, side="right") - 1
    inside = (place >= mean.indptr[:-1]) & (place < mean.indptr[1:])
    found = mean.indices[np.minimum(place, max(mean.nnz - 1, 0))] if mean.nnz else place
    return np.where(inside, found, -1)


def _moves(partition: FittedPartition, metric: LearnedMetric) -> tuple[np.ndarray, np.ndarray]:
    """Return posterior mean of the movement and whole gap to the match, (K0, D) each."""
    to = share_of_source(partition.coupling)
    gap = to @ partition.target.means - partition.source.means
    gap = np.where(to.sum(1, keepdims=True) > 0, gap, 0.0)
    return gap @ metric.gain.T, gap


def _log2_ratio(
    assigned: np.ndarray, weights: np.ndarray, labels: np.ndarray, least: float
) -> np.ndarray:
    """Return log2 of assigned target cells over source cells in each cell's cluster, (N0,)."""
    n = int(labels.max()) + 1
    after, before = np.bincount(labels, assigned, n), np.bincount(labels, weights, n)
    return (np.log2(after + least) - np.log2(np.maximum(before, MIN_MASS)))[labels]


def _origin(coupling: np.ndarray, came_from: np.ndarray, lies_in: np.ndarray) -> np.ndarray:
    """Return ``R``, shape (K0, K1).

    ``came_from`` (N1, K0) has the source components from which each target cell came.  ``lies_in``
    (N1, K1) has the target components of each target cell.
    """
    mass = came_from.T @ lies_in
    mass[coupling.sum(1) <= 0] = 0.0
    mass[:, coupling.sum(0) <= 0] = 0.0
    return divide(mass, np.broadcast_to(mass.sum(0, keepdims=True), mass.shape))


def _shared(r: np.ndarray, weights: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the mean responsibilities in the cluster of each cell, shape (N0, K0)."""
    n = int(labels.max()) + 1
    member = sp.csr_matrix((weights, (labels, np.arange(len(labels)))), (n, len(labels)))
    total = np.maximum(np.asarray(member.sum(axis=1)), MIN_MASS)
    return ((member @ r) / total)[labels]
