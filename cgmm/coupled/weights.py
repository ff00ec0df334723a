r"""Update of the weights of both mixtures, at given moments and costs.

Newton steps on the log weights maximise ``sum n log pi - lambda UW(pi)`` over both simplices; the
coupling is eliminated.  With ``q = (1 + eps/rho) h(f)`` the gradient is
``n - pi - lambda pi (q - <pi, q>)``, for every ``rho`` up to infinity.  The derivative of the
potentials by the log weights follows from the optimality conditions of the dual.  This derivative
also predicts the potentials after a step, from which the next transport starts.  Balanced transport
has a direct solution (:mod:`cgmm.coupled.balanced_weights`), unless ``lambda eps`` is large.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cgmm.coupled.balanced_weights import balanced_weights
from cgmm.coupled.objective import MIN_WEIGHT, Objective
from cgmm.transport import solver, warm_start

MAX_STEPS = 8
MIN_STEP_SIZE = 1e-5
MAX_LOG_STEP = 3.0
MIN_GAIN_TO_STOP = 0.45  # gain over slope (ideally 1/2); above it, a full step is the last
MIN_GOAL = 1e-9  # relative error of the marginals of a solved transport


class Iterate(NamedTuple):
    """Weights (K,), source first, the transport between them, and the value of the objective."""

    weights: np.ndarray
    plan: solver.Plan
    value: float


def sums_by_side(values: np.ndarray, k0: int) -> np.ndarray:
    """Return the sum of each side, repeated for every component of the side: shape (K,)."""
    return np.repeat([values[:k0].sum(), values[k0:].sum()], [k0, len(values) - k0])


def normalised(weights: np.ndarray, k0: int) -> np.ndarray:
    """Return weights (K,) scaled to sum to one per side, about ``MIN_WEIGHT`` or larger."""
    weights = np.maximum(weights / sums_by_side(weights, k0), MIN_WEIGHT)
    return weights / sums_by_side(weights, k0)


def softmax_by_side(scores: np.ndarray, k0: int) -> np.ndarray:
    """Return the weights of each side from logarithms (K,) that need not be normalised."""
    top = np.repeat([scores[:k0].max(), scores[k0:].max()], [k0, len(scores) - k0])
    return normalised(np.exp(scores - top), k0)


def update_weights(
    mass: np.ndarray,
    weights: np.ndarray,
    costs: np.ndarray,
    plan: solver.Plan,
    objective: Objective,
) -> tuple[np.ndarray, solver.Plan]:
    """Return weights that raise ``sum n log pi - lambda UW(pi)``, within ``MAX_STEPS`` steps.

    Parameters
    ----------
    mass, weights
        Mean responsibilities and current weights of both sides, shape (K,).
    costs, plan
        Squared Wasserstein distances (K0, K1), and the transport between ``weights``.
    objective
        Constants of the objective.

    Returns
    -------
    New weights (K,) and the transport between them.
    """
    k0, lam, free = len(costs), objective.transport_weight, objective.free
    problem = objective.problem(costs, weights)
    goal = max(MIN_GOAL, 8 * float(solver.marginal_rounding(problem)))

    def value(weights: np.ndarray, plan: solver.Plan) -> float:
        return float((mass * np.log(weights)).sum() - lam * plan.cost)

    def iterate(weights: np.ndarray, potentials: np.ndarray) -> Iterate:
        plan = warm_start.solve_near(problem.between(weights), potentials, goal=goal)
        return Iterate(weights, plan, value(weights, plan))

    def improves(new: Iterate, old: Iterate) -> bool:
        return bool(new.plan.error <= goal and new.value > old.value)

    now = Iterate(weights, plan, value(weights, plan))
    if objective.inv_rho == 0:
        potentials = np.concatenate([plan.f, plan.g])
        solution = balanced_weights(mass, problem, potentials, lam=lam, free=free)
        if solution is not None:
            new = iterate(normalised(solution[0], k0), solution[1])
            best = new if improves(new, now) else now
            return best.weights, best.plan
    for _ in range(MAX_STEPS):
        slope, move, drift = _newton_step_of_weights(mass, now, objective)
        rise = float((now.weights * slope * move).sum())
        if rise <= 1e-14 * (1 + abs(now.value)) or np.abs(now.weights * slope).max() < 1e-10:
            break
        size, better = 1.0, None
        potentials = np.concatenate([now.plan.f, now.plan.g])
        while size > MIN_STEP_SIZE:
            moved = softmax_by_side(np.log(now.weights) + size * move, k0)
            new = iterate(np.where(free, moved, now.weights), potentials + size * drift)
            if improves(new, now):
                better = new
                break
            size *= 0.25
        if better is None:
            break
        gained, now = better.value - now.value, better
        if size == 1 and gained > MIN_GAIN_TO_STOP * rise:
            break
    return now.weights, now.plan


def _newton_step_of_weights(
    mass: np.ndarray, now: Iterate, objective: Objective
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return gradient over weights, Newton step of the log weights and change of the potentials.

    One linear system gives the step and the change of the potentials.  With ``T`` the coupling
    divided by the mass of the row's component, the potentials ``h`` and the log weights ``u`` obey
    ``(1 + eps/rho) dh + T dh + eps T du = 0``.  If the slope along the Newton step is not positive,
    a plain gradient step is returned, without a change of the potentials.
    """
    lam, epsilon, inv_rho = objective.transport_weight, objective.epsilon, objective.inv_rho
    weights, w, free = now.weights, now.plan.coupling, objective.free
    k0, k = len(w), len(mass)
    h = np.concatenate([now.plan.f, now.plan.g])
    damp = 1 + epsilon * inv_rho
    q = damp * solver.gain(h, inv_rho)
    ratio = mass / weights
    slope = np.where(free, ratio - 1 - lam * (q - sums_by_side(weights * q, k0)), 0.0)

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
        # balanced potentials are determined up to a constant: fix this direction
        sign = np.where(np.arange(k) < k0, 1.0, -1.0)
        system[k:, k:] += sign[:, None] * (sign * given / given.sum())
    plain = np.clip(weights * slope / (weights + mass), -MAX_LOG_STEP, MAX_LOG_STEP)
    try:
        both = np.linalg.solve(system, np.concatenate([-slope, np.zeros(k)]))
    except np.linalg.LinAlgError:
        return slope, plain, np.zeros(k)
    move, drift = both[:k], both[k:]
    if not (np.isfinite(both).all() and (weights * slope * move).sum() > 0):
        return slope, plain, np.zeros(k)
    if np.abs(move).max() > MAX_LOG_STEP:
        return slope, np.clip(move, -MAX_LOG_STEP, MAX_LOG_STEP), np.zeros(k)
    return slope, move, drift
