"""Parts of both simulators."""

from __future__ import annotations

import numpy as np
import pytest

from cgmm.simulate._common import (
    check_names,
    check_sizes,
    donor_effects,
    donor_names,
    log2_ratio,
    obs_table,
    simplex,
    split,
)


def test_samples_are_condition_and_donor() -> None:
    columns = {"condition": np.array(["b", "b", "a"]), "donor": np.array([2, 1, 2])}
    table = obs_table(columns)
    assert list(table["sample"]) == ["b_2", "b_1", "a_2"]
    assert list(table["condition"].cat.categories) == ["b", "a"]
    assert table.index.is_unique


def test_cells_are_split_as_evenly_as_possible() -> None:
    assert split(11, 4) == [3, 3, 3, 2]
    assert split(2, 2) == [1, 1]


def test_paired_sides_have_the_same_donors() -> None:
    assert donor_names(1, 2, paired=True) == donor_names(0, 2, paired=True) == ["D01", "D02"]
    assert donor_names(1, 2, paired=False) == ["D03", "D04"]


def test_shares_sum_to_one() -> None:
    np.testing.assert_allclose(simplex(np.array([1.0, 3.0, 0.0])), [0.25, 0.75, 0.0])
    for values in ([-1.0, 2.0], [0.0, 0.0], [np.nan, 1.0]):
        with pytest.raises(ValueError, match="Shares must be finite"):
            simplex(np.array(values))


def test_ratios_of_shares_may_be_infinite() -> None:
    ratio = log2_ratio(np.array([0.5, 0.0, 0.2]), np.array([0.25, 0.1, 0.0]))
    np.testing.assert_array_equal(ratio, [1.0, -np.inf, np.inf])


def test_effects_of_donors_have_the_wanted_spread() -> None:
    shares, features = donor_effects(4000, 2, 3, 0.5, 0.0, np.random.default_rng(0))
    assert shares.shape == (4000, 2)
    assert shares.std() == pytest.approx(0.5, abs=0.02)
    assert features.shape == (4000, 3)
    assert not features.any()


@pytest.mark.parametrize("names", ["ab", ("a",), ("a", "a"), ("a", "b", "c"), (1, "1"), 3])
def test_conditions_are_two_different_names(names: object) -> None:
    with pytest.raises(ValueError, match="two different names"):
        check_names(names)


def test_there_are_no_more_donors_than_cells() -> None:
    check_sizes(3, 3, n_genes=1)
    with pytest.raises(ValueError, match="2 cells per condition cannot be split over 3 donors"):
        check_sizes(2, 3)
