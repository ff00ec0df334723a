from __future__ import annotations

import numpy as np
import pytest

from cgmm.donors.baseline import COUNTS, MEDIAN, Baseline, in_units, log2_factor
from cgmm.donors.design import design_of_donors


def plan():
    return design_of_donors(
        (np.array(["a", "b"]), np.array([100, 100])), (np.array(["c", "d"]), np.array([100, 100]))
    )


def test_the_median_leaves_out_what_cannot_be_read() -> None:
    net = np.array([1.0, 2.0, 50.0, -np.inf])
    usable = np.array([True, True, False, True])
    members = MEDIAN.members(net, usable)
    assert log2_factor(members, net, None, plan()) == 1.5
    np.testing.assert_array_equal(MEDIAN.members(np.arange(5.0)[::-1], np.ones(5, bool)), [2])
    none = MEDIAN.members(net, np.zeros(4, bool))
    assert np.isnan(log2_factor(none, net, None, plan()))


def test_a_subpopulation_is_its_own_baseline() -> None:
    members = Baseline("subpopulation", 2).members(np.arange(3.0), np.zeros(3, bool))
    assert log2_factor(members, np.arange(3.0), None, plan()) == 2
    shares = np.array([[0.1, 0.4, 0.5], [0.2, 0.55, 0.25]])
    found = in_units(members, shares, np.array([1000, 1000]), None)
    np.testing.assert_allclose(found, np.log2([0.5005, 0.2505]))


def test_counts_are_typical_numbers_of_the_donors() -> None:
    members = COUNTS.members(np.zeros(3), np.ones(3, bool))
    per_unit = in_units(members, np.ones((4, 3)), np.ones(4), np.array([100.0, 400, 800, 3200]))
    assert log2_factor(members, np.zeros(3), per_unit, plan()) == pytest.approx(-3)
