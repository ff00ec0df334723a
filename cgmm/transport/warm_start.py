r"""Transport in plain numpy, fast when the starting potentials are close to the solution.

In a fit each transport problem differs little from the problem before.  Newton steps on the
potentials then need no line search: two or three steps reduce the error of the marginals from 1e-3
to rounding.  If these steps do not converge, ``epsilon`` is annealed.  If annealing fails,
:func:`cgmm.transport.solver.solve` is used, which is slower and has a line search.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg.lapack import dposv

from cgmm.pair import halves
from cgmm.transport import solver
from cgmm.transport.solver import ANNEALING_FACTOR, Plan, Problem

MAX_STEPS = 20
MAX_MOVE = 2.0  # largest change of a potential in one step, in units of epsilon
MAX_ERROR = 1e-11
MAX_ERROR_ANNEALING = 0.1
MIN_EXCESS = 1e-9  # cost of unmoved mass below which it is neglected, relative to the cost


def solve_near(problem: Problem, potentials: np.ndarray, *, goal: float | None = None) -> Plan:
    """Solve a transport problem from potentials close to the solution.

    Parameters
    ----------
    problem
        Costs, weights and penalties, in numpy.
    potentials
        Potentials of both sides, source first, shape (K0 + K1,).
    goal
        Largest allowed relative error of the marginals.  None: 1e-11.  A larger error is allowed
        where rounding causes it.

    Returns
    -------
    Plan
    """
    rounding = float(solver.marginal_rounding(problem))
    goal = max(MAX_ERROR if goal is None else goal, rounding)
    with np.errstate(all="ignore"):
        plan = _undamped_newton(problem, potentials, goal)
        if plan is None:
            plan = _annealed(problem, goal)
        if plan is None:
            plan = solver.solve(problem, *halves(potentials, len(problem.costs)))
        return plan if problem.inv_rho else _with_excess(plan, problem)


def extrapolated_potentials(plan: Plan, change: np.ndarray, problem: Problem) -> np.ndarray:
    """Return the potentials after a change of the costs, to first order.

    The change ``dh`` solves ``(1 + eps/rho) dh + T dh = (T dC) 1``, with ``T`` the coupling divided
    by the mass of the row's component.  The result is exact for a change of any size that leaves
    ``T`` the same.

    Parameters
    ----------
    plan
        Transport solved at the old costs.
    change
        New costs less old costs, shape (K0, K1).
    problem
        The problem, for its penalties.

    Returns
    -------
    Potentials, shape (K0 + K1,).  Where the system cannot be solved, the potentials of the plan.
    """
    w = plan.coupling
    k0, k = len(w), sum(w.shape)
    h = np.concatenate((plan.f, plan.g))
    moved = w * change
    given = np.concatenate((w.sum(1), w.sum(0)))
    scale = 1 / np.sqrt(np.maximum(given, 1e-300))
    system = np.zeros((k, k))
    system[k0:, :k0] = w.T * scale[k0:, None] * scale[:k0]
    system.flat[:: k + 1] = 1 + problem.epsilon * problem.inv_rho + 1e-9
    right = np.concatenate((moved.sum(1), moved.sum(0))) * scale
    _, drift, info = dposv(system, right, lower=1)
    drift *= scale
    return h if info or not np.isfinite(drift).all() else h + drift


def _with_excess(plan: Plan, problem: Problem) -> Plan:
    """Add a cost for balanced mass that the plan has not moved, at the range of the costs.

    The dual does not contain this mass.  At costs of 1e8 epsilon, a mass of 1e-7 is below the
    rounding of a marginal, but the cost of moving this mass is not negligible.
    """
    given = np.concatenate((plan.coupling.sum(1), plan.coupling.sum(0)))
    excess = 0.5 * np.abs(problem.weights - given).sum() * np.ptp(problem.costs)
    counts = excess > MIN_EXCESS * (1 + abs(plan.cost))
    return plan._replace(cost=plan.cost + excess) if counts else plan


def _annealed(problem: Problem, goal: float) -> Plan | None:
    """Solve at a large ``epsilon`` and lower it level by level; None where a level fails."""
    f, g = np.zeros(len(problem.a)), np.zeros(len(problem.b))
    n_levels = np.log(max(np.ptp(problem.costs) / problem.epsilon, 1.0)) / np.log(ANNEALING_FACTOR)
    for left in range(int(np.ceil(n_levels)), -1, -1):
        level = problem._replace(epsilon=np.float64(problem.epsilon * ANNEALING_FACTOR**left))
        potentials = np.concatenate(solver.scaling(level, f, g))
        plan = _undamped_newton(level, potentials, MAX_ERROR_ANNEALING if left else goal)
        if plan is None:
            return None
        f, g = plan.f, plan.g
    return plan


def _undamped_newton(problem: Problem, potentials: np.ndarray, goal: float) -> Plan | None:
    """Solve by Newton steps without line search; None where the steps do not converge.

    A step that neither lowers the error nor raises the dual is shortened to a quarter.
    """
    costs, weights = problem.costs, problem.weights
    epsilon, inv_rho = problem.epsilon, problem.inv_rho
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
            return Plan(h[:k0], h[k0:], w, value, error)
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
            # balanced potentials are determined up to a constant: fix this direction
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
