r"""Update of the means by one linear system over all components of both sides.

At a fixed coupling the objective is quadratic in the means, and its maximum solves

.. math:: (n_k P_k + 2 \lambda (W 1)_k I)\, m_k - 2 \lambda \sum_l W_{kl} m_l = n_k P_k \bar x_k,

with :math:`P_k` the precision of a component.  The system is symmetric and positive definite.
"""

from __future__ import annotations

import numpy as np

from cgmm.coupled.objective import MIN_WEIGHT, Objective

MAX_GRADIENT_STEPS = 100
MAX_DIRECT_SIZE = 256  # largest number of unknowns for which the system is solved directly


def update_means(
    mass: np.ndarray,
    centres: np.ndarray,
    means: np.ndarray,
    coupling: np.ndarray,
    precision: np.ndarray,
    objective: Objective,
) -> np.ndarray:
    """Return the new means, solved directly when there are few, else by conjugate gradients.

    Parameters
    ----------
    mass, centres
        Mean responsibilities (K,) and responsibility-weighted means of the cells (K, D).
    means
        Current means, shape (K, D).
    coupling
        Shape (K0, K1), held fixed.
    precision
        Inverse covariances, shape (K, D, D).
    objective
        Constants of the objective.

    Returns
    -------
    New means, shape (K, D).  The means of locked components do not change.
    """
    k, d = means.shape
    pull = 2 * objective.transport_weight
    marginal = pull * np.concatenate([coupling.sum(1), coupling.sum(0)])
    weighted = mass[:, None, None] * precision
    diagonal = weighted + (marginal[:, None, None] + MIN_WEIGHT) * np.eye(d)
    right = (weighted @ centres[..., None])[..., 0] + MIN_WEIGHT * means
    solve = _solved_directly if k * d <= MAX_DIRECT_SIZE else _solved_by_conjugate_gradients
    return solve(diagonal, right, means, pull * coupling, objective.free[:, None])


def _solved_directly(
    diagonal: np.ndarray, right: np.ndarray, means: np.ndarray, ties: np.ndarray, free: np.ndarray
) -> np.ndarray:
    """Return the solution of the dense system of shape (K D, K D)."""
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


def _solved_by_conjugate_gradients(
    diagonal: np.ndarray, right: np.ndarray, means: np.ndarray, ties: np.ndarray, free: np.ndarray
) -> np.ndarray:
    """Return the solution from the current means, preconditioned by the diagonal blocks."""
    k0 = len(ties)
    inverse = np.linalg.inv(diagonal)

    def times(blocks: np.ndarray, x: np.ndarray) -> np.ndarray:
        return (blocks @ x[..., None])[..., 0]

    def apply(x: np.ndarray) -> np.ndarray:
        cross = np.concatenate([ties @ x[k0:], ties.T @ x[:k0]])
        return np.where(free, times(diagonal, x) - cross, 0.0)

    residual = np.where(free, right, 0.0) - apply(means)
    z = times(inverse, residual)
    direction, size = z, (residual * z).sum()
    goal = 1e-24 * size + 1e-300
    for _ in range(MAX_GRADIENT_STEPS):
        if not size > goal:
            break
        image = apply(direction)
        length = size / max((direction * image).sum(), 1e-300)
        means, residual = means + length * direction, residual - length * image
        z = times(inverse, residual)
        size, old = (residual * z).sum(), size
        direction = z + (size / old) * direction
    return means
