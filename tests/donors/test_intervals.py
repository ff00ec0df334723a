from __future__ import annotations

import numpy as np
import pytest

from cgmm.donors.intervals import COUNTS, MEDIAN, Baseline, Intervals

EQUAL = (np.ones(2), np.ones(2))


def test_the_median_leaves_out_what_cannot_be_read_or_is_gone() -> None:
    net = np.array([1.0, 2.0, 50.0, -np.inf])
    usable = np.array([True, True, False, True])
    assert MEDIAN.log2_factor(usable, None)(net, EQUAL) == 1.5
    assert np.isnan(MEDIAN.log2_factor(np.zeros(4, bool), None)(net, EQUAL))


def test_a_subpopulation_is_its_own_baseline() -> None:
    baseline = Baseline("subpopulation", 2)
    assert baseline.log2_factor(np.zeros(3, bool), None)(np.arange(3.0), EQUAL) == 2


def test_counts_are_means_over_the_weights_of_the_donors() -> None:
    totals = (np.array([100.0, 300.0]), np.array([400.0, 999.0]))
    function = COUNTS.log2_factor(np.ones(3, bool), totals)
    assert function(np.zeros(3), EQUAL) == pytest.approx(np.log2(200 / 699.5))
    weights = (np.array([2.0, 0.0]), np.array([1.0, 0.0]))
    assert function(np.zeros(3), weights) == pytest.approx(np.log2(100 / 400))


def test_missing_intervals_have_the_shapes_of_the_fit() -> None:
    found = Intervals.missing((3, 2), 4)
    assert found.net.low.shape == found.relative.shape == (3,)
    assert found.transfers.high.shape == (3, 2)
    assert found.shifts.length.shape == (4,)
    assert np.isnan(found.baseline)
