"""Values of the two conditions."""

from __future__ import annotations

import numpy as np

from cgmm.pair import SIDES, Pair, halves


def test_halves_are_views_of_source_and_target_rows():
    stacked = np.arange(10.0).reshape(5, 2)
    source, target = halves(stacked, 2)
    assert (len(source), len(target)) == (2, 3)
    target += 1
    np.testing.assert_array_equal(stacked[2], [5, 6])


def test_a_function_is_applied_to_both_values():
    assert Pair(1, 2).map(str) == Pair("1", "2")
    assert Pair._fields == SIDES
