"""Classical scaling."""

from __future__ import annotations

import numpy as np
import pytest

from cgmm._utils.scaling import classical_scaling, square


def _distances(points: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points[:, None] - points[None], axis=-1)


def test_points_of_a_plane_keep_their_distances():
    points = np.random.default_rng(0).normal(size=(9, 2))
    made, shown = classical_scaling(_distances(points))
    assert shown == pytest.approx(1.0)
    np.testing.assert_allclose(_distances(made), _distances(points), atol=1e-9)
    assert (made[np.abs(made).argmax(axis=0), [0, 1]] > 0).all()


def test_a_plane_shows_a_part_of_more_dimensions():
    points = np.random.default_rng(0).normal(size=(30, 6))
    assert 0.3 < classical_scaling(_distances(points))[1] < 0.9


def test_one_two_and_equal_samples_have_a_place():
    assert classical_scaling(np.zeros((1, 1)))[0].tolist() == [[0.0, 0.0]]
    two, shown = classical_scaling(np.array([[0.0, 2.0], [2.0, 0.0]]))
    assert np.abs(two[:, 0]).tolist() == pytest.approx([1.0, 1.0])
    assert shown == pytest.approx(1.0)
    assert np.isnan(classical_scaling(np.zeros((3, 3)))[1])


def test_a_missing_distance_is_taken_for_the_mean():
    known = square(3, np.array([0, 0]), np.array([1, 2]), np.array([1.0, 3.0]))
    assert np.isnan(known[1, 2])
    full = square(3, np.array([0, 0, 1]), np.array([1, 2, 2]), np.array([1.0, 3.0, 2.0]))
    np.testing.assert_allclose(classical_scaling(known)[0], classical_scaling(full)[0])
