"""Starting mixtures from clusters and from k-means."""

from __future__ import annotations

import numpy as np
import pytest

from cgmm.mixture.initial import draw, kmeans_mixtures, mixture_from_labels

RIDGE = 1e-3


def points(n: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=n)
    return 10 * np.eye(3)[labels] + rng.normal(size=(n, 3)), labels


def test_components_are_the_moments_of_the_clusters() -> None:
    x, labels = points()
    w = np.random.default_rng(1).random(len(x))
    g = mixture_from_labels(x, labels, w, 3, RIDGE)
    for k in range(3):
        part, weight = x[labels == k], w[labels == k]
        assert g.weights[k] == pytest.approx(weight.sum() / w.sum())
        np.testing.assert_allclose(g.means[k], np.average(part, axis=0, weights=weight))
        expected = np.cov(part.T, aweights=weight, bias=True) + RIDGE * np.eye(3)
        np.testing.assert_allclose(g.covariances[k], expected)


def test_an_empty_cluster_sits_on_the_farthest_point_and_has_little_weight() -> None:
    x, labels = points()
    g = mixture_from_labels(x, labels, None, 4, RIDGE)
    farthest = np.square(x - x.mean(0)).sum(1).argmax()
    np.testing.assert_array_equal(g.means[3], x[farthest])
    assert 0 < g.weights[3] < 1e-3
    assert np.linalg.eigvalsh(g.covariances).min() > 0


def test_a_cluster_of_few_points_has_the_mean_covariance() -> None:
    x, labels = points()
    labels = np.where(np.arange(len(x)) < 2, 3, labels)
    g = mixture_from_labels(x, labels, None, 4, RIDGE)
    counts = np.bincount(labels) / len(x)
    scatters = [counts[k] * np.cov(x[labels == k].T, bias=True) for k in range(4)]
    np.testing.assert_allclose(g.covariances[3], sum(scatters) + RIDGE * np.eye(3))


def test_equal_numbers_start_alike_on_both_sides_and_others_apart() -> None:
    (x, _), (y, _) = points(), points(seed=1)
    one, two = kmeans_mixtures(x, y, None, None, (3, 3), RIDGE, 0)
    np.testing.assert_array_equal(one.means, two.means)
    np.testing.assert_allclose(np.sort(one.means.max(1)), 10, atol=0.5)
    one, two = kmeans_mixtures(x, y, None, None, (3, 2), RIDGE, 0)
    assert (one.n_components, two.n_components) == (3, 2)


def test_a_draw_is_sorted_and_without_repeats() -> None:
    rows = draw(np.zeros((100, 2)), np.random.default_rng(0), 30)
    assert len(np.unique(rows)) == 30
    assert (np.diff(rows) > 0).all()
    np.testing.assert_array_equal(draw(np.zeros((5, 2)), np.random.default_rng(0), 30), range(5))


def test_fewer_distinct_points_than_components_still_give_mixtures() -> None:
    x = np.repeat(np.array([[0.0, 0.0], [5.0, 5.0]]), 20, axis=0)
    g, _ = kmeans_mixtures(x, x, None, None, (4, 4), RIDGE, 0)
    assert np.isfinite(g.means).all()
    assert g.weights.sum() == pytest.approx(1)
