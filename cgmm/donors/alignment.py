r"""The translation of a population over its states, whatever their shares became.

With the states of the population as Gaussians :math:`N(m_k, S_k)`, cells :math:`x_i` of a condition
are modelled as :math:`\sum_k \pi_k N(x; m_k + \mu, S_k)` with free shares :math:`\pi` and one
translation :math:`\mu`.  Both are estimated by maximum likelihood, by expectation-maximisation.
Because the shares are free, a change of shares is not taken for a move, which a difference of mean
cells would do.  The covariance of the estimate is the block of :math:`\mu` of the inverse
information, the sum over cells of the products of their scores.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.linalg
from scipy.special import softmax

from cgmm.mixture.gaussian_mixture import GaussianMixture

N_STEPS = 100
TOLERANCE = 1e-4  # of the typical standard deviation of a state
MAX_POINTS = 5000


class Translation(NamedTuple):
    """A translation and the covariance of its estimate over cells, shapes (D,) and (D, D)."""

    move: np.ndarray
    covariance: np.ndarray


def translation(points: np.ndarray, states: GaussianMixture, random_state: int = 0) -> Translation:
    """Return the translation of a mixture that fits points best, with free weights.

    Parameters
    ----------
    points
        Shape (N, D); of more than 5,000 points as many are drawn.
    states
        The mixture; its weights are the first guess.
    random_state
        Seed of the draw.
    """
    x = np.asarray(points, float)
    if len(x) > MAX_POINTS:
        x = x[np.random.default_rng(random_state).choice(len(x), MAX_POINTS, replace=False)]
    weights = np.asarray(states.weights, float)
    means, covariances = np.asarray(states.means, float), np.asarray(states.covariances, float)
    precisions = np.linalg.inv(covariances)
    enough = TOLERANCE * np.sqrt(np.trace(covariances, axis1=1, axis2=2).mean())
    move = np.zeros(x.shape[1])
    for _ in range(N_STEPS):
        r = memberships(x - move, weights, means, covariances)
        mass = r.sum(axis=0)
        weights = mass / mass.sum()
        off = r.T @ x - mass[:, None] * means
        left = np.einsum("k,kij->ij", mass, precisions)
        before, move = move, np.linalg.solve(left, np.einsum("kij,kj->i", precisions, off))
        if np.abs(move - before).max() < enough:
            break
    r = memberships(x - move, weights, means, covariances)
    pulls = pulls_of(x - move, means, precisions)
    of_weights = r[:, :-1] / weights[:-1] - (r[:, -1:] / weights[-1])
    scores = np.column_stack([np.einsum("nk,nkd->nd", r, pulls), of_weights])
    d = x.shape[1]
    return Translation(move, np.linalg.pinv(scores.T @ scores)[:d, :d])


def slopes(points: np.ndarray, states: GaussianMixture) -> np.ndarray:
    """Return the derivative of the log-odds of mean memberships when points move, (K, D).

    Parameters
    ----------
    points
        Shape (N, D).
    states
        K Gaussians.
    """
    x = np.asarray(points, float)
    means, covariances = np.asarray(states.means, float), np.asarray(states.covariances, float)
    r = memberships(x, np.asarray(states.weights, float), means, covariances)
    pulls = pulls_of(x, means, np.linalg.inv(covariances))
    mean_pull = np.einsum("nk,nkd->nd", r, pulls)
    change = np.einsum("nk,nkd->kd", r, mean_pull[:, None] - pulls) / len(x)
    share = np.clip(r.mean(axis=0), 1 / len(x), 1 - 1 / len(x))
    slope: np.ndarray = change / (share * (1 - share))[:, None]
    return slope


def pulls_of(x: np.ndarray, means: np.ndarray, precisions: np.ndarray) -> np.ndarray:
    """Return ``S_k^-1 (x - m_k)`` for every point and Gaussian, shape (N, K, D)."""
    return np.stack([(x - m) @ p for m, p in zip(means, precisions, strict=True)], axis=1)


def memberships(
    x: np.ndarray, weights: np.ndarray, means: np.ndarray, covariances: np.ndarray
) -> np.ndarray:
    """Return the posterior probabilities of Gaussians for points, shape (N, K)."""
    logs = np.empty((len(x), len(means)))
    for k, (mean, root) in enumerate(zip(means, np.linalg.cholesky(covariances), strict=True)):
        z = scipy.linalg.solve_triangular(root, (x - mean).T, lower=True)
        logs[:, k] = -0.5 * np.square(z).sum(axis=0) - np.log(np.diag(root)).sum()
    found: np.ndarray = softmax(logs + np.log(np.maximum(weights, 1e-300)), axis=1)
    return found
