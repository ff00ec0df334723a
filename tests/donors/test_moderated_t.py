from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from cgmm.donors.moderated_t import (
    combined_freedom,
    counting_variance,
    log_odds,
    moderated_t,
    squeeze,
    usual_variance,
)


def two_groups(n: int) -> np.ndarray:
    return np.column_stack([np.ones(2 * n), np.repeat([0.0, 1.0], n)])


def test_one_subpopulation_gives_the_plain_t_test() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=(8, 1))
    found = moderated_t(y, two_groups(4))
    plain = scipy.stats.ttest_ind(y[4:, 0], y[:4, 0])
    assert found.t[0] == pytest.approx(plain.statistic)
    assert found.p[0] == pytest.approx(plain.pvalue)
    assert found.freedom[0] == pytest.approx(6)


def test_pairs_give_the_paired_t_test() -> None:
    rng = np.random.default_rng(1)
    y = rng.normal(size=(10, 1)) + np.tile(rng.normal(scale=5, size=(5, 1)), (2, 1))
    donors = np.tile(np.eye(5)[:, 1:], (2, 1))
    design = np.column_stack([np.ones(10), donors, np.repeat([0.0, 1.0], 5)])
    plain = scipy.stats.ttest_rel(y[5:, 0], y[:5, 0])
    found = moderated_t(y, design)
    assert found.t[0] == pytest.approx(plain.statistic)
    assert found.p[0] == pytest.approx(plain.pvalue)


def test_squeeze_finds_the_prior_that_variances_were_drawn_from() -> None:
    rng = np.random.default_rng(2)
    d0, s0, d = 8.0, 0.5, 6
    true = d0 * s0 / rng.chisquare(d0, size=20_000)
    variance = true * rng.chisquare(d, size=20_000) / d
    prior, level = squeeze(variance, d)
    assert prior == pytest.approx(d0, rel=0.1)
    assert level == pytest.approx(s0, rel=0.05)


def test_equal_variances_are_pooled_altogether() -> None:
    rng = np.random.default_rng(3)
    variance = rng.chisquare(6, size=5000) / 6
    prior, level = squeeze(variance, 6)
    assert prior > 50
    assert level == pytest.approx(1, rel=0.05)


def test_usual_variance_separates_counting_from_donors() -> None:
    rng = np.random.default_rng(4)
    counting = np.geomspace(1e-3, 2, 400)
    variance = (counting + 0.1) * rng.chisquare(8, size=400) / 8
    found = usual_variance(variance, counting)
    np.testing.assert_allclose(found - counting, 0.1, rtol=0.3)
    np.testing.assert_array_equal(usual_variance(variance, np.zeros(400)), 1)


def test_counting_variance_is_that_of_binomial_counts() -> None:
    rng = np.random.default_rng(5)
    n, p = 400, np.array([0.05, 0.3, 0.65])
    shares = rng.multinomial(n, p, size=4000) / n
    y = log_odds(shares, np.full(4000, n))
    np.testing.assert_allclose(counting_variance(shares, np.full(4000, n)), y.var(axis=0), rtol=0.1)


def test_type_one_error_is_nominal_with_unequal_precision() -> None:
    rng = np.random.default_rng(6)
    counting = np.geomspace(0.002, 0.5, 12)
    hits = []
    for _ in range(400):
        y = rng.normal(size=(8, 12)) * np.sqrt(counting + 0.05)
        hits.append(moderated_t(y, two_groups(4), counting=counting).p < 0.05)
    assert 0.03 < np.mean(hits) < 0.07


def test_another_variance_makes_p_larger_and_takes_freedom() -> None:
    rng = np.random.default_rng(7)
    y = rng.normal(size=(8, 5)) + np.repeat([0.0, 2.0], 4)[:, None]
    alone = moderated_t(y, two_groups(4))
    both = moderated_t(y, two_groups(4), between=np.full(5, 0.5), n_between=4)
    assert (both.p > alone.p).all()
    np.testing.assert_allclose(both.error**2 - alone.error**2, 0.5)
    assert (both.freedom < alone.freedom).all()


def test_freedom_of_a_sum_lies_between_its_parts() -> None:
    one = np.array([1.0])
    assert combined_freedom(one, 0 * one, 10.0, 4)[0] == pytest.approx(10)
    assert combined_freedom(0 * one, one, 10.0, 4)[0] == pytest.approx(3)
    assert combined_freedom(one, one, 10.0, 0)[0] == pytest.approx(40)


def test_log_odds_of_nothing_and_everything_are_finite() -> None:
    y = log_odds(np.array([[0.0, 1.0]]), np.array([100]))
    assert y[0, 0] == pytest.approx(-y[0, 1])
    assert np.isfinite(y).all()
