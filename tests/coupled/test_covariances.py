"""Update of the covariances: the objective rises, and without transport the scatter is taken."""

from __future__ import annotations

import numpy as np
import pytest

from cgmm.coupled.covariances import target_scatter, update_covariances
from cgmm.coupled.shapes import Shapes, with_fidelity
from tests.coupled.problems import mixture, objective

K, D = 3, 4


def problem():
    g, h = mixture(K, D, 0), mixture(K, D, 1)
    covariances = np.concatenate([g.covariances, h.covariances])
    pairs = np.nonzero(np.ones((K, K)))
    old = with_fidelity(Shapes.of(covariances, np.zeros((K, K))), K, pairs)
    coupling = np.random.default_rng(0).dirichlet(np.ones(K * K)).reshape(K, K)
    return np.concatenate([g.weights, h.weights]), old, coupling


def value(strength, target, covariances, coupling, lam):
    """Objective of the covariances, with every fidelity from eigenvalues of the product."""
    precision = np.linalg.inv(covariances)
    trace = np.trace(precision @ target, axis1=1, axis2=2)
    fit = -0.5 * (strength * (np.linalg.slogdet(covariances)[1] + trace)).sum()
    traces = np.trace(covariances, axis1=1, axis2=2)
    product = covariances[:K, None] @ covariances[None, K:]
    fidelity = np.sqrt(np.maximum(np.linalg.eigvals(product).real, 0)).sum(-1)
    costs = traces[:K, None] + traces[K:] - 2 * fidelity
    return fit - lam * (coupling * costs).sum()


def climbed(lam: float):
    strength, old, coupling = problem()
    target = 2 * old.covariances + 0.3 * np.eye(D)
    movable = np.ones(2 * K, bool)
    values = [value(strength, target, old.covariances, coupling, lam)]
    for _ in range(30):
        old, known = update_covariances(strength, target, movable, old, coupling, lam)
        values.append(value(strength, target, old.covariances, coupling, lam))
    assert known.all()
    return strength, target, old.covariances, coupling, values


@pytest.mark.parametrize("lam", [0.01, 1.0, 100.0])
def test_the_objective_rises(lam):
    *_, values = climbed(lam)
    assert np.diff(values).min() > -1e-9 * (1 + abs(values[-1]))
    assert values[-1] > values[0] + 0.1


def test_the_last_covariances_beat_their_neighbours():
    strength, target, covariances, coupling, values = climbed(0.01)
    rng = np.random.default_rng(1)
    for _ in range(20):
        turn = np.eye(D) + 1e-2 * rng.normal(size=(2 * K, D, D))
        near = turn @ covariances @ turn.swapaxes(1, 2)
        assert value(strength, target, near, coupling, 0.01) < values[-1] + 1e-9


def test_without_transport_the_covariances_are_the_target_scatter():
    strength, old, coupling = problem()
    target = 2 * old.covariances
    new, _ = update_covariances(strength, target, np.ones(2 * K, bool), old, coupling, 0.0)
    np.testing.assert_allclose(new.covariances, target, rtol=1e-10)


def test_covariances_that_may_not_move_stay():
    strength, old, coupling = problem()
    movable = np.repeat([False, True], K)
    new, _ = update_covariances(strength, 2 * old.covariances, movable, old, coupling, 0.1)
    np.testing.assert_allclose(new.covariances[:K], old.covariances[:K], rtol=1e-12)
    assert not np.allclose(new.covariances[K:], old.covariances[K:])


def test_target_scatter_is_the_mean_of_data_and_prior():
    g, h = mixture(2, D, 0), mixture(2, D, 1)
    constants = objective(g, h, ridge=0.1, shrinkage=1.0)
    mass, scatter = np.array([0.5, 0.5, 0.2, 0.8]), np.tile(3 * np.eye(D), (4, 1, 1))
    strength, offset = mass + constants.kappa, np.zeros((4, D))
    found = target_scatter(mass, offset, scatter, strength, constants)
    expected = (0.5 * 3.1 * np.eye(D) + 0.5 * constants.shape[0]) / 1.0
    np.testing.assert_allclose(found[0], expected)
