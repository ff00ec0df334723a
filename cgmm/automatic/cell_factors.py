r"""Factors of single cells, as certain as their counts allow.

The factor that :mod:`cgmm.automatic.origins` counts at a source cell is a ratio in its clusters.
Fine clusters have few cells, so the ratio scatters although nothing changed, and the cells with the
largest factors are those of the smallest clusters.  A factor is therefore moved towards the mean of
its population, by as much as it is uncertain (empirical Bayes):

.. math:: f_i' = c_p + \frac{\tau_p^2}{\tau_p^2 + \sigma_i^2} (f_i - c_p),
          \qquad \tau_p^2 = \max(0, s_p^2 - \bar\sigma_p^2).

:math:`\sigma_i^2` is the variance of the log2 ratio of two counts, averaged over the clusterings.
:math:`c_p` and :math:`s_p^2` are the mean and the variance of the factors in the population,
:math:`\bar\sigma_p^2` is the mean of :math:`\sigma_i^2`.  In a population whose factors scatter no
more than their counts do, all cells have the same.  At last a constant is added in each population,
so that its mean factor, on the scale of ratios, stays what was counted.  A target cell has the mean
factor of the source cells that it is assigned to.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from cgmm.automatic.origins import DrawnCells, Origins, mean_votes

MIN_OLD = 0.5  # a target cell is new when less of it came from source cells
LEAST = 0.5  # cells; a count of none is as uncertain as one of half a cell


def sampling_variance(origins: Origins, source: DrawnCells, target: DrawnCells) -> np.ndarray:
    """Return the sampling variance of the log2 factor that was counted at every source cell.

    Parameters
    ----------
    origins
        What was counted, and the clusters in which.
    source, target
        The cells.

    Returns
    -------
    Shape (N0,), the mean over the clusterings: those have their cells in common, so a mean factor
    is not more certain than its parts.
    """
    assigned = mean_votes(origins.votes).T @ target.weights
    n_target = 1.0 / np.square(target.weights).sum()
    variance = np.zeros(len(source.weights))
    for labels in origins.clusters:
        n = int(labels.max()) + 1
        after = np.bincount(labels, assigned, n) * n_target
        share = np.bincount(labels, source.weights, n)
        squares = np.bincount(labels, np.square(source.weights), n)
        before = np.divide(share**2, squares, out=np.zeros(n), where=squares > 0)
        noise = 1.0 / np.maximum(after, LEAST) + 1.0 / np.maximum(before, LEAST)
        variance += noise[labels]
    return variance / len(origins.clusters) / np.log(2) ** 2


def settled(
    log2_net: np.ndarray, variance: np.ndarray, weights: np.ndarray, populations: np.ndarray
) -> np.ndarray:
    """Move log2 factors of source cells towards the mean of their populations.

    Parameters
    ----------
    log2_net
        Counted factors, shape (N0,); ``-inf`` stays.
    variance
        Their sampling variances, shape (N0,).
    weights
        Weights of the cells, shape (N0,).
    populations
        Population (0, 1, ...) of every cell, shape (N0,).

    Returns
    -------
    Shape (N0,).
    """
    found = np.array(log2_net, dtype=float)
    for population in np.unique(populations):
        cells = np.flatnonzero((populations == population) & np.isfinite(log2_net))
        if not weights[cells].sum() > 0:
            continue
        w, f = weights[cells] / weights[cells].sum(), found[cells]
        centre = w @ f
        true = max(0.0, w @ np.square(f - centre) - w @ variance[cells])
        moved = centre + true / (true + variance[cells]) * (f - centre)
        found[cells] = moved + np.log2(w @ np.exp2(f)) - np.log2(w @ np.exp2(moved))
    return found


def of_target_cells(log2_net: np.ndarray, votes: Sequence[sp.csr_matrix]) -> np.ndarray:
    """Return log2 of the mean factor of the source cells to which each target cell is assigned.

    Parameters
    ----------
    log2_net
        Of the source cells, shape (N0,).
    votes
        Assignments under each partition, shapes (N1, N0).

    Returns
    -------
    Shape (N1,); ``inf`` for cells that are new.
    """
    mean = mean_votes(votes)
    old = np.asarray(mean.sum(axis=1)).ravel()
    with np.errstate(divide="ignore"):
        factor = np.log2(mean @ np.exp2(log2_net) / np.maximum(old, MIN_OLD))
    return np.where(old < MIN_OLD, np.inf, factor)
