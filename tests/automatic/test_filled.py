"""Components that cells fill."""

from __future__ import annotations

import numpy as np
import pytest

from cgmm.automatic.filled import filled
from cgmm.mixture.gaussian_mixture import GaussianMixture


def mixture(means: list[float]) -> GaussianMixture:
    k = len(means)
    return GaussianMixture(np.full(k, 1 / k), np.array(means)[:, None], np.full((k, 1, 1), 1.0))


def test_components_with_few_cells_are_dropped_and_weights_add_up_to_one() -> None:
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(size=100), rng.normal(50.0, size=100), [200.0] * 5])
    kept = filled(mixture([0.0, 50.0, 200.0]), points[:, None], 205)
    np.testing.assert_allclose(kept.means[:, 0], [0.0, 50.0])
    assert kept.weights.sum() == pytest.approx(1.0)


def test_two_components_that_share_the_cells_of_one_are_not_both_dropped() -> None:
    points = np.random.default_rng(0).normal(size=(30, 1))
    # fifteen cells each: the first to be dropped leaves its cells to the other
    assert filled(mixture([0.0, 0.1]), points, 30).n_components == 1


def test_a_mixture_with_enough_cells_everywhere_is_returned_as_it_is() -> None:
    points = np.repeat([[0.0], [9.0]], 30, axis=0)
    one = mixture([0.0, 9.0])
    assert filled(one, points, 60) is one


def test_drawn_cells_stand_for_all_cells() -> None:
    points = np.concatenate([np.zeros(100), np.full(5, 9.0)])[:, None]
    one = mixture([0.0, 9.0])
    assert filled(one, points, 105).n_components == 1
    assert filled(one, points, 1050) is one
