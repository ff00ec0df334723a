from __future__ import annotations

import numpy as np

from cgmm.mixture.initial import mixture_from_labels


def test_labels_become_moments():
    rng = np.random.default_rng(1)
    x, labels, w = rng.normal(size=(200, 2)), np.repeat([0, 1], 100), rng.uniform(size=200)
    m = mixture_from_labels(x, labels, w, 3, 1e-3)
    np.testing.assert_allclose(m.means[0], np.average(x[:100], axis=0, weights=w[:100]))
    expected = np.cov(x[:100].T, aweights=w[:100], bias=True) + 1e-3 * np.eye(2)
    np.testing.assert_allclose(m.covariances[0], expected)
    assert 0 < m.weights[2] < 1e-3
    assert np.isfinite(m.covariances).all()
