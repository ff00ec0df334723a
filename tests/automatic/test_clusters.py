from __future__ import annotations

import numpy as np
import pytest

from cgmm.automatic.clusters import LeidenClusters


@pytest.fixture
def points() -> np.ndarray:
    """Four populations of 150 points, far from each other."""
    rng = np.random.default_rng(0)
    return np.concatenate([8 * m + rng.normal(size=(150, 5)) for m in rng.normal(size=(4, 5))])


def test_small_clusters_join_the_nearest_large_one(points: np.ndarray) -> None:
    stray = np.concatenate([points, np.full((3, 5), 60.0) + np.eye(3, 5)])
    mixture = LeidenClusters(stray, None, 0).mixture(1.0, 0, min_cells=20, ridge=1e-6)
    assert mixture.n_components == 4
    assert mixture.weights.sum() == pytest.approx(1)


def test_a_finer_resolution_gives_more_clusters(points: np.ndarray) -> None:
    clusters = LeidenClusters(points, None, 0)
    n = [len(np.unique(clusters.labels(r, 0))) for r in (0.3, 1.0, 6.0)]
    assert n[0] == 4
    assert n[0] <= n[1] < n[2]


def test_weights_of_the_drawn_points_sum_to_one(points: np.ndarray) -> None:
    weights = np.random.default_rng(1).uniform(size=len(points))
    given = LeidenClusters(points, weights, 0)
    np.testing.assert_allclose(given.normalised_weights(), weights[given.drawn] / weights.sum())
    equal = LeidenClusters(points, None, 0).normalised_weights()
    np.testing.assert_allclose(equal, 1 / len(points))


def test_every_point_gets_the_value_of_the_nearest_drawn_point(
    points: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cgmm.automatic.clusters.MAX_CLUSTERED", 100)
    clusters = LeidenClusters(points, None, 0)
    assert len(clusters.drawn) == len(clusters.points) == 100
    population = np.repeat(np.arange(4), 150)
    spread = population[clusters.drawn][clusters.nearest_drawn(points)]
    np.testing.assert_array_equal(spread, population)
