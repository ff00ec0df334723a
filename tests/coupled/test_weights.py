"""Update of the weights: better than its neighbours, for every rho; locked weights stay."""

from __future__ import annotations

import numpy as np
import pytest

from cgmm.coupled.objective import MIN_WEIGHT
from cgmm.coupled.weights import softmax_by_side, sums_by_side, update_weights
from cgmm.transport.warm_start import solve_near
from tests.coupled.problems import mixture, objective

K0, K1 = 4, 3


def problem(rho: float, lam: float, locked=None):
    g, h = mixture(K0, 2, 0, spread=1.0), mixture(K1, 2, 1, spread=1.0)
    constants = objective(g, h, rho=rho, lam=lam, locked=locked)
    rng = np.random.default_rng(0)
    mass = np.concatenate([rng.dirichlet(np.ones(K0)), rng.dirichlet(np.ones(K1))])
    costs = rng.uniform(0, 5, (K0, K1))
    start = np.concatenate([g.weights, h.weights])
    plan = solve_near(constants.problem(costs, start), np.zeros(K0 + K1))
    return mass, start, costs, plan, constants


def value(mass, weights, costs, constants):
    plan = solve_near(constants.problem(costs, weights), np.zeros(K0 + K1))
    return (mass * np.log(weights)).sum() - constants.transport_weight * plan.cost


@pytest.mark.parametrize("lam", [0.01, 0.5])
@pytest.mark.parametrize("rho", [0.5, 20.0, np.inf])
def test_new_weights_beat_their_neighbours(rho, lam):
    mass, weights, costs, plan, constants = problem(rho, lam)
    for _ in range(15):
        weights, plan = update_weights(mass, weights, costs, plan, constants)
    best = value(mass, weights, costs, constants)
    np.testing.assert_allclose(sums_by_side(weights, K0), 1, rtol=1e-9)
    rng = np.random.default_rng(1)
    for _ in range(30):
        near = softmax_by_side(np.log(weights) + 0.02 * rng.normal(size=K0 + K1), K0)
        assert value(mass, near, costs, constants) < best + 1e-9


def test_one_update_never_lowers_the_value():
    mass, weights, costs, plan, constants = problem(5.0, 10.0)
    before = value(mass, weights, costs, constants)
    new, _ = update_weights(mass, weights, costs, plan, constants)
    assert value(mass, new, costs, constants) > before


@pytest.mark.parametrize("rho", [2.0, np.inf])
def test_locked_weights_stay(rho):
    mass, weights, costs, plan, constants = problem(rho, 0.3, locked="target")
    new, _ = update_weights(mass, weights, costs, plan, constants)
    np.testing.assert_allclose(new[K0:], weights[K0:], rtol=1e-6)
    assert np.abs(new[:K0] - weights[:K0]).max() > 1e-3


def test_the_softmax_of_a_side_has_a_floor_and_sums_to_one():
    found = softmax_by_side(np.array([0.0, -1e4, 900.0, 900.0]), 2)
    np.testing.assert_allclose(found, [1.0, MIN_WEIGHT, 0.5, 0.5])
