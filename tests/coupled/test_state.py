"""States: everything in them follows from the parameters."""

from __future__ import annotations

import numpy as np
import pytest

from cgmm.coupled.shapes import Shapes
from cgmm.coupled.state import initial_state, transported
from cgmm.mixture.features import log_density_features
from tests.coupled.problems import mixture, objective, state


def test_coefficients_are_those_of_each_side_with_the_ridge_as_noise():
    g, h = mixture(2, 3, 0), mixture(4, 3, 1)
    found = state(g, h, objective(g, h, ridge=0.01))
    for theta, m in zip(found.coefficients, (g, h), strict=True):
        traces = np.trace(np.linalg.inv(m.covariances), axis1=1, axis2=2)
        log_weights = np.log(m.weights) - 0.005 * traces
        expected = log_density_features(log_weights, m.means, m.covariances)
        np.testing.assert_allclose(theta, expected, atol=1e-9)
    assert found.theta.shape[-1] == 4
    assert found.theta[0, -1, 2:].max() < -1e29


def test_pairs_that_are_too_far_apart_to_couple_change_neither_cost_nor_coupling():
    g, h = mixture(6, 3, 0, spread=20.0), mixture(5, 3, 1, spread=20.0)
    constants = objective(g, h, epsilon=0.1)
    exact = state(g, h, constants)
    quick = initial_state(exact.params, constants, k0=6, coupled=True, exact=False)
    assert (quick.fidelity > exact.fidelity + 1e-9).any()
    assert quick.plan.cost == pytest.approx(exact.plan.cost, rel=1e-9)
    np.testing.assert_allclose(quick.plan.coupling, exact.plan.coupling, atol=1e-10)


def test_extrapolated_potentials_end_at_the_same_transport():
    g, h = mixture(3, 3, 0), mixture(3, 3, 1)
    constants = objective(g, h)
    one = state(g, h, constants)
    shapes = Shapes(one.params.covariances, one.roots, one.fidelity)
    known, zero = np.ones((3, 3), bool), np.zeros(6)
    moved = one.params.means + 0.05
    moved[:3] -= 0.1
    arguments = (one.params.weights, moved, shapes, known, zero, constants)
    _, _, cold = transported(*arguments)
    _, _, warm = transported(*arguments, (one.plan, one.costs))
    np.testing.assert_allclose(warm.coupling, cold.coupling, atol=1e-9)
