"""Donors of one condition against each other: nothing can have changed."""

from __future__ import annotations

import numpy as np
import pytest

from cgmm.donors.design import design_of_donors
from cgmm.donors.null_splits import (
    Calls,
    calls_of_shares,
    conditions_split,
    design_of_split,
    splits,
)


def plan(n0: int, n1: int):
    names = [np.array([f"{s}{i}" for i in range(n)], object) for s, n in (("a", n0), ("b", n1))]
    return design_of_donors(*((own, np.full(len(own), 500)) for own in names))


def test_groups_are_of_one_condition_and_in_proportion() -> None:
    units = plan(9, 12)
    made = splits(units, 40, 0)
    assert {s.side for s in made} == {0, 1}
    assert conditions_split(made) == "source and target"
    for split in made:
        both = np.concatenate([split.first, split.second])
        assert sorted(both) == list(range(units.n_units[split.side]))
        assert len(split.first) == (4 if split.side == 0 else 5)
        own = design_of_split(units, split)
        assert own.n_units == (len(split.first), len(split.second))
        assert {u.donor[0] for u in own.units} == {"ab"[split.side]}


def test_only_a_condition_with_six_donors_is_split() -> None:
    made = splits(plan(4, 8), 10, 0)
    assert conditions_split(made) == "target"
    assert {len(s.first) for s in made} == {3}
    with pytest.raises(ValueError, match="source has 5 and the target 4"):
        splits(plan(5, 4), 10, 0)


def test_a_change_between_the_conditions_is_not_called() -> None:
    rng = np.random.default_rng(0)
    base = np.array([0.4, 0.3, 0.2, 0.1])
    changed = np.array([0.1, 0.3, 0.2, 0.4])
    shares = np.concatenate([rng.dirichlet(base * 60, 8), rng.dirichlet(changed * 60, 8)])
    found = calls_of_shares(shares, plan(8, 8), splits(plan(8, 8), 60, 1))
    assert (found.n_splits, found.n_tests) == (60, 240)
    assert found.small_p < 0.12


def test_donors_that_differ_by_group_are_called() -> None:
    rng = np.random.default_rng(1)
    shares = np.concatenate([rng.dirichlet([40, 30, 30], 8), rng.dirichlet([5, 60, 35], 8)])
    made = splits(plan(16, 3), 1, 0)
    made = [made[0]._replace(first=np.arange(8), second=np.arange(8, 16))]
    found = calls_of_shares(np.concatenate([shares, shares[:3]]), plan(16, 3), made)
    assert found.any_called == 1


def test_nothing_tested_has_no_rate() -> None:
    assert np.isnan(Calls.of([np.array([np.nan])], [np.array([np.nan])]).small_p)
