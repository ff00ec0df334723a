"""Mixtures against scipy and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture as SklearnMixture

from cgmm import GaussianMixture


def make(k: int, d: int, seed: int = 0) -> GaussianMixture:
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(k, d, d))
    covariances = a @ a.swapaxes(1, 2) / d + 0.2 * np.eye(d)
    return GaussianMixture(rng.dirichlet(np.ones(k)), 3 * rng.normal(size=(k, d)), covariances)


@pytest.mark.parametrize(("k", "d"), [(1, 1), (3, 2), (4, 9)])
def test_density_agrees_with_scipy(k, d):
    g = make(k, d)
    x, _ = g.sample(257, 1)
    parts = [
        multivariate_normal(m, s).logpdf(x) for m, s in zip(g.means, g.covariances, strict=True)
    ]
    expected = np.log(g.weights) + np.reshape(parts, (k, -1)).T
    np.testing.assert_allclose(g.component_log_prob(x), expected, atol=1e-9)
    np.testing.assert_allclose(g.log_prob(x), logsumexp(expected, axis=1), atol=1e-9)
    r = g.responsibilities(x)
    np.testing.assert_allclose(r.sum(1), 1, atol=1e-12)
    np.testing.assert_allclose(
        r, np.exp(expected - logsumexp(expected, axis=1)[:, None]), atol=1e-9
    )


def test_responsibilities_agree_with_scikit_learn():
    g = make(3, 4)
    x, _ = g.sample(500, 2)
    other = SklearnMixture(3)
    other.weights_, other.means_, other.covariances_ = g.weights, g.means, g.covariances
    other.precisions_cholesky_ = np.linalg.cholesky(np.linalg.inv(g.covariances))
    np.testing.assert_allclose(g.responsibilities(x), other.predict_proba(x), atol=1e-8)


def test_far_points_have_finite_responsibilities():
    r = make(3, 2).responsibilities(np.array([[1e4, -1e4], [0.0, 0.0]]))
    assert np.isfinite(r).all()
    np.testing.assert_allclose(r.sum(1), 1)


def test_samples_have_the_moments_of_the_mixture():
    g = make(2, 3)
    x, labels = g.sample(200_000, 3)
    np.testing.assert_allclose(np.bincount(labels) / len(x), g.weights, atol=0.005)
    for k in range(2):
        part = x[labels == k]
        np.testing.assert_allclose(part.mean(0), g.means[k], atol=0.05)
        np.testing.assert_allclose(np.cov(part.T), g.covariances[k], atol=0.1)


def test_sampling_is_seeded():
    g = make(2, 3)
    np.testing.assert_array_equal(g.sample(10, 5)[0], g.sample(10, 5)[0])
    assert not np.array_equal(g.sample(10, 5)[0], g.sample(10, 6)[0])


def test_with_weights_normalises_and_keeps_shapes():
    g = make(3, 2).with_weights([1, 1, 2])
    np.testing.assert_allclose(g.weights, [0.25, 0.25, 0.5])


@pytest.mark.parametrize("weights", [[1, 1], [-1, 1, 1], [0, 0, 0], [np.nan, 1, 1]])
def test_weights_out_of_range_are_an_error(weights):
    with pytest.raises(ValueError, match="weights must be 3 numbers"):
        make(3, 2).with_weights(weights)


def test_a_mapped_mixture_is_that_of_the_mapped_points():
    g, matrix = make(2, 3), np.diag([1.0, 2.0, 0.5])
    x, _ = g.sample(100, 0)
    jacobian = np.linalg.slogdet(matrix)[1]
    np.testing.assert_allclose(g.mapped(matrix).log_prob(x @ matrix), g.log_prob(x) - jacobian)
