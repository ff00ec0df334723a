"""Unbalanced transport: closed forms, limits, optimality, agreement with alternating scaling."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.special import logsumexp

from cgmm.transport import solver

solve = jax.jit(solver.solve)


def run(costs, a, b, epsilon, rho, start=None):
    with jax.enable_x64(True):
        f, g = (np.zeros(len(a)), np.zeros(len(b))) if start is None else start
        problem = solver.Problem(*(jnp.asarray(x, float) for x in (costs, a, b, epsilon, 1 / rho)))
        return jax.tree.map(np.asarray, solve(problem, jnp.asarray(f), jnp.asarray(g)))


def kl(x, y):
    return np.sum(np.where(x > 0, x * np.log(np.maximum(x, 1e-300) / y), 0.0) - x + y)


def primal(w, costs, a, b, epsilon, rho):
    value = (w * costs).sum() + epsilon * kl(w, np.outer(a, b))
    if np.isfinite(rho):
        value += rho * kl(w.sum(1), a) + rho * kl(w.sum(0), b)
    return value


def problem(k0, k1, seed=0, scale=10.0):
    rng = np.random.default_rng(seed)
    return rng.uniform(0, scale, (k0, k1)), rng.dirichlet(np.ones(k0)), rng.dirichlet(np.ones(k1))


def test_one_by_one_has_a_closed_form():
    """``C + eps log w + 2 rho log w = 0``."""
    plan = run([[3.0]], [1.0], [1.0], 0.5, 2.0)
    assert plan.coupling[0, 0] == pytest.approx(np.exp(-3.0 / 4.5), rel=1e-10)


@pytest.mark.parametrize("rho", [0.1, 1.0, 100.0, 1e4, np.inf])
@pytest.mark.parametrize("epsilon", [1e-3, 0.05, 1.0, 10.0])
@pytest.mark.parametrize("shape", [(1, 3), (6, 6), (40, 25)])
def test_dual_and_primal_meet(shape, epsilon, rho):
    costs, a, b = problem(*shape)
    plan = run(costs, a, b, epsilon, rho)
    assert plan.error < 1e-8
    expected = primal(plan.coupling, costs, a, b, epsilon, rho)
    assert plan.cost == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("rho", [0.5, 5.0, np.inf])
def test_agrees_with_alternating_scaling(rho):
    costs, a, b = problem(5, 7, seed=1)
    epsilon, damp = 0.5, 1.0 if np.isinf(rho) else rho / (rho + 0.5)
    f, g = np.zeros(5), np.zeros(7)
    for _ in range(20_000):
        f = -damp * epsilon * logsumexp((g - costs) / epsilon + np.log(b), axis=1)
        g = -damp * epsilon * logsumexp((f[:, None] - costs) / epsilon + np.log(a)[:, None], axis=0)
    w = np.exp((f[:, None] + g - costs) / epsilon) * a[:, None] * b
    np.testing.assert_allclose(run(costs, a, b, epsilon, rho).coupling, w, atol=1e-9)


def test_balanced_keeps_both_marginals_and_small_entropy_is_the_linear_programme():
    costs, a, b = problem(4, 5, seed=2)
    plan = run(costs, a, b, 1e-3, np.inf)
    np.testing.assert_allclose(plan.coupling.sum(1), a, atol=1e-9)
    np.testing.assert_allclose(plan.coupling.sum(0), b, atol=1e-9)
    rows = np.kron(np.eye(4), np.ones(5))
    cols = np.kron(np.ones(4), np.eye(5))
    exact = linprog(costs.ravel(), A_eq=np.vstack([rows, cols]), b_eq=np.concatenate([a, b]))
    assert (plan.coupling * costs).sum() == pytest.approx(exact.fun, abs=5e-3)


def test_large_rho_tends_to_balanced_and_small_rho_moves_nothing_far():
    costs, a, b = problem(4, 4, seed=3)
    far = run(costs, a, b, 0.1, 1e7).coupling
    np.testing.assert_allclose(far, run(costs, a, b, 0.1, np.inf).coupling, atol=1e-5)
    assert run(costs + 5.0, a, b, 0.1, 0.05).coupling.sum() < 1e-10


def test_infinite_entropy_gives_the_product():
    costs, a, b = problem(3, 4, seed=4)
    np.testing.assert_allclose(run(costs, a, b, 1e6, np.inf).coupling, np.outer(a, b), atol=1e-5)


def test_no_perturbation_is_better():
    costs, a, b = problem(4, 3, seed=5)
    plan = run(costs, a, b, 0.3, 2.0)
    rng = np.random.default_rng(0)
    for _ in range(50):
        other = plan.coupling * np.exp(0.1 * rng.normal(size=plan.coupling.shape))
        assert primal(other, costs, a, b, 0.3, 2.0) > plan.cost


def test_swap_of_sides_and_warm_start_change_nothing():
    costs, a, b = problem(6, 4, seed=6)
    plan = run(costs, a, b, 0.2, 3.0)
    np.testing.assert_allclose(run(costs.T, b, a, 0.2, 3.0).coupling, plan.coupling.T, atol=1e-9)
    rng = np.random.default_rng(1)
    start = (plan.f + rng.normal(size=6), plan.g + rng.normal(size=4))
    np.testing.assert_allclose(run(costs, a, b, 0.2, 3.0, start).coupling, plan.coupling, atol=1e-9)


def test_total_mass_obeys_its_closed_form():
    """With ``W`` fixed up to scale, ``F = exp(-(inner cost) / (eps + 2 rho))``."""
    costs, a, b = problem(5, 5, seed=7)
    epsilon, rho = 0.4, 1.5
    w = run(costs, a, b, epsilon, rho).coupling
    mass = w.sum()
    unit = w / mass
    inner = (unit * costs).sum() + epsilon * (unit * np.log(unit / np.outer(a, b))).sum()
    inner += rho * (unit.sum(1) * np.log(unit.sum(1) / a)).sum()
    inner += rho * (unit.sum(0) * np.log(unit.sum(0) / b)).sum()
    assert mass == pytest.approx(np.exp(-inner / (epsilon + 2 * rho)), rel=1e-8)


def test_agrees_with_ott():
    """OTT takes entropy against the counting measure: the same as weights added to the costs."""
    pytest.importorskip("ott")
    from ott.geometry import geometry
    from ott.problems.linear import linear_problem
    from ott.solvers.linear import sinkhorn

    costs, a, b = problem(5, 4, seed=8, scale=3.0)
    epsilon, rho = 0.1, 1.0
    tau = rho / (rho + epsilon)
    with (
        jax.enable_x64(True),
        jax.numpy_dtype_promotion("standard"),
        jax.numpy_rank_promotion("allow"),
    ):
        geom = geometry.Geometry(cost_matrix=jnp.asarray(costs), epsilon=epsilon)
        prob = linear_problem.LinearProblem(geom, jnp.asarray(a), jnp.asarray(b), tau, tau)
        out = sinkhorn.Sinkhorn(threshold=1e-10, max_iterations=50_000)(prob)
        theirs = np.asarray(out.matrix)
    shifted = costs + epsilon * (np.log(a)[:, None] + np.log(b))
    np.testing.assert_allclose(run(shifted, a, b, epsilon, rho).coupling, theirs, atol=1e-6)


@pytest.mark.parametrize("rho", [0.5, np.inf])
def test_numpy_and_jax_give_the_same(rho):
    costs, a, b = problem(5, 4, seed=9)
    p = solver.Problem(costs, a, b, np.float64(0.1), np.float64(1 / rho))
    plain = solver.solve(p, np.zeros(5), np.zeros(4))
    traced = run(costs, a, b, 0.1, rho)
    np.testing.assert_allclose(plain.coupling, traced.coupling, atol=1e-10)
    assert plain.cost == pytest.approx(float(traced.cost), rel=1e-10)


def test_a_problem_can_be_put_between_other_weights():
    costs, a, b = problem(3, 2)
    p = solver.Problem(costs, a, b, np.float64(0.1), np.float64(0.0))
    np.testing.assert_array_equal(p.weights, np.concatenate([a, b]))
    moved = p.between(np.arange(5.0))
    np.testing.assert_array_equal(moved.b, [3, 4])
    np.testing.assert_allclose(np.exp(p.log_a), a)
