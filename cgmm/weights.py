r"""Weights of both mixtures given the moments and the costs, with the coupling eliminated.

Maximises ``sum n log pi - lambda UW(pi)`` over both simplices by Newton steps on the log weights.
With ``q = (1 + eps/rho) h(f)`` the gradient is ``n - pi - lambda pi (q - <pi, q>)`` for every
``rho`` up to infinity; the derivative of the potentials in the log weights comes from the
optimality system of the dual, and serves also to predict the potentials after a step, so that the
transport is solved again from a start that is right to first order.  Balanced transport has a
direct solution (:mod:`cgmm.balanced`), unless ``lambda eps`` is large.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import transport
from .balanced import balanced_weights

MAX_STEPS = 8
SMALLEST_STEP = 1e-5
FLOOR = 1e-12


class Stance(NamedTuple):
    """Weights (K,), source first, with their transport and the value they give."""

    weights: np.ndarray
    plan: transport.Plan
    value: float


def solve_transport(
    costs: np.ndarray,
    weights: np.ndarray,
    epsilon: np.float64,
    inv_rho: np.float64,
    f: np.ndarray,
    g: np.ndarray,
) -> transport.Plan:
    """Transport between stacked weights, from a warm start."""
    k0 = len(f)
    with np.errstate(all="ignore"):
        return transport.solve(costs, weights[:k0], weights[k0:], epsilon, inv_rho, f, g)


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
    plan: transport.Plan,
    *,
    lam: float,
    epsilon: np.float64,
    inv_rho: np.float64,
    free: np.ndarray,
) -> tuple[np.ndarray, transport.Plan]:
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
    reach = max(transport.ENOUGH, 8 * transport.within_reach(costs, epsilon))

    def stance(weights: np.ndarray, f: np.ndarray, g: np.ndarray) -> Stance:
        plan = solve_transport(costs, weights, epsilon, inv_rho, f, g)
        return Stance(weights, plan, float((mass * np.log(weights)).sum() - lam * plan.cost))

    now = Stance(weights, plan, float((mass * np.log(weights)).sum() - lam * plan.cost))
    if inv_rho == 0:
        found = balanced_weights(
            mass, weights, costs, lam=lam, epsilon=float(epsilon), free=free, smallest=FLOOR
        )
        if found is not None:
            moved = np.maximum(found[0] / by_side(found[0], k0), FLOOR)
            new = stance(moved / by_side(moved, k0), found[1][:k0], found[1][k0:])
            best = new if new.plan.error < reach and new.value > now.value else now
            return best.weights, best.plan
    for _ in range(MAX_STEPS):
        slope, q = _slope(mass, now, lam, epsilon, inv_rho, free, k0)
        response = _response(now.plan, epsilon, inv_rho)
        move = _newton(mass, now, slope, q, response, lam, epsilon, inv_rho, free, k0)
        rise = float((now.weights * slope * move).sum())
        if rise <= 1e-14 * (1 + abs(now.value)) or np.abs(now.weights * slope).max() < 1e-10:
            break
        size, better = 1.0, None
        while size > SMALLEST_STEP:
            moved = normalised(np.log(now.weights) + size * move, k0)
            moved = np.where(free, moved, now.weights)
            shift = response @ np.log(moved / now.weights)
            new = stance(moved, now.plan.f + shift[:k0], now.plan.g + shift[k0:])
            if new.plan.error < reach and new.value > now.value:
                better = new
                break
            size *= 0.25
        if better is None:
            break
        now = better
    return now.weights, now.plan


def _slope(
    mass: np.ndarray,
    now: Stance,
    lam: float,
    epsilon: np.float64,
    inv_rho: np.float64,
    free: np.ndarray,
    k0: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Gradient divided by the weights, and ``q``."""
    q = (1 + epsilon * inv_rho) * transport.gain(np.concatenate([now.plan.f, now.plan.g]), inv_rho)
    tilt = q - by_side(now.weights * q, k0)
    return np.where(free, mass / now.weights - 1 - lam * tilt, 0.0), q


def _response(plan: transport.Plan, epsilon: np.float64, inv_rho: np.float64) -> np.ndarray:
    """Differentiate the potentials in the log weights, shape (K, K)."""
    w = plan.coupling
    k0, k = w.shape[0], sum(w.shape)
    given = np.concatenate([w.sum(1), w.sum(0)])
    cross = np.zeros((k, k))
    cross[:k0, k0:], cross[k0:, :k0] = w, w.T
    scale = 1 / np.sqrt(np.maximum(given, 1e-200))
    system = np.eye(k) * (1 + 1e-10)
    system += cross * scale[:, None] * scale / (1 + epsilon * inv_rho)
    load = cross * scale[:, None]
    if inv_rho == 0:
        # balanced potentials are free up to a constant: take that direction out
        shift = np.where(np.arange(k) < k0, 1.0, -1.0) * np.sqrt(given / given.sum())
        load -= shift[:, None] * (shift @ load)
    try:
        solution = np.linalg.solve(system, load)
    except np.linalg.LinAlgError:
        return np.zeros((k, k))
    return -solution * scale[:, None] * (epsilon / (1 + epsilon * inv_rho))


def _newton(
    mass: np.ndarray,
    now: Stance,
    slope: np.ndarray,
    q: np.ndarray,
    response: np.ndarray,
    lam: float,
    epsilon: np.float64,
    inv_rho: np.float64,
    free: np.ndarray,
    k0: int,
) -> np.ndarray:
    """Newton step of the log weights; a plain ascent step where that would not rise."""
    weights, k = now.weights, len(mass)
    plain = weights * slope / (weights + mass)
    first = np.arange(k) < k0
    share = np.where(first[:, None] == first, weights, 0.0)
    potentials = np.concatenate([now.plan.f, now.plan.g])
    change = ((1 + epsilon * inv_rho) * np.exp(-potentials * inv_rho))[:, None] * response
    ratio = mass / weights
    curve = np.maximum(np.maximum(ratio, ratio - slope), 1e-3)
    jacobian = -np.diag(curve) - lam * (change - share @ change - share * q) - share
    jacobian = np.where(free[:, None], jacobian, -np.eye(k))
    try:
        move = np.linalg.solve(jacobian, -slope)
    except np.linalg.LinAlgError:
        return np.clip(plain, -3.0, 3.0)
    good = np.isfinite(move).all() and (weights * slope * move).sum() > 0
    return np.clip(move if good else plain, -3.0, 3.0)
