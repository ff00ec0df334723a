from __future__ import annotations

import numpy as np
import pytest

from cgmm.genes import deseq
from cgmm.genes.pseudobulk import Samples

pytestmark = pytest.mark.skipif(
    not deseq.installed(), reason="needs PyDESeq2 (pip install 'pydeseq2>=0.5.4')"
)


def drawn(
    n_donors: int, log2_change: np.ndarray, *, paired: bool, seed: int = 0, donor_sd: float = 0.5
) -> Samples:
    """Negative binomial sums whose donors differ a lot."""
    rng = np.random.default_rng(seed)
    n_genes = len(log2_change)
    base = rng.normal(5, 1, n_genes)
    donor = donor_sd * rng.normal(size=(2, n_donors, n_genes))
    if paired:
        donor[1] = donor[0]
    rate = np.exp(base + donor)
    rate[1] *= 2.0**log2_change
    rate = rate.reshape(-1, n_genes) * rng.uniform(0.5, 2, size=(2 * n_donors, 1))
    counts = rng.poisson(rate * rng.gamma(50, 1 / 50, size=rate.shape))
    names = np.tile([f"p {i}" for i in range(n_donors)], 2).astype(object)
    return Samples(counts, np.repeat([False, True], n_donors), names if paired else None)


def test_known_changes_are_found() -> None:
    truth = np.zeros(120)
    truth[:6], truth[6:12] = 2.0, -2.0
    found, reason = deseq.differential(drawn(4, truth, paired=True), np.ones(120, dtype=bool))
    assert reason == ""
    np.testing.assert_allclose(found.log2_change[:12], truth[:12], atol=0.5)
    assert (found.q[:12] < 0.01).all()
    assert (found.q[12:] < 0.05).mean() < 0.1


def test_pairing_sees_through_differences_between_donors() -> None:
    truth = np.zeros(80)
    truth[:8] = 1.0
    genes = np.ones(80, dtype=bool)
    pairs = drawn(4, truth, paired=True, seed=1, donor_sd=1.0)
    paired, _ = deseq.differential(pairs, genes)
    apart, _ = deseq.differential(pairs._replace(donors=None), genes)
    assert (paired.q[:8] < 0.05).sum() >= 6
    assert np.nanmedian(paired.p[:8]) < 0.1 * np.nanmedian(apart.p[:8])


def test_genes_that_cannot_be_tested_are_missing() -> None:
    data = drawn(3, np.zeros(60), paired=False, seed=2)
    data.counts[:, 0] = 0
    data.counts[:, 1] = [30, 0, 0, 0, 0, 0]
    genes = np.ones(60, dtype=bool)
    genes[2] = False
    found, _ = deseq.differential(data, genes)
    for column in found:
        assert np.isnan(column[:3]).all()
    assert np.isfinite(found.log2_change[3:]).all()
    nothing, reason = deseq.differential(data, np.arange(60) < 10)
    assert nothing is None
    assert "too few to test" in reason


def test_a_model_matrix_adjusts_for_its_covariate() -> None:
    truth = np.zeros(80)
    truth[:6] = 2.0
    data = drawn(5, truth, paired=False, seed=3, donor_sd=0.1)
    age = np.array([31.0, 44, 52, 38, 61, 55, 40, 66, 71, 58])
    data.counts[:, 10:20] = np.rint(data.counts[:, 10:20] * np.exp2((age - 30) / 10)[:, None])
    matrix = np.column_stack([np.ones(10), data.treated, age])
    genes = np.ones(80, dtype=bool)
    plain, _ = deseq.differential(data, genes)
    asked = data._replace(matrix=matrix, change=np.array([0.0, 1.0, 0.0]))
    adjusted, _ = deseq.differential(asked, genes)
    assert np.nanmedian(np.abs(plain.log2_change[10:20])) > 0.8
    assert np.nanmedian(np.abs(adjusted.log2_change[10:20])) < 0.4
    np.testing.assert_allclose(adjusted.log2_change[:6], 2.0, atol=0.6)
    # the condition alone as a matrix is the design without one
    alone = data._replace(matrix=matrix[:, :2], change=np.array([0.0, 1.0]))
    found, _ = deseq.differential(alone, genes)
    np.testing.assert_allclose(found.log2_change, plain.log2_change, atol=0.02)
