"""The automatic fit: scale-free, reasons recorded, sensible starts."""

from __future__ import annotations

import numpy as np
import pytest

from cgmm import start
from cgmm.selection import fit_automatic


@pytest.fixture(scope="module")
def points():
    rng = np.random.default_rng(0)
    means = 8 * rng.normal(size=(4, 5))
    x = np.concatenate([m + rng.normal(size=(150, 5)) for m in means])
    y = np.concatenate([m + 0.5 + rng.normal(size=(150, 5)) for m in means])
    return x, y


def test_choices_have_reasons_and_given_values_none(points):
    fit = fit_automatic(*points)
    assert {"n_components", "rho", "epsilon", "transport_weight", "shrinkage"} <= set(fit.reasons)
    assert fit.coupling.shape == (4, 4)
    given = fit_automatic(*points, n_components=3, rho=1.0, epsilon=0.1, transport_weight=0.02)
    assert not {"n_components", "rho", "epsilon", "transport_weight"} & set(given.reasons)
    used = given.parameters
    assert used["transport_weight"] == pytest.approx(0.02 * 5 / used["within_variance"])
    assert given.parameters["rho"] == pytest.approx(10 * given.parameters["epsilon"])


def test_scale_of_the_data_does_not_matter(points):
    one = fit_automatic(*points)
    two = fit_automatic(*(1000 * p for p in points))
    np.testing.assert_allclose(one.coupling, two.coupling, atol=1e-6)
    np.testing.assert_allclose(one.shares_target, two.shares_target, atol=1e-6)


def test_small_clusters_are_dissolved(points):
    x, _ = points
    stray = np.concatenate([x, np.full((3, 5), 60.0) + np.eye(3, 5)])
    mixture = start.leiden_mixture(stray, None, 1.0, 20, 1e-6, 0)
    assert mixture.n_components == 4
    assert mixture.weights.sum() == pytest.approx(1)


def test_labels_become_moments():
    rng = np.random.default_rng(1)
    x, labels, w = rng.normal(size=(200, 2)), np.repeat([0, 1], 100), rng.uniform(size=200)
    m = start.mixture_from_labels(x, labels, w, 3, 1e-3)
    np.testing.assert_allclose(m.means[0], np.average(x[:100], axis=0, weights=w[:100]))
    expected = np.cov(x[:100].T, aweights=w[:100], bias=True) + 1e-3 * np.eye(2)
    np.testing.assert_allclose(m.covariances[0], expected)
    assert 0 < m.weights[2] < 1e-3
    assert np.isfinite(m.covariances).all()
