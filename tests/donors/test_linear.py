"""Linear models of log-odds: by hand, beside statsmodels, and as the tests without a formula."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import statsmodels.api as sm

from cgmm.donors.labelled import labelled_factors
from cgmm.donors.linear import Observations, absolute_factors, linear_factors
from cgmm.donors.moderated_t import moderated_t, squeeze, usual_variance
from tests.donors.designs import drawn, modelled, observed, plan_of, table_of


@pytest.mark.parametrize("paired", [False, True])
def test_the_condition_alone_gives_the_numbers_of_labelled_factors(*, paired: bool) -> None:
    plan = plan_of(5, paired=paired)
    counts = drawn(np.random.default_rng(0), np.zeros((10, 5)))
    made = modelled("~ condition", plan, table_of(plan))
    found, _ = linear_factors(observed(counts, made, plan), made.contrasts[0])
    for a, b in zip(found[:-1], labelled_factors(counts, plan)[:-1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)


def test_coefficients_and_variances_are_those_of_ordinary_least_squares() -> None:
    plan, rng = plan_of(6), np.random.default_rng(1)
    table = table_of(plan, sex=list("mfmfff") * 2, age=rng.uniform(20, 70, 12))
    made = modelled("~ condition + sex + age", plan, table)
    seen = observed(drawn(rng, np.zeros((12, 5))), made, plan)
    y = seen.log_odds
    ours = moderated_t(y, made.matrix, contrast=made.contrasts[0].change)
    for k in range(5):
        fitted = sm.OLS(y[:, k], made.matrix).fit()
        asked = fitted.t_test(made.contrasts[0].change)
        np.testing.assert_allclose(ours.coefficient[k], asked.effect[0])
    # the same variances, shrunk by hand (Smyth 2004, equation 4)
    s2 = np.array([sm.OLS(y[:, k], made.matrix).fit().mse_resid for k in range(5)])
    d0, s0 = squeeze(s2 / usual_variance(s2, np.zeros(5)), 8)
    shrunk = np.full(5, s0) if np.isinf(d0) else (d0 * s0 + 8 * s2) / (d0 + 8)
    scale = np.linalg.inv(made.matrix.T @ made.matrix)[1, 1]
    np.testing.assert_allclose(ours.error, np.sqrt(shrunk * scale))
    whole = min(d0 + 8, 40)
    np.testing.assert_allclose(ours.p, 2 * scipy.stats.t.sf(np.abs(ours.t), whole))


def test_an_adjusted_change_is_not_that_of_the_covariate() -> None:
    plan, rng = plan_of(8), np.random.default_rng(2)
    sex = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0])
    effects = np.zeros((16, 5))
    effects[:, 0] = 1.5 * sex
    made = modelled("~ condition + sex", plan, table_of(plan, sex=sex.astype(bool)))
    counts = drawn(rng, effects, spread=0.1)
    adjusted, _ = linear_factors(observed(counts, made, plan), made.contrasts[0])
    plain = labelled_factors(counts, plan)
    assert plain.p[0] < 0.05
    assert abs(adjusted.log2_net[0]) < 0.3 < abs(plain.log2_net[0])
    of_sex, _ = linear_factors(observed(counts, made, plan), made.contrasts[1])
    assert of_sex.p[0] < 1e-4


def test_an_interaction_is_the_difference_of_differences() -> None:
    plan = plan_of(6)
    ko = np.array([0, 0, 0, 1, 1, 1] * 2)
    treated = np.repeat([0, 1], 6)
    effects = np.zeros((12, 5))
    effects[:, 4] = np.log(1.8) * treated * (1 - ko)
    table = table_of(plan, genotype=np.where(ko, "ko", "wt"))
    made = modelled("~ condition * genotype", plan, table)
    counts = drawn(np.random.default_rng(3), effects, spread=0.01, cells=100_000)
    seen = observed(counts, made, plan)
    found = {c.name: linear_factors(seen, c)[0] for c in made.contrasts}
    inside = [
        np.exp2(found[f"treated against control, genotype {g}"].log2_net[4]) for g in ("wt", "ko")
    ]
    np.testing.assert_allclose(inside, [1.8 / 1.08, 1.0], rtol=0.03)
    apart = found["treated against control: genotype wt against ko"]
    np.testing.assert_allclose(np.exp2(apart.log2_net[4]), inside[0] / inside[1], rtol=0.05)
    assert apart.low[4] > 0
    assert apart.p[4] < 1e-6
    outside = (apart.low > 0) | (apart.high < 0)
    np.testing.assert_array_equal(outside, apart.p < 0.05)


def test_a_covariate_gives_the_factor_per_unit() -> None:
    plan, rng = plan_of(8), np.random.default_rng(4)
    age = rng.uniform(0, 4, 16)
    effects = np.zeros((16, 5))
    effects[:, 4] = np.log(1.3) * age
    made = modelled("~ condition + age", plan, table_of(plan, age=age))
    counts = drawn(rng, effects, spread=0.01, cells=100_000)
    found, tests = linear_factors(observed(counts, made, plan), made.contrasts[1])
    y = observed(counts, made, plan).log_odds
    np.testing.assert_allclose(tests.coefficient, np.linalg.lstsq(made.matrix, y)[0][2])
    assert 1.15 < np.exp2(found.log2_net[4]) < 1.3  # shares stay below one


def test_absolute_abundance_is_the_share_times_the_total() -> None:
    plan, rng = plan_of(5), np.random.default_rng(5)
    made = modelled("~ condition", plan, table_of(plan))
    counts = drawn(rng, np.zeros((10, 5)), spread=0.05, cells=20_000)
    totals = np.where(plan.sides == 1, 4e6, 1e6)
    found = absolute_factors(observed(counts, made, plan), totals, made.contrasts[0])
    np.testing.assert_allclose(found.log2_factor, 2.0, atol=0.15)
    assert ((found.low < found.log2_factor) & (found.log2_factor < found.high)).all()
    assert (found.p < 1e-4).all()


def test_reasons_count_donors_and_not_samples() -> None:
    plan = plan_of(3)
    made = modelled("~ condition", plan, table_of(plan))
    twice = np.tile(np.array([[500, 0], [500, 0], [500, 0], [480, 20], [500, 0], [500, 0]]), (2, 1))
    seen = Observations(twice, np.tile(made.matrix, (2, 1)), np.tile(np.arange(6), 2), plan)
    assert seen.repeated
    assert seen.reasons[1].startswith("Seen in only 1 donor")
