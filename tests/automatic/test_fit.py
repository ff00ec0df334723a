"""The automatic fit: scale-free, reasons recorded, sensible starts."""

from __future__ import annotations

import numpy as np
import pytest

from cgmm.automatic.clusters import LeidenClusters
from cgmm.automatic.fit import fit_automatic
from cgmm.mixture.initial import mixture_from_labels


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
    k0, k1 = fit.coupling.shape
    assert 4 <= min(k0, k1) <= max(k0, k1) <= 12
    net = fit.log2_net
    cells = fit.prevalence_source.responsibilities(points[0]) @ 2**net
    np.testing.assert_allclose(cells.reshape(4, 150).mean(1), 1, atol=0.02)
    given = fit_automatic(*points, n_components=3, rho=1.0, epsilon=0.1, transport_weight=0.02)
    assert not {"n_components", "rho", "epsilon", "transport_weight"} & set(given.reasons)
    used = given.parameters
    assert [used[k] for k in ("rho", "epsilon", "transport_weight")] == [1.0, 0.1, 0.02]
    assert {row["parameter"] for row in fit.sensitivity} == {"rho", "partition"}
    assert all(len(row["log2_net"]) == k0 for row in fit.sensitivity)


def test_scale_of_the_data_does_not_matter(points):
    one = fit_automatic(*points)
    two = fit_automatic(*(1000 * p for p in points))
    np.testing.assert_allclose(one.coupling, two.coupling, atol=1e-6)
    np.testing.assert_allclose(one.shares_target, two.shares_target, atol=1e-6)


def test_small_clusters_are_dissolved(points):
    x, _ = points
    stray = np.concatenate([x, np.full((3, 5), 60.0) + np.eye(3, 5)])
    mixture = LeidenClusters(stray, None, 0).mixture(1.0, 0, min_cells=20, ridge=1e-6)
    assert mixture.n_components == 4
    assert mixture.weights.sum() == pytest.approx(1)


def test_labels_become_moments():
    rng = np.random.default_rng(1)
    x, labels, w = rng.normal(size=(200, 2)), np.repeat([0, 1], 100), rng.uniform(size=200)
    m = mixture_from_labels(x, labels, w, 3, 1e-3)
    np.testing.assert_allclose(m.means[0], np.average(x[:100], axis=0, weights=w[:100]))
    expected = np.cov(x[:100].T, aweights=w[:100], bias=True) + 1e-3 * np.eye(2)
    np.testing.assert_allclose(m.covariances[0], expected)
    assert 0 < m.weights[2] < 1e-3
    assert np.isfinite(m.covariances).all()


def bent_line(n: int, shift: np.ndarray, seed: int) -> np.ndarray:
    """A population that no cluster border cuts naturally, and two round ones."""
    rng = np.random.default_rng(seed)
    line = rng.normal(size=(n, 6))
    along = rng.uniform(-12, 12, size=n)
    line[:, 0] += along
    line[:, 1] += 0.02 * along**2
    rounds = [rng.normal(size=(n // k, 6)) + 20 * np.eye(6)[k // 2] for k in (2, 4)]
    return np.concatenate([line, *rounds]) + shift


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_cluster_borders_that_differ_are_not_taken_for_changes(seed):
    x = bent_line(1200, np.zeros(6), seed)
    y = bent_line(1000, 4 * np.eye(6)[3], seed + 100)
    fit = fit_automatic(x, y)
    net = fit.log2_net
    cells = np.log2(fit.prevalence_source.responsibilities(x) @ 2**net)
    assert np.abs(cells).mean() < 0.15
    for part in (cells[:1200], cells[1200:1800], cells[1800:]):
        assert abs(np.log2(np.exp2(part).mean())) < 0.02
    # shares of largest likelihood are what the points say on average, also of crowded components
    for mixture, points in ((fit.prevalence_source, x), (fit.prevalence_target, y)):
        said = mixture.responsibilities(points).mean(0)
        np.testing.assert_allclose(mixture.weights, said, atol=2e-5)
