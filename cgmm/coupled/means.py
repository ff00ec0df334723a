"""Update of the means."""

from __future__ import annotations

import numpy as np

from cgmm.coupled.objective import Objective
from cgmm.coupled.weights import FLOOR

MAX_SOLVER_STEPS = 100
DIRECT = 256


# Means -----------------------------------------------------------------------


def update_means(
    mass: np.ndarray,
    centres: np.ndarray,
    means: np.ndarray,
    coupling: np.ndarray,
    precision: np.ndarray,
    knobs: Objective,
) -> np.ndarray:
    """Solve for all means at once: directly if they are few, else by conjugate gradients.

    ``(n_k P_k + 2 lambda (W 1)_k I) m_k - 2 lambda sum_l W_kl m_l = n_k P_k xbar_k``.
    """
    k, d = means.shape
    pull = 2 * knobs.transport_weight
    marginal = pull * np.concatenate([coupling.sum(1), coupling.sum(0)])
    weighted = mass[:, None, None] * precision
    diagonal = weighted + (marginal[:, None, None] + FLOOR) * np.eye(d)
    right = (weighted @ centres[..., None])[..., 0] + FLOOR * means
    free = knobs.free[:, None]
    if k * d <= DIRECT:
        return _means_at_once(diagonal, right, means, pull * coupling, free)
    return _means_in_steps(diagonal, right, means, pull * coupling, free)


def _means_at_once(
    diagonal: np.ndarray, right: np.ndarray, means: np.ndarray, ties: np.ndarray, free: np.ndarray
) -> np.ndarray:
    (k, d), k0 = means.shape, len(ties)
    system = np.zeros((k, d, k, d))
    system[range(k), :, range(k)] = diagonal
    for i in range(d):
        system[:k0, i, k0:, i] = -ties
        system[k0:, i, :k0, i] = -ties.T
    matrix = system.reshape(k * d, k * d)
    if not free.all():
        held = np.repeat(~free[:, 0], d)
        matrix[held] = np.eye(k * d)[held]
        right = np.where(free, right, means)
    return np.linalg.solve(matrix, right.ravel()).reshape(k, d)


def _means_in_steps(
    diagonal: np.ndarray, right: np.ndarray, means: np.ndarray, ties: np.ndarray, free: np.ndarray
) -> np.ndarray:
    k0 = len(ties)
    inverse = np.linalg.inv(diagonal)

    def times(blocks: np.ndarray, x: np.ndarray) -> np.ndarray:
        return (blocks @ x[..., None])[..., 0]

    def apply(x: np.ndarray) -> np.ndarray:
        cross = np.concatenate([ties @ x[k0:], ties.T @ x[:k0]])
        return np.where(free, times(diagonal, x) - cross, 0.0)

    r = np.where(free, right, 0.0) - apply(means)
    z = times(inverse, r)
    p, size = z, (r * z).sum()
    goal = 1e-24 * size + 1e-300
    for _ in range(MAX_SOLVER_STEPS):
        if not size > goal:
            break
        image = apply(p)
        length = size / max((p * image).sum(), 1e-300)
        means, r = means + length * p, r - length * image
        z = times(inverse, r)
        size, old = (r * z).sum(), size
        p = z + (size / old) * p
    return means
