"""The error of found populations that all donors share."""

from __future__ import annotations

import numpy as np
import pytest

from cgmm.donors.borders import PER_CROSSING, PER_DIFFERENCE, Borders, crossing


def test_assignments_that_stay_within_populations_cross_no_border() -> None:
    own = np.repeat([0, 1, 2], [400, 100, 5])
    few = crossing(own, own, 3)
    np.testing.assert_allclose(few, [0.5 / 401, 0.5 / 101, 0.5 / 6])


def test_crossing_counts_what_leaves_and_what_enters() -> None:
    own = np.repeat([0, 1], [100, 50])
    origins = own.copy()
    origins[:20] = 1  # a fifth of population 0; 20 of the 70 assignments to population 1
    found = crossing(origins, own, 2)
    np.testing.assert_allclose(found, [(0.2 + 0.0) / 2, (0.0 + 2 / 7) / 2], atol=0.01)


def test_cells_without_origin_or_population_cross_nothing() -> None:
    np.testing.assert_array_equal(crossing(np.array([-1, -1]), np.array([0, 1]), 2), 0)
    own, origins = np.array([0] * 40 + [-1]), np.array([0] * 39 + [-1, 1])
    np.testing.assert_allclose(crossing(origins, own, 2)[0], 0.5 / 40)


def test_one_bad_way_of_ten_does_not_open_the_interval() -> None:
    shares = np.full((6, 2), 0.1)
    bad = np.zeros((10, 2))
    bad[0] = [2.0, 6.0]  # log2; six counts as two
    variance = Borders(bad, np.zeros(2)).variance(shares)
    np.testing.assert_allclose(variance, PER_DIFFERENCE / 10 * (2 * np.log(2) / 0.9) ** 2)
    all_bad = Borders(np.full((10, 2), 2.0), np.zeros(2)).variance(shares)
    np.testing.assert_allclose(all_bad, 10 * variance)


def test_cells_without_a_population_have_no_border() -> None:
    variance = Borders(np.zeros((4, 2)), np.array([0.1, 0.4])).variance(np.full((6, 3), 0.3))
    np.testing.assert_allclose(variance, [0.1 * PER_CROSSING, 0.4 * PER_CROSSING, 0])
    none = Borders(np.zeros((0, 2)), np.zeros(2)).variance(np.full((6, 2), 0.3))
    np.testing.assert_array_equal(none, 0)


def test_borders_of_a_change_between_targets_are_those_of_both() -> None:
    one = Borders(np.array([[0.2], [0.0]]), np.array([0.1]))
    other = Borders(np.array([[0.2], [0.4]]), np.array([0.3]))
    change = Borders.along([one, other], (-1, 1))
    np.testing.assert_allclose(change.differences[:, 0], [0.0, 0.4])  # a shared error cancels
    assert change.crossing[0] == pytest.approx(0.4)
