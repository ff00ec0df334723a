r"""Weights of both mixtures given the moments and the costs, with the coupling eliminated.

Maximises ``sum n log pi - lambda UW(pi)`` over both simplices by Newton steps on the log weights.
With ``q = (1 + eps/rho) h(f)`` the gradient is ``n - pi - lambda pi (q - <pi, q>)`` for every
``rho`` up to infinity; the derivative of the potentials in the log weights comes from the
optimality system of the dual, and serves also to predict the potentials after a step, so that the
transport is solved again from a start that is right to first order.  Balanced transport has a
direct solution (:mod:`cgmm.coupled.balanced_weights`), unless ``lambda eps`` is large.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cgmm.coupled.balanced_weights import balanced_weights
from cgmm.transport import solver, warm_start

MAX_STEPS = 8
MIN_STEP = 1e-5
ENOUGH_OF_MODEL = 0.45
GOAL = 1e-9
FLOOR = 1e-12


class Iterate(NamedTuple):
    """Weights (K,), source first, with their transport and the value they give."""

    weights: np.ndarray
    plan: solver.Plan
    value: float


def by_side(values: np.ndarray, k0: int) -> np.ndarray:
    """Sum per side, repeated for every component of the side."""
    return np.repeat([values[:k0].sum(), values[k0:].sum()], [k0, len(values) - k0])


def normalised(scores: np.ndarray, k0: int) -> np.ndarray:
    """Softmax per side, no weight below ``FLOOR``."""
    top = np.repeat([scores[:k0].max(), scores[k0:].max()], [k0, len(scores) - k0])
    weights = np.exp(scores - top)
    weights = np.maximum(weights / by_side(weights, k0), FLOOR)
    return weights / by_side(weights, k0)


def update_weights(
    mass: np.ndarray,
    weights: np.ndarray,
    costs: np.ndarray,
    plan: solver.Plan,
    *,
    lam: float,
    epsilon: np.float64,
    inv_rho: np.float64,
    free: np.ndarray,
) -> tuple[np.ndarray, solver.Plan]:
    """Raise ``sum n log pi - lambda UW(pi)``, to its maximum unless that takes too many steps.

    Parameters
    ----------
    mass, weights
        Mean responsibilities and weights of both sides, shape (K,).
    costs, plan
        Squared distances (K0, K1) and the transport solved at ``weights``.
    lam, epsilon, inv_rho
        Scalars of the objective.
    free
        True for components whose weight may change.
    """
    k0 = costs.shape[0]
    goal = max(GOAL, 8 * float(solver.within_reach(costs, epsilon)))

    def stance(weights: np.ndarray, potentials: np.ndarray) -> Iterate:
        plan = warm_start.solve_near(costs, weights, epsilon, inv_rho, potentials, goal=goal)
        return Iterate(weights, plan, float((mass * np.log(weights)).sum() - lam * plan.cost))

    now = Iterate(weights, plan, float((mass * np.log(weights)).sum() - lam * plan.cost))
    if inv_rho == 0:
        found = balanced_weights(
            mass,
            weights,
            costs,
            np.concatenate([plan.f, plan.g]),
            lam=lam,
            epsilon=float(epsilon),
            free=free,
            smallest=FLOOR,
        )
        if found is not None:
            moved = np.maximum(found[0] / by_side(found[0], k0), FLOOR)
            new = stance(moved / by_side(moved, k0), found[1])
            best = new if new.plan.error <= goal and new.value > now.value else now
            return best.weights, best.plan
    for _ in range(MAX_STEPS):
        slope, move, drift = _newton(mass, now, lam, epsilon, inv_rho, free)
        rise = float((now.weights * slope * move).sum())
        if rise <= 1e-14 * (1 + abs(now.value)) or np.abs(now.weights * slope).max() < 1e-10:
            break
        size, better = 1.0, None
        potentials = np.concatenate([now.plan.f, now.plan.g])
        while size > MIN_STEP:
            moved = normalised(np.log(now.weights) + size * move, k0)
            moved = np.where(free, moved, now.weights)
            new = stance(moved, potentials + size * drift)
            if new.plan.error <= goal and new.value > now.value:
                better = new
                break
            size *= 0.25
        if better is None:
            break
        gained, now = better.value - now.value, better
        if size == 1 and gained > ENOUGH_OF_MODEL * rise:
            break
    return now.weights, now.plan


def _newton(
    mass: np.ndarray,
    now: Iterate,
    lam: float,
    epsilon: np.float64,
    inv_rho: np.float64,
    free: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradient divided by the weights, Newton step of the log weights, change of the potentials.

    One linear system for both: with ``T`` the coupling divided by the mass of the row's
    component, potentials follow the log weights ``u`` by
    ``(1 + eps/rho) dh + T dh + eps T du = 0``.  A plain ascent step where Newton's does not rise.
    """
    weights, w = now.weights, now.plan.coupling
    k0, k = len(w), len(mass)
    h = np.concatenate([now.plan.f, now.plan.g])
    damp = 1 + epsilon * inv_rho
    q = damp * solver.gain(h, inv_rho)
    ratio = mass / weights
    slope = np.where(free, ratio - 1 - lam * (q - by_side(weights * q, k0)), 0.0)

    share = np.zeros((k, k))
    share[:k0, :k0], share[k0:, k0:] = weights[:k0], weights[k0:]
    given = np.maximum(np.concatenate([w.sum(1), w.sum(0)]), 1e-200)
    moved = np.zeros((k, k))
    moved[:k0, k0:], moved[k0:, :k0] = w, w.T
    moved /= given[:, None]
    eye = np.eye(k)
    system = np.empty((2 * k, 2 * k))
    curve = np.maximum(np.maximum(ratio, ratio - slope), 1e-3)
    system[:k, :k] = share * (lam * q - 1) - curve * eye
    system[:k, k:] = (share - eye) * (lam * damp * np.exp(-h * inv_rho))
    system[:k][~free] = -np.eye(k, 2 * k)[~free]
    system[k:, :k] = epsilon * moved
    system[k:, k:] = moved + damp * (1 + 1e-10) * eye
    if inv_rho == 0:
        # balanced potentials are free up to a constant: hold that direction
        sign = np.where(np.arange(k) < k0, 1.0, -1.0)
        system[k:, k:] += sign[:, None] * (sign * given / given.sum())
    plain = np.clip(weights * slope / (weights + mass), -3.0, 3.0)
    try:
        both = np.linalg.solve(system, np.concatenate([-slope, np.zeros(k)]))
    except np.linalg.LinAlgError:
        return slope, plain, np.zeros(k)
    move, drift = both[:k], both[k:]
    if not (np.isfinite(both).all() and (weights * slope * move).sum() > 0):
        return slope, plain, np.zeros(k)
    if np.abs(move).max() > 3:
        return slope, np.clip(move, -3.0, 3.0), np.zeros(k)
    return slope, move, drift
