"""Update of the means: the linear system holds, both solvers agree, locked means stay."""

from __future__ import annotations

import numpy as np
import pytest

from cgmm.coupled import means as module
from cgmm.coupled.means import update_means
from tests.coupled.problems import mixture, objective

K0, K1, D = 3, 4, 5


def problem(locked=None):
    g, h = mixture(K0, D, 0), mixture(K1, D, 1)
    rng = np.random.default_rng(2)
    mass = np.concatenate([g.weights, h.weights])
    centres = np.concatenate([g.means, h.means])
    start = centres + rng.normal(size=centres.shape)
    coupling = rng.dirichlet(np.ones(K0 * K1)).reshape(K0, K1)
    precision = np.linalg.inv(np.concatenate([g.covariances, h.covariances]))
    return mass, centres, start, coupling, precision, objective(g, h, locked=locked)


def test_the_gradient_is_zero_at_the_new_means():
    mass, centres, start, w, precision, constants = problem()
    new = update_means(mass, centres, start, w, precision, constants)
    likelihood = (mass[:, None, None] * precision @ (centres - new)[..., None])[..., 0]
    marginal = np.concatenate([w.sum(1), w.sum(0)])[:, None]
    partners = np.concatenate([w @ new[K0:], w.T @ new[:K0]])
    transport = 2 * constants.transport_weight * (marginal * new - partners)
    np.testing.assert_allclose(likelihood, transport, atol=1e-8)


@pytest.mark.parametrize("locked", [None, "source"])
def test_conjugate_gradients_give_what_the_direct_solution_gives(monkeypatch, locked):
    arguments = problem(locked)
    direct = update_means(*arguments)
    monkeypatch.setattr(module, "MAX_DIRECT_SIZE", 0)
    np.testing.assert_allclose(update_means(*arguments), direct, atol=1e-7)


def test_locked_means_stay():
    mass, centres, start, w, precision, constants = problem("target")
    new = update_means(mass, centres, start, w, precision, constants)
    np.testing.assert_allclose(new[K0:], start[K0:], atol=1e-12)
    assert np.abs(new[:K0] - start[:K0]).max() > 0.1
