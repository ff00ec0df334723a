r"""Transport in plain numpy, in as few operations as it takes where the start is nearly right.

Within a fit one transport problem follows another that differs little.  Newton steps on the
potentials then need no line search: two or three bring the error of the marginals from 1e-3 to
rounding.  A cold start comes down from a large ``epsilon`` first.  Where that does not settle,
:func:`cgmm.transport.solver.solve` takes over, which is slower and always arrives.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg.lapack import dposv

from cgmm.transport import solver

MAX_STEPS = 20
MAX_MOVE = 2.0
LOOSE = 0.1
NEGLIGIBLE = 1e-9


def solve_near(
    costs: np.ndarray,
    weights: np.ndarray,
    epsilon: np.float64,
    inv_rho: np.float64,
    potentials: np.ndarray,
    *,
    goal: float | None = None,
) -> solver.Plan:
    """Transport between stacked weights, from given potentials.

    Parameters
    ----------
    costs
        Shape (K0, K1).
    weights, potentials
        Of both sides, source first, shape (K0 + K1,).
    epsilon, inv_rho
        As in :func:`cgmm.transport.solver.solve`.
    goal
        Relative violation of the marginals that is good enough.  None: as small as rounding
        allows, or 1e-11.
    """
    k0 = len(costs)
    reach = float(solver.within_reach(costs, epsilon))
    goal = max(1e-11 if goal is None else goal, reach)
    with np.errstate(all="ignore"):
        plan = _newton(costs, weights, epsilon, inv_rho, potentials, goal)
        if plan is None:
            plan = _descend(costs, weights, epsilon, inv_rho, goal)
        if plan is None:
            f, g = potentials[:k0], potentials[k0:]
            plan = solver.solve(costs, weights[:k0], weights[k0:], epsilon, inv_rho, f, g)
        return plan if inv_rho else _with_leftovers(plan, costs, weights)


def _with_leftovers(plan: solver.Plan, costs: np.ndarray, weights: np.ndarray) -> solver.Plan:
    """Charge balanced mass that the plan leaves lying by the longest way, where that counts.

    The dual is blind to it: costs of 1e8 epsilon hide 1e-7 of mass in the rounding of a marginal,
    but not in what moving it would cost.
    """
    given = np.concatenate((plan.coupling.sum(1), plan.coupling.sum(0)))
    excess = 0.5 * np.abs(weights - given).sum() * np.ptp(costs)
    counts = excess > NEGLIGIBLE * (1 + abs(plan.cost))
    return plan._replace(cost=plan.cost + excess) if counts else plan


def extrapolated_potentials(
    plan: solver.Plan, change: np.ndarray, epsilon: float, inv_rho: float
) -> np.ndarray:
    """Potentials after a change of the costs, to first order in it: shape (K0 + K1,).

    ``(1 + eps/rho) dh + T dh = (T dC) 1`` with ``T`` the coupling divided by the mass of the row's
    component; exact for changes of any size as long as ``T`` stays.
    """
    w = plan.coupling
    k0, k = len(w), sum(w.shape)
    h = np.concatenate((plan.f, plan.g))
    moved = w * change
    given = np.concatenate((w.sum(1), w.sum(0)))
    scale = 1 / np.sqrt(np.maximum(given, 1e-300))
    system = np.zeros((k, k))
    system[k0:, :k0] = w.T * scale[k0:, None] * scale[:k0]
    system.flat[:: k + 1] = 1 + epsilon * inv_rho + 1e-9
    right = np.concatenate((moved.sum(1), moved.sum(0))) * scale
    _, drift, info = dposv(system, right, lower=1)
    drift *= scale
    return h if info or not np.isfinite(drift).all() else h + drift


def _descend(
    costs: np.ndarray, weights: np.ndarray, epsilon: float, inv_rho: float, goal: float
) -> solver.Plan | None:
    """Come down in ``epsilon`` from where the problem is easy."""
    k0 = len(costs)
    log_a, log_b = np.log(weights[:k0]), np.log(weights[k0:])
    f, g = np.zeros(k0), np.zeros(len(log_b))
    height = np.log(max(np.ptp(costs) / epsilon, 1.0)) / np.log(solver.RUNG)
    for rung in range(int(np.ceil(height)), -1, -1):
        level = np.float64(epsilon * solver.RUNG**rung)
        problem = solver.Problem(costs, log_a, log_b, level, inv_rho)
        potentials = np.concatenate(solver.scaling(problem, f, g))
        plan = _newton(costs, weights, level, inv_rho, potentials, LOOSE if rung else goal)
        if plan is None:
            return None
        f, g = plan.f, plan.g
    return plan


def _newton(
    costs: np.ndarray,
    weights: np.ndarray,
    epsilon: float,
    inv_rho: float,
    potentials: np.ndarray,
    goal: float,
) -> solver.Plan | None:
    """Newton steps, as long as each of them lessens the error or raises the dual."""
    k0, k = len(costs), len(weights)
    logs = np.log(weights)
    base = logs[:k0, None] + logs[k0:] - costs / epsilon
    h, last, move, old, highest = potentials, potentials, 0.0, np.inf, -np.inf
    for _ in range(MAX_STEPS):
        w = np.exp(base + (h[:k0, None] + h[k0:]) / epsilon)
        given = np.concatenate((w.sum(1), w.sum(0)))
        demand = weights * np.exp(-inv_rho * h) if inv_rho else weights
        gap = demand - given
        error = (np.abs(gap) / np.maximum(np.maximum(demand, given), weights)).max()
        gain = -np.expm1(-inv_rho * h) / inv_rho if inv_rho else h
        value = weights @ gain - epsilon * (given[:k0].sum() - 1)
        if error <= goal:
            return solver.Plan(h[:k0], h[k0:], w, value, error)
        if not (error < old or value > highest):
            move = 0.25 * move
            h = last + move
            continue
        last, old, highest = h, error, value
        scale = 1 / np.sqrt(given + epsilon * inv_rho * demand)
        system = np.zeros((k, k))
        system[k0:, :k0] = w.T * scale[k0:, None] * scale[:k0]
        system.flat[:: k + 1] = 1 + 1e-15
        if not inv_rho:
            # balanced potentials are free up to a constant: hold that direction
            drift = np.sqrt(given / given.sum())
            drift[k0:] *= -1
            system += drift[:, None] * drift
        _, move, info = dposv(system, gap * scale, lower=1)
        if info:
            return None
        move *= scale * epsilon
        move *= min(1.0, MAX_MOVE * epsilon / np.abs(move).max())
        h = last + move
    return None
