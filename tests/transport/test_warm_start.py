"""Warm starts: the same transport as from the solver, from any start; extrapolated potentials."""

from __future__ import annotations

import numpy as np
import pytest

from cgmm.transport import solver
from cgmm.transport.solver import Problem
from cgmm.transport.warm_start import extrapolated_potentials, solve_near


def problem(rho: float, epsilon: float = 0.1, k0: int = 6, k1: int = 5, scale: float = 5.0):
    rng = np.random.default_rng(0)
    return Problem(
        rng.uniform(0, scale, (k0, k1)),
        rng.dirichlet(np.ones(k0)),
        rng.dirichlet(np.ones(k1)),
        np.float64(epsilon),
        np.float64(1 / rho),
    )


def stacked(plan):
    return np.concatenate([plan.f, plan.g])


@pytest.mark.parametrize("rho", [0.5, 50.0, np.inf])
@pytest.mark.parametrize("start", ["cold", "near", "far"])
def test_the_transport_is_that_of_the_solver(rho, start):
    p = problem(rho)
    exact = solver.solve(p, np.zeros(6), np.zeros(5))
    noise = np.random.default_rng(1).normal(size=11)
    potentials = {"cold": np.zeros(11), "near": stacked(exact) + 0.01 * noise, "far": 1e3 * noise}
    plan = solve_near(p, potentials[start])
    np.testing.assert_allclose(plan.coupling, exact.coupling, atol=1e-9)
    assert plan.cost == pytest.approx(exact.cost, rel=1e-8)
    assert plan.error < 1e-9


def test_a_coarse_goal_is_reached_and_no_more():
    p = problem(2.0)
    assert solve_near(p, np.zeros(11), goal=1e-3).error < 1e-3


def test_extrapolated_potentials_are_right_to_first_order():
    p = problem(3.0)
    plan = solve_near(p, np.zeros(11))
    change = np.random.default_rng(1).normal(size=(6, 5))
    errors = []
    for size in (1e-3, 1e-4):
        moved = p._replace(costs=p.costs + size * change)
        there = stacked(solve_near(moved, stacked(plan)))
        errors.append(np.abs(extrapolated_potentials(plan, size * change, moved) - there).max())
    assert errors[1] < 0.03 * errors[0]


def test_equal_changes_of_all_costs_of_a_balanced_problem_are_followed_exactly():
    p = problem(np.inf)
    plan = solve_near(p, np.zeros(11))
    new = extrapolated_potentials(plan, np.full((6, 5), 7.0), p)
    np.testing.assert_allclose(new[:6, None] + new[6:], plan.f[:, None] + plan.g + 7, atol=1e-6)


def test_mass_that_rounding_hides_is_charged_at_the_largest_cost():
    p = problem(np.inf, epsilon=1e-3, scale=1e7)
    plan = solve_near(p, np.zeros(11))
    given = np.concatenate([plan.coupling.sum(1), plan.coupling.sum(0)])
    left = 0.5 * np.abs(p.weights - given).sum()
    assert plan.cost >= (plan.coupling * p.costs).sum() - left * np.ptp(p.costs) * 1e-6
