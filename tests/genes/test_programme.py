from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cgmm.genes.programme import common_change, programme, resembles
from cgmm.thresholds import MIN_CHANGE


def test_common_and_specific_genes_are_told_apart() -> None:
    """Ten subpopulations, seven of one lineage: what the lineage alone does is not common."""
    everywhere = np.linspace(3, 6, 10)
    lineage = np.r_[np.full(7, 5.0), 0.1, 0.0, 0.2]
    one = np.r_[4.0, np.zeros(9)]
    nothing = np.full(10, 0.1)
    down = np.r_[-0.2, np.full(9, -2.0)]
    graded = np.r_[np.full(7, 5.0), 1.0, 1.0, 1.2]
    found = programme(np.c_[everywhere, lineage, one, nothing, down, graded])
    assert list(found.scope) == ["common", "specific", "specific", "", "common", "specific"]
    np.testing.assert_allclose(found.common, [everywhere[2], 0.2, 0, 0.1, -2, 1.2])
    np.testing.assert_array_equal(found.n_specific, [4, 7, 1, 0, 1, 7])


@settings(max_examples=50, deadline=None)
@given(arrays(float, (7, 4), elements=st.floats(-8, 8)))
def test_the_parts_add_up_and_the_common_one_is_what_nearly_all_exceed(change: np.ndarray) -> None:
    found = programme(change)
    np.testing.assert_allclose(found.common + found.specific, change, atol=1e-12)
    c = found.common
    beyond = (np.abs(change) >= np.abs(c)) & ((np.sign(change) == np.sign(c)) | (c == 0))
    assert (beyond.sum(axis=0) >= 6).all()
    # telling both conditions the other way round changes the sign and nothing else
    other = programme(-change)
    np.testing.assert_array_equal(other.common, -c)
    assert list(other.scope) == list(found.scope)


@pytest.mark.parametrize(("k", "exceptions"), [(2, 0), (4, 0), (5, 1), (9, 1), (10, 2), (15, 3)])
def test_a_fifth_may_stand_aside(k: int, exceptions: int) -> None:
    change = np.ones((k, 2))
    change[:exceptions, 0] = 0
    change[: exceptions + 1, 1] = 0
    np.testing.assert_array_equal(common_change(change), [1, 0])


def test_a_change_just_below_the_limit_is_none() -> None:
    assert list(programme(np.full((4, 2), [MIN_CHANGE, MIN_CHANGE - 1e-6])).scope) == ["common", ""]


def test_doubtful_changes_make_nothing_common() -> None:
    change = np.array([[6.0, 6.0], [1.0, 1.0], [1.0, 1.0], [1.2, 1.2]])
    doubtful = np.zeros_like(change, dtype=bool)
    doubtful[1:, 1] = True
    found = programme(change, doubtful=doubtful)
    np.testing.assert_allclose(found.common, [1, 0])
    np.testing.assert_array_equal(found.n_specific, [1, 1])
    np.testing.assert_allclose(found.specific, change - found.common)


def test_with_one_subpopulation_nothing_can_be_common() -> None:
    change = np.array([[3.0, 0.0], [np.nan, np.nan]])
    found = programme(change)
    assert np.isnan(found.common).all()
    assert list(found.scope) == ["", ""]
    three = programme(np.vstack([change, change[0]]))
    assert list(three.scope) == ["common", ""]
    assert np.isnan(three.specific[1]).all()


def test_cells_that_became_another_type_are_noticed() -> None:
    rng = np.random.default_rng(0)
    source = rng.gamma(1.0, 1.0, size=(6, 300))
    response = np.zeros(300)
    response[:40] = 3.0  # hides the types unless it is left out
    noise = 0.05 * rng.normal(size=source.shape)
    target = source + response * rng.uniform(0.5, 1, size=(6, 1)) + noise
    np.testing.assert_array_equal(resembles(source, target, target - source), np.arange(6))
    target[2] = target[4]
    change = target - source
    np.testing.assert_array_equal(resembles(source, target, change), [0, 1, 4, 3, 4, 5])
    change[5] = np.nan
    np.testing.assert_array_equal(resembles(source, target, change), [0, 1, 4, 3, 4, -1])
    np.testing.assert_array_equal(resembles(source[:2], target[:2], change[:2]), [0, 1])
