"""Several samples of a donor: restricted likelihood, degrees of freedom, error rates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import statsmodels.formula.api as smf

from cgmm.donors.duplicate_correlation import consensus, random_effect
from cgmm.donors.linear import Observations, linear_factors
from cgmm.donors.moderated_t import moderated_t
from tests.donors.designs import drawn, modelled, plan_of, table_of

CHANGE = np.array([0.0, 1.0])


def repeated(
    rng: np.random.Generator, n: int, samples: int, *, of_donor: float = 1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, (2n * samples, 40), the matrix of two groups of n donors, and the donors."""
    donors = np.repeat(np.arange(2 * n), samples)
    matrix = np.column_stack([np.ones(len(donors)), donors >= n]).astype(float)
    y = of_donor * rng.normal(size=(2 * n, 40))[donors] + rng.normal(size=(len(donors), 40))
    return y, matrix, donors


def test_balanced_samples_give_the_t_test_of_the_means_of_donors() -> None:
    y, matrix, donors = repeated(np.random.default_rng(0), 4, 3)
    found = random_effect(y, matrix, donors, CHANGE)
    means = y.reshape(8, 3, 40).mean(axis=1)
    test = scipy.stats.ttest_ind(means[4:], means[:4])
    np.testing.assert_allclose(CHANGE @ found.coefficient, means[4:].mean(0) - means[:4].mean(0))
    inside = (found.correlation > -0.4) & (found.correlation < 0.95)
    t = CHANGE @ found.coefficient / np.sqrt(found.variance)
    np.testing.assert_allclose(t[inside], test.statistic[inside], rtol=0.02)
    np.testing.assert_allclose(found.freedom[inside], 6, rtol=0.05)


def test_the_correlation_is_that_of_a_mixed_model() -> None:
    rng = np.random.default_rng(1)
    donors = np.repeat(np.arange(12), [1, 2, 3] * 4)
    matrix = np.column_stack([np.ones(len(donors)), donors % 2]).astype(float)
    y = 1.5 * rng.normal(size=(12, 3))[donors] + rng.normal(size=(len(donors), 3))
    found = random_effect(y, matrix, donors, CHANGE)
    for k in range(3):
        data = pd.DataFrame({"y": y[:, k], "x": matrix[:, 1], "donor": donors})
        fitted = smf.mixedlm("y ~ x", data, groups="donor").fit(reml=True)
        between = float(fitted.cov_re.iloc[0, 0])
        np.testing.assert_allclose(
            found.correlation[k], between / (between + fitted.scale), atol=0.02
        )
        np.testing.assert_allclose(CHANGE @ found.coefficient[:, k], fitted.params["x"], rtol=0.02)
        np.testing.assert_allclose(np.sqrt(found.variance[k]), fitted.bse["x"], rtol=0.02)


def test_a_change_within_donors_uses_all_samples() -> None:
    rng = np.random.default_rng(2)
    donors = np.repeat(np.arange(6), 4)
    matrix = np.column_stack([np.ones(24), np.tile([0.0, 0.0, 1.0, 1.0], 6)])
    y = 3 * rng.normal(size=(6, 40))[donors] + rng.normal(size=(24, 40))
    found = random_effect(y, matrix, donors, CHANGE)
    np.testing.assert_allclose(np.median(found.freedom), 17, rtol=0.05)  # 24 - 6 donors - 1
    assert np.median(found.variance) < 0.3


def test_donors_are_the_replicates_whatever_their_samples() -> None:
    rng = np.random.default_rng(3)
    plan = plan_of(5)
    donors = np.repeat(np.arange(10), 2)
    table = table_of(plan).iloc[donors].reset_index(drop=True)
    made = modelled("~ condition", plan, table)
    ours, naive = [], []
    for _ in range(100):
        of_donor = rng.normal(0, 0.5, (10, 5))[donors]
        seen = Observations(drawn(rng, of_donor, spread=0.2), made.matrix, donors, plan)
        ours.append(linear_factors(seen, made.contrasts[0])[0].p)
        naive.append(moderated_t(seen.log_odds, made.matrix, counting=seen.counting).p)
    assert 0.02 < np.mean(np.array(ours) < 0.05) < 0.08
    assert np.mean(np.array(naive) < 0.05) > 0.12


def test_the_consensus_leaves_out_the_ends() -> None:
    assert consensus(np.array([0.5] * 18 + [-0.9, 0.99])) == pytest.approx(0.5)
