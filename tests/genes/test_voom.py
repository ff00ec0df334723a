"""Moderated tests of pseudobulks: known changes, pairs, designs, and no change."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from cgmm.genes import voom
from cgmm.genes.pseudobulk import Samples


def drawn(
    n_donors: int,
    log2_change: np.ndarray,
    *,
    paired: bool = False,
    seed: int = 0,
    donor_sd: float = 0.3,
) -> Samples:
    """Negative binomial sums whose donors and numbers of counts differ."""
    rng = np.random.default_rng(seed)
    n_genes = len(log2_change)
    donor = donor_sd * rng.normal(size=(2, n_donors, n_genes))
    if paired:
        donor[1] = donor[0]
    rate = np.exp(rng.normal(4, 1.5, n_genes) + donor)
    rate[1] *= 2.0**log2_change
    rate = rate.reshape(-1, n_genes) * rng.uniform(0.2, 3, size=(2 * n_donors, 1))
    counts = rng.poisson(rate * rng.gamma(20, 1 / 20, size=rate.shape))
    names = np.tile([f"p {i}" for i in range(n_donors)], 2).astype(object)
    return Samples(counts, np.repeat([False, True], n_donors), names if paired else None, names)


def every(samples: Samples) -> np.ndarray:
    return np.ones(samples.counts.shape[1], dtype=bool)


@pytest.mark.parametrize("paired", [True, False])
def test_known_changes_are_found(paired: bool) -> None:
    truth = np.zeros(400)
    truth[:20], truth[20:40] = 2.0, -2.0
    data = drawn(4, truth, paired=paired)
    found, reason = voom.differential(data, every(data))
    assert reason == ""
    assert np.nanmedian(np.abs(found.log2_change - truth)) < 0.3
    assert (found.q[:40] < 0.05).mean() > 0.75
    assert (found.q[40:] < 0.05).mean() < 0.03


@pytest.mark.parametrize(("n_donors", "paired"), [(3, False), (4, False), (3, True), (6, True)])
def test_p_is_uniform_where_nothing_changes(n_donors: int, paired: bool) -> None:
    p = []
    for seed in range(5):
        data = drawn(n_donors, np.zeros(1000), paired=paired, seed=seed)
        p.append(voom.differential(data, every(data))[0].p)
    p = np.concatenate(p)
    assert 0.035 < (p < 0.05).mean() < 0.065
    assert (p < 0.001).mean() < 0.004


def test_a_response_of_many_genes_does_not_move_the_others() -> None:
    truth = np.zeros(600)
    truth[:60] = 3.0
    data = drawn(4, truth, donor_sd=0.1)
    found, _ = voom.differential(data, every(data))
    assert abs(np.nanmedian(found.log2_change[60:])) < 0.2
    plain = voom.log2_cpm(data.counts, data.counts.sum(axis=1).astype(float))
    assert np.median(plain[4:, 60:] - plain[:4, 60:]) < -0.5


def test_the_fit_is_weighted_least_squares() -> None:
    data = drawn(5, np.zeros(200), paired=True, seed=3)
    matrix, change = voom.model(data)
    library = voom.effective_library(data.counts)
    y = voom.log2_cpm(data.counts, library)
    weights = voom.precision(y, matrix, library)
    beta, scale, residuals = voom.weighted_least_squares(y, matrix, weights, change)
    for gene in (0, 50, 199):
        known = sm.WLS(y[:, gene], matrix, weights=weights[:, gene]).fit()
        assert beta[gene] == pytest.approx(known.params[-1])
        assert np.sqrt(scale[gene] * known.scale) == pytest.approx(known.bse[-1])
        np.testing.assert_allclose(residuals[:, gene] ** 2, weights[:, gene] * known.resid**2)


def test_small_sums_weigh_less() -> None:
    data = drawn(4, np.zeros(800), seed=5)
    data.counts[0] //= 20
    library = voom.effective_library(data.counts)
    matrix, _ = voom.model(data)
    weights = voom.precision(voom.log2_cpm(data.counts, library), matrix, library)
    assert np.median(weights[0] / weights[1]) < 0.6


def test_a_covariate_of_the_design_is_adjusted_for() -> None:
    data = drawn(5, np.zeros(300), seed=7, donor_sd=0.05)
    age = np.array([20.0, 25, 30, 35, 40, 40, 45, 50, 55, 60])
    data.counts[:, :60] = np.round(data.counts[:, :60] * 2 ** ((age[:, None] - 40) / 10))
    plain, _ = voom.differential(data, every(data))
    matrix = np.column_stack([np.ones(10), age, data.treated])
    made = data._replace(matrix=matrix, change=np.array([0.0, 0.0, 1.0]))
    adjusted, _ = voom.differential(made, every(data))
    assert (plain.q[:60] < 0.05).mean() > 0.5
    assert (adjusted.q[:60] < 0.05).mean() < 0.05
    per_year = made._replace(change=np.array([0.0, 1.0, 0.0]))
    slope, _ = voom.differential(per_year, every(data))
    assert np.nanmedian(slope.log2_change[:60]) == pytest.approx(0.1, abs=0.03)


def test_what_cannot_be_tested_has_a_reason() -> None:
    data = drawn(3, np.zeros(60))
    data.counts[:, 0] = 0
    found, _ = voom.differential(data, every(data))
    assert np.isnan([column[0] for column in found]).all()
    few, reason = voom.differential(data, np.arange(60) < 10)
    assert few is None
    assert reason == "Only 9 genes have 10 counts or more; too few to test."
    rank = np.column_stack([np.eye(6), data.treated])
    full = data._replace(matrix=rank, change=np.eye(7)[-1])
    nothing, reason = voom.differential(full, every(data))
    assert nothing is None
    assert reason.startswith("Too few donors for the model")


def test_means_are_tested_as_they_are() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(3, 0.2, (8, 12))
    values[4:, 0] += 2.0
    values[0, 11] = np.nan
    data = Samples(values, np.repeat([False, True], 4), None)
    found, reason = voom.differential_of_means(data, np.ones(12, dtype=bool))
    assert reason == ""
    assert found.log2_change[0] == pytest.approx(values[4:, 0].mean() - values[:4, 0].mean())
    assert found.q[0] < 0.01
    assert np.isnan(found.p[11])
    none, reason = voom.differential_of_means(data, np.arange(12) == 11)
    assert none is None
    assert reason == "No feature has values in all donors."
