"""Projected cells land among their neighbours."""

from __future__ import annotations

import numpy as np

from cgmm.pl._landing import by_component, by_grid, landing, medoid


def test_landing_is_among_the_nearest_targets() -> None:
    rng = np.random.default_rng(0)
    target = rng.normal(size=(300, 5))
    target[150:] += 30
    xy = rng.normal(size=(300, 2))
    xy[150:] += [100, 0]
    goal = np.array([[0.0] * 5, [30.0] * 5])
    np.testing.assert_allclose(landing(goal, target, xy), [[0, 0], [100, 0]], atol=1.0)
    assert len(landing(goal, target[:3], xy[:3])) == 2  # fewer cells than neighbours
    start = np.concatenate([np.zeros((20, 2)), np.full((20, 2), 10.0), [[5.0, 5.0]]])
    arrows = by_grid(start, start + [1, 2])
    assert len(arrows.start) == 2  # the lone cell makes no arrow
    np.testing.assert_allclose(arrows.end - arrows.start, [[1, 2]] * 2)
    one = by_component(start[:40], start[:40] + 3, np.repeat([4, 7], 20))
    assert list(one.of) == [4, 7]
    np.testing.assert_allclose(one.end - one.start, 3)


def test_a_medoid_is_one_of_the_points() -> None:
    points = np.array([[0.0, 0.0], [1.0, 1.0], [9.0, 9.0]])
    np.testing.assert_array_equal(medoid(points), [1.0, 1.0])
