"""Permutation tests under a design: nuisance stays, blocks hold, error rates are right."""

from __future__ import annotations

import numpy as np
import pytest

from cgmm.donors.freedman_lane import (
    exchangeable,
    exchanged,
    exchanged_orders,
    freedman_lane,
    n_distinct,
)
from cgmm.donors.linear import Observations
from cgmm.donors.moderated_t import moderated_t
from tests.donors.designs import drawn, modelled, observed, plan_of, table_of

ALL = np.ones(5, dtype=bool)


def test_orders_stay_within_pairs() -> None:
    plan = plan_of(8, paired=True)
    made = modelled("~ condition", plan, table_of(plan))
    seen = observed(drawn(np.random.default_rng(0), np.zeros((16, 5))), made, plan)
    orders = exchanged_orders(plan.groups, 50, 0)
    np.testing.assert_array_equal(np.sort(orders, axis=1), np.tile(np.arange(16), (50, 1)))
    assert (orders % 8 == np.arange(16) % 8).all()
    assert n_distinct(seen) == 2**8


def test_the_fit_of_the_nuisance_stays_and_the_change_is_taken_out() -> None:
    plan, rng = plan_of(6), np.random.default_rng(1)
    made = modelled("~ condition + age", plan, table_of(plan, age=rng.normal(size=12)))
    seen = observed(drawn(rng, np.zeros((12, 5))), made, plan)
    change = made.contrasts[0].change
    fitted, residuals = exchanged(exchangeable(seen), change, np.arange(12)[None])
    np.testing.assert_allclose(fitted + residuals[0], seen.log_odds)
    np.testing.assert_allclose(change @ np.linalg.pinv(made.matrix) @ fitted, 0, atol=1e-10)
    np.testing.assert_allclose(made.matrix[:, [0, 2]].T @ residuals[0], 0, atol=1e-10)


def test_p_is_uniform_under_a_covariate_and_small_under_a_change() -> None:
    plan, rng = plan_of(6), np.random.default_rng(2)
    age = rng.normal(size=12) + plan.sides
    made = modelled("~ condition + age", plan, table_of(plan, age=age))
    effects = np.outer(age, [1.0, 0, 0, 0, 0])
    p = []
    for _ in range(120):
        seen = observed(drawn(rng, effects), made, plan)
        p.append(freedman_lane(seen, made.contrasts[0].change, ALL, n_exchanges=199))
    assert 0.02 < np.mean(np.array(p) < 0.05) < 0.08
    effects[:, 1] += 1.5 * plan.sides
    seen = observed(drawn(rng, effects), made, plan)
    p = freedman_lane(seen, made.contrasts[0].change, ALL)
    assert p[1] < 0.01
    model_p = moderated_t(seen.log_odds, made.matrix, contrast=made.contrasts[0].change).p
    assert np.corrcoef(np.log(p), np.log(model_p))[0, 1] > 0.8


@pytest.mark.parametrize(("n", "enough"), [(4, False), (5, True)])
def test_there_is_no_test_with_few_exchanges(n: int, *, enough: bool) -> None:
    plan = plan_of(n)
    made = modelled("~ condition", plan, table_of(plan))
    seen = observed(drawn(np.random.default_rng(3), np.zeros((2 * n, 5))), made, plan)
    assert (exchangeable(seen) is not None) is enough
    p = freedman_lane(seen, made.contrasts[0].change, ALL)
    assert np.isfinite(p).all() if enough else np.isnan(p).all()


def test_balanced_samples_are_exchanged_as_donors() -> None:
    plan, rng = plan_of(6), np.random.default_rng(4)
    donors = np.repeat(np.arange(12), 2)
    made = modelled("~ condition", plan, table_of(plan).iloc[donors].reset_index(drop=True))
    p = []
    for _ in range(100):
        of_donor = rng.normal(0, 0.6, (12, 5))[donors]
        counts = drawn(rng, of_donor, spread=0.1)
        seen = Observations(counts, made.matrix, donors, plan)
        p.append(freedman_lane(seen, made.contrasts[0].change, ALL, n_exchanges=199))
    assert 0.02 < np.mean(np.array(p) < 0.05) < 0.08
    uneven = Observations(counts[1:], made.matrix[1:], donors[1:], plan)
    assert np.isnan(freedman_lane(uneven, made.contrasts[0].change, ALL)).all()
