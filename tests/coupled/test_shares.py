"""Shares: weights of largest likelihood at fixed shapes, free of the penalty."""

from __future__ import annotations

import numpy as np
import pytest

import cgmm as cg
from cgmm.coupled.shares import maximum_likelihood_shares, newton_shares
from cgmm.mixture.blocks import Cells
from cgmm.pair import Pair
from tests.coupled.problems import mixture, objective, pair, state


def test_full_damping_is_a_step_of_em_to_first_order():
    rng = np.random.default_rng(0)
    shares, mass = rng.dirichlet(50 * np.ones(4)), rng.dirichlet(50 * np.ones(4))
    new = newton_shares(shares, mass, np.full((4, 4), 9.0), 1.0)
    expected = shares * np.exp((mass - shares) / mass)
    np.testing.assert_allclose(new, expected / expected.sum())
    np.testing.assert_allclose(newton_shares(mass, mass, np.diag(mass), 0.01), mass)


def test_shares_have_the_largest_likelihood():
    x, y, g, h = pair(n=400)
    constants = objective(g, h, ridge=1e-9)
    cells = Pair(*(Cells(points, None, np.float64) for points in (x, y)))
    found = maximum_likelihood_shares(cells, np.zeros(4), state(g, h, constants), constants)
    rng = np.random.default_rng(0)
    for points, m, side in zip((x, y), (g, h), found, strict=True):
        best = m.with_weights(side.shares).log_prob(points).mean()
        assert side.log_likelihood == pytest.approx(best, abs=1e-7)
        for _ in range(20):
            near = side.shares * np.exp(0.05 * rng.normal(size=3))
            assert m.with_weights(near).log_prob(points).mean() < best + 1e-9


def test_components_that_agree_at_all_points_keep_finite_shares():
    g = mixture(2, 3, 0)
    twice = cg.GaussianMixture(np.full(4, 0.25), g.means[[0, 0, 1, 1]], g.covariances[[0, 0, 1, 1]])
    x, _ = g.sample(300, 0)
    constants = objective(twice, twice)
    cells = Pair(*(Cells(x, None, np.float64) for _ in range(2)))
    found = maximum_likelihood_shares(cells, np.zeros(3), state(twice, twice, constants), constants)
    assert np.isfinite(found.source.shares).all()
    assert found.source.shares[:2].sum() == pytest.approx(
        g.responsibilities(x).mean(0)[0], abs=0.05
    )


def test_prevalence_is_free_of_the_penalty():
    """A heavy penalty draws the weights of both sides together; the shares do not follow."""
    g = cg.GaussianMixture(
        np.array([0.7, 0.3]), np.array([[0.0, 0], [8, 0]]), np.stack([np.eye(2)] * 2)
    )
    x, y = g.sample(4000, 0)[0], g.with_weights([0.3, 0.7]).sample(4000, 1)[0]
    result = cg.fit_coupled(
        x, y, init=g, transport_weight=1.0, rho=100.0, epsilon=0.1, max_steps=200
    )
    assert abs(result.source.weights[0] - result.target.weights[0]) < 0.1
    assert result.shares_source[0] == pytest.approx(0.7, abs=0.02)
    assert result.shares_target[0] == pytest.approx(0.3, abs=0.02)
