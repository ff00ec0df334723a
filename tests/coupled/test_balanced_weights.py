"""Balanced weights by one dual problem."""

from __future__ import annotations

import numpy as np
import pytest

from cgmm.coupled.balanced_weights import balanced_weights
from cgmm.coupled.weights import softmax_by_side
from cgmm.transport.solver import Problem
from cgmm.transport.warm_start import solve_near

K = 6


def between(weights, costs, epsilon=0.05):
    return Problem(costs, weights[:K], weights[K:], np.float64(epsilon), np.float64(0.0))


@pytest.fixture
def given():
    rng = np.random.default_rng(0)
    costs = rng.uniform(0, 20, (K, K))
    return costs, np.concatenate([rng.dirichlet(np.ones(K)), rng.dirichlet(np.ones(K))])


def test_they_are_stationary_and_beat_their_neighbours(given):
    (costs, mass), lam = given, 0.1

    def value(weights):
        plan = solve_near(between(weights, costs), np.zeros(2 * K))
        return (mass * np.log(weights)).sum() - lam * plan.cost

    start = between(np.full(2 * K, 1 / K), costs)
    found, _ = balanced_weights(mass, start, np.zeros(2 * K), lam=lam, free=np.ones(2 * K, bool))
    best, rng = value(found), np.random.default_rng(1)
    for _ in range(40):
        assert (
            value(softmax_by_side(np.log(found) + 0.02 * rng.normal(size=2 * K), K)) < best + 1e-12
        )


def test_their_potentials_solve_the_transport_between_them(given):
    costs, mass = given
    start = between(np.full(2 * K, 1 / K), costs)
    weights, potentials = balanced_weights(
        mass, start, np.zeros(2 * K), lam=0.1, free=np.ones(2 * K, bool)
    )
    logs = (potentials[:K, None] + potentials[K:] - costs) / 0.05
    coupling = weights[:K, None] * weights[K:] * np.exp(logs)
    np.testing.assert_allclose(coupling.sum(1), weights[:K], atol=1e-8)


def test_a_dual_that_is_not_concave_is_left_to_other_steps(given):
    costs, mass = given
    start = between(np.full(2 * K, 1 / K), costs, epsilon=10.0)
    every = np.ones(2 * K, bool)
    assert balanced_weights(mass, start, np.zeros(2 * K), lam=1.0, free=every) is None
