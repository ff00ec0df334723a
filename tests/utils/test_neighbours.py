"""The neighbour graph is that of umap-learn."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from cgmm._utils.neighbours import fuzzy_graph, nearest, nearest_of, nearest_one


def groups(n: int = 600, dtype: type = np.float32) -> np.ndarray:
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 3, (5, 6))
    return (centres[rng.integers(0, 5, n)] + rng.normal(size=(n, 6))).astype(dtype)


CASES = {
    "groups": groups(),
    "twice": np.repeat(groups(100), 2, axis=0),
    "few": groups(12, np.float64),
    "one place": np.zeros((40, 3), dtype=np.float32),
}


@pytest.mark.parametrize("points", CASES.values(), ids=CASES)
def test_the_graph_is_that_of_umap(points: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from umap.umap_ import fuzzy_simplicial_set

        k = min(15, len(points) - 1)
        positions, distances = nearest(points, k)
        theirs, _, _ = fuzzy_simplicial_set(
            points, k, None, "euclidean", knn_indices=positions, knn_dists=distances
        )
    ours = fuzzy_graph(positions, distances)
    np.testing.assert_allclose(ours.toarray(), theirs.toarray(), atol=2e-5)
    assert ours.dtype == np.float32
    assert abs(ours - ours.T).max() < 1e-6


def test_neighbours_are_the_nearest() -> None:
    points = groups(50, np.float64)
    positions, distances = nearest(points, 4)
    whole = np.sqrt(np.square(points[:, None] - points[None]).sum(-1))
    np.testing.assert_allclose(distances, np.sort(whole, axis=1)[:, :4], atol=1e-5)
    assert (positions[:, 0] == np.arange(50)).all()


@pytest.mark.parametrize("n", [1, 6, 50])
def test_neighbours_among_other_points(n: int) -> None:
    points, queries = groups(50) + 1000, groups(300, np.float64)[50:] + 1000
    whole = np.sqrt(np.square(queries[:, None] - points[None]).sum(-1))
    found, far = nearest_of(points, queries, n)
    np.testing.assert_array_equal(found, whole.argsort(axis=1, kind="stable")[:, :n])
    np.testing.assert_allclose(far, np.take_along_axis(whole, found, 1), atol=1e-5)


@pytest.mark.parametrize("size", [1e-60, 1.0, 1e60])
def test_the_nearest_point_in_single_precision(size: float) -> None:
    points, queries = (1.0 * (groups(n, np.float64) + 3) * size for n in (50, 900))
    whole = np.square((queries[:, None] - points[None]) / size).sum(-1)
    np.testing.assert_array_equal(nearest_one(points, queries), whole.argmin(axis=1))


def test_equal_points_are_neighbours_but_not_the_point_itself() -> None:
    found, far = nearest_of(CASES["twice"], CASES["twice"], 1, others=True)
    np.testing.assert_array_equal(found[:, 0], np.arange(200) ^ 1)
    np.testing.assert_allclose(far, 0, atol=1e-5)
