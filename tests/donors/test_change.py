"""Estimate, interval and test of a change are one statistic of one set of donors."""

from __future__ import annotations

import numpy as np
import pytest

from cgmm.donors.change import changes, log2_shares, relative, untested
from cgmm.donors.design import Design, Unit, design_of_donors
from cgmm.donors.moderated_t import log_odds
from cgmm.donors.reasons import Reason

SHARES = np.array([0.35, 0.25, 0.2, 0.1, 0.06, 0.04])


def plan(n0: int, n1: int, cells: int = 500, *, paired: bool = False) -> Design:
    names = ("d", "d") if paired else ("a", "b")
    sides = [
        (np.array([f"{name}{i}" for i in range(n)], dtype=object), np.full(n, cells))
        for name, n in zip(names, (n0, n1), strict=True)
    ]
    return design_of_donors(*sides, paired=paired)


def drawn(rng: np.random.Generator, n: int, cells: int = 500) -> np.ndarray:
    shares = rng.dirichlet(SHARES * 50, n)
    return np.array([rng.multinomial(cells, s) for s in shares]) / cells


@pytest.mark.parametrize(("n0", "n1", "paired"), [(3, 3, False), (5, 9, False), (4, 4, True)])
def test_interval_and_test_are_duals_with_an_error_that_donors_share(
    n0: int, n1: int, paired: bool
) -> None:
    rng = np.random.default_rng(n0)
    units, n_rows = plan(n0, n1, paired=paired), 0
    for _ in range(250):
        shares = np.concatenate([drawn(rng, n0), drawn(rng, n1)])
        shares[n0:] *= np.exp(rng.normal(0, 0.6, 6))
        shares[n0:] /= shares[n0:].sum(axis=1, keepdims=True)
        between = rng.exponential(0.05, 6)
        found = changes(shares, np.full(n0 + n1, 500), units, between=between, n_between=4)
        outside = (found.low > 0) | (found.high < 0)
        np.testing.assert_array_equal(outside, found.p < 0.05)
        assert ((found.low < found.log2_net) & (found.log2_net < found.high)).all()
        n_rows += len(found.p)
    assert n_rows == 1500


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_the_level_moves_the_interval_and_not_the_estimate(level: float) -> None:
    rng = np.random.default_rng(0)
    shares = np.concatenate([drawn(rng, 4), drawn(rng, 4)])
    wide, narrow = (changes(shares, np.full(8, 500), plan(4, 4), level=of) for of in (0.95, level))
    assert (narrow.high - narrow.low < wide.high - wide.low).all()
    np.testing.assert_array_equal(narrow.log2_net, wide.log2_net)
    np.testing.assert_array_equal((narrow.low > 0) | (narrow.high < 0), narrow.p < 1 - level)


def test_a_shared_error_makes_p_larger_and_the_interval_wider() -> None:
    rng = np.random.default_rng(1)
    shares = np.concatenate([drawn(rng, 5), drawn(rng, 5)])
    alone, both = (
        changes(shares, np.full(10, 500), plan(5, 5), between=between, n_between=4)
        for between in (None, np.full(6, 0.3))
    )
    assert (both.p > alone.p).all()
    assert (both.high - both.low > alone.high - alone.low).all()


def test_the_rule_for_a_test_does_not_look_at_the_condition() -> None:
    units = plan(3, 3, cells=100)
    shares = np.full((6, 3), 0.5)
    shares[:3, 1], shares[3:, 1] = 0.1, 0.0
    shares[:, 2] = 0.03
    notes = untested(shares, np.full(6, 100), units)
    swapped = untested(shares[[3, 4, 5, 0, 1, 2]], np.full(6, 100), units)
    assert notes == swapped
    assert notes[:2] == [None, None]  # a loss of all cells is tested
    assert notes[2].reason is Reason.FEW_CELLS_TOGETHER


def test_groups_of_cells_have_an_interval_and_no_p() -> None:
    units = tuple(Unit(side, f"g{i}", 30, "") for side in (0, 1) for i in range(10))
    groups = Design(units, False, False, False, ())
    rng = np.random.default_rng(2)
    shares = np.concatenate([drawn(rng, 10, 30), drawn(rng, 10, 30)])
    found = changes(shares, np.full(20, 30), groups)
    assert np.isfinite(found.low).all()
    assert np.isnan(found.p).all()
    assert {note.reason for note in found.notes} == {Reason.CELLS_ONLY}


def test_a_relative_change_has_no_spread_against_itself() -> None:
    rng = np.random.default_rng(3)
    shares, n = np.concatenate([drawn(rng, 4), drawn(rng, 4)]), np.full(8, 500)
    base = log2_shares(shares, n)[:, 2]
    half = relative(shares, n, plan(4, 4), base, measured=np.ones(6, bool))
    assert half[2] == pytest.approx(0, abs=1e-6)
    assert (half[[0, 1, 3, 4, 5]] > 0.01).all()
    none = relative(shares, n, plan(4, 4), base, measured=np.zeros(6, bool))
    assert np.isnan(none).all()


def test_half_a_cell_is_added_to_every_share() -> None:
    shares, n = np.array([[0.0, 0.5, 1.0]]), np.array([50])
    np.testing.assert_allclose(log2_shares(shares, n), np.log2([[0.01, 0.51, 1.01]]))
    np.testing.assert_allclose(np.exp(log_odds(shares, n))[0, 0], 0.5 / 50.5)
