"""Factors of annotated populations: estimate, interval and test are one statistic."""

from __future__ import annotations

import numpy as np
import pytest

from cgmm.donors.borders import Borders
from cgmm.donors.design import design
from cgmm.donors.labelled import labelled_factors

SHARES = np.array([0.4, 0.25, 0.2, 0.1, 0.05])


def drawn(
    rng: np.random.Generator, n: int, change: np.ndarray, *, cells: int = 600, spread: float = 60
) -> np.ndarray:
    """Counts of donors of one side, shape (n, K)."""
    shares = rng.dirichlet(SHARES * spread, n) * change
    return np.array([rng.multinomial(cells, s / s.sum()) for s in shares])


def units(counts: np.ndarray, prefix: str) -> np.ndarray:
    """Donor of every cell of a side."""
    return np.repeat([f"{prefix}{i}" for i in range(len(counts))], counts.sum(axis=1))


def compared(first: np.ndarray, second: np.ndarray, *, paired: bool = False):
    names = ("d", "d") if paired else ("a", "b")
    plan = design(units(first, names[0]), units(second, names[1]), paired=paired)
    return labelled_factors(np.concatenate([first, second]), plan)


@pytest.mark.parametrize("paired", [False, True])
def test_an_interval_leaves_out_no_change_exactly_where_p_is_small(paired: bool) -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        change = np.exp2(rng.normal(0, 0.7, 5))
        first, second = drawn(rng, 5, np.ones(5)), drawn(rng, 5, change)
        found = compared(first, second, paired=paired)
        outside = (found.low > 0) | (found.high < 0)
        np.testing.assert_array_equal(outside, found.p < 0.05)
        assert ((found.low < found.log2_net) & (found.log2_net < found.high)).all()


def test_labels_that_are_found_differently_have_wider_intervals_and_the_same_factor() -> None:
    rng = np.random.default_rng(3)
    counts = np.concatenate([drawn(rng, 5, np.ones(5)), drawn(rng, 5, np.ones(5))])
    plan = design(units(counts[:5], "a"), units(counts[5:], "b"))
    given = labelled_factors(counts, plan)
    apart = np.zeros((4, 5))
    apart[:, 0] = [-0.9, 0.9, -0.8, 0.8]
    found = labelled_factors(counts, plan, borders=Borders(apart, np.zeros(5)))
    np.testing.assert_allclose(found.log2_net, given.log2_net)
    wider = (found.high - found.low) / (given.high - given.low)
    assert wider[0] > 1.3
    np.testing.assert_allclose(wider[1:], 1.0, atol=1e-6)
    assert found.p[0] > given.p[0]
    np.testing.assert_array_equal((found.low > 0) | (found.high < 0), found.p < 0.05)


def test_the_factor_is_the_ratio_of_the_shares_beside_it() -> None:
    rng = np.random.default_rng(1)
    found = compared(drawn(rng, 4, np.ones(5)), drawn(rng, 4, np.array([1, 1, 1, 1, 3])))
    np.testing.assert_allclose(found.log2_net, np.log2(found.share_target / found.share_source))


def test_donors_that_agree_give_their_own_ratio() -> None:
    first = np.tile([4000, 3000, 2000, 1000], (3, 1)) + np.arange(3)[:, None] * [1, -1, 1, -1]
    second = np.tile([2000, 3000, 4000, 1000], (3, 1)) + np.arange(3)[:, None] * [1, 1, -1, -1]
    found = compared(first, second)
    np.testing.assert_allclose(np.exp2(found.log2_net), [0.5, 1.0, 2.0, 1.0], rtol=5e-3)


def test_a_population_that_vanishes_and_one_that_appears_are_tested() -> None:
    rng = np.random.default_rng(2)
    first, second = (drawn(rng, 5, np.ones(5)) for _ in range(2))
    second[:, 3], first[:, 4] = 0, 0
    found = compared(first, second)
    assert found.reason[3] == found.reason[4] == ""
    assert found.log2_net[3] < -4
    assert found.log2_net[4] > 3
    assert (found.q[3:] < 0.01).all()


def test_about_one_in_twenty_is_small_where_nothing_changed() -> None:
    rng = np.random.default_rng(3)
    p = [
        compared(drawn(rng, n0, np.ones(5)), drawn(rng, n1, np.ones(5))).p
        for n0, n1 in ((3, 3), (5, 9), (6, 6))
        for _ in range(100)
    ]
    assert 0.03 < np.mean(np.concatenate(p) < 0.05) < 0.075


def test_too_few_cells_and_single_donors_have_a_reason() -> None:
    first = np.array([[500, 3, 0], [500, 2, 0], [500, 2, 0]])
    second = np.array([[500, 3, 40], [500, 2, 0], [500, 2, 0]])
    found = compared(first, second)
    assert found.reason[0] == ""
    assert found.reason[1].startswith("14 cells in both conditions together")
    assert found.reason[2].startswith("Seen in only 1 donor")
    assert np.isnan(found.p[1:]).all()
    assert np.isfinite(found.log2_net).all()


def test_two_donors_give_shares_and_a_reason() -> None:
    rng = np.random.default_rng(4)
    found = compared(drawn(rng, 2, np.ones(5)), drawn(rng, 2, np.ones(5)))
    assert all("at least 3" in why for why in found.reason)
    assert np.isfinite(found.share_source).all()


def test_counts_that_are_not_of_the_design_are_refused() -> None:
    plan = design(np.array(["a"] * 30), np.array(["b"] * 30))
    with pytest.raises(ValueError, match="has 3 rows, but the design has 2 units"):
        labelled_factors(np.ones((3, 2)), plan)
