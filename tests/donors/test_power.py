"""Power: the noncentral t, donors that twofold needs, calls where nothing is."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from cgmm.donors.power import (
    donors_for_twofold,
    noncentrality,
    null_calls,
    smallest_change,
    smallest_factor,
)
from tests.donors.designs import drawn, modelled, observed, plan_of, table_of


@pytest.mark.parametrize("freedom", [3.0, 8.0, 30.0, 300.0])
def test_the_power_is_that_of_the_noncentral_t(freedom: float) -> None:
    ratio = noncentrality(freedom)
    critical = scipy.stats.t.isf(0.025, freedom)
    assert scipy.stats.nct.sf(critical, freedom, ratio) == pytest.approx(0.8, abs=2e-3)
    assert noncentrality(freedom, power=0.9) > ratio


def test_without_end_it_is_that_of_the_normal() -> None:
    normal = scipy.stats.norm.isf(0.025) + scipy.stats.norm.ppf(0.8)
    assert noncentrality(np.inf) == pytest.approx(normal, abs=2e-3)


def test_changes_scale_with_the_error_and_nan_stays() -> None:
    found = smallest_change(np.array([0.1, 0.2, np.nan]), np.array([8.0, 8.0, np.nan]))
    assert found[1] == pytest.approx(2 * found[0])
    assert np.isnan(found[2])
    rare, common = smallest_factor(np.array([-6.0, 0.0]), np.array([np.log(2)] * 2))
    assert rare == pytest.approx(1.0, abs=0.01)
    assert common < rare


def test_twice_the_error_needs_four_times_the_donors() -> None:
    before, freedom = np.full(2, -4.0), np.full(2, 1000.0)
    few, many = donors_for_twofold(before, np.array([0.5, 1.0]), freedom, n_donors=10, n_units=20)
    assert many == pytest.approx(4 * few, rel=0.05)
    one = donors_for_twofold(before[:1], np.array([50.0]), freedom[:1], n_donors=10, n_units=20)
    assert np.isinf(one[0])


def test_the_null_makes_few_calls_and_a_change_is_called() -> None:
    plan = plan_of(6)
    made = modelled("~ condition", plan, table_of(plan))
    effects = np.outer(plan.sides, [0, 0, 0, 0, 2.0])
    seen = observed(drawn(np.random.default_rng(0), effects), made, plan)
    found = null_calls(seen, made.contrasts[0].change, np.ones(5, dtype=bool))
    assert found is not None
    assert found.n_tested == 5
    assert found.n_called >= 1
    assert found.any_called < 0.2
    few = plan_of(3)
    made = modelled("~ condition", few, table_of(few))
    seen = observed(drawn(np.random.default_rng(0), np.zeros((6, 5))), made, few)
    assert null_calls(seen, made.contrasts[0].change, np.ones(5, dtype=bool)) is None
