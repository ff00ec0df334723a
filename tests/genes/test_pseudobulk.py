from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from cgmm.genes import deseq
from cgmm.genes.pseudobulk import Pseudobulk, Samples, pseudobulk, samples
from cgmm.thresholds import MIN_CELLS_PER_SUM


def sums(cells: dict[str, float], *, fill: int = 0) -> Pseudobulk:
    n = np.array(list(cells.values()))
    return Pseudobulk(np.full((1, len(n), 3), fill), n[None], np.array(list(cells), dtype=object))


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix, sp.csc_array])
def test_sums_are_those_of_the_definition(kind: type) -> None:
    rng = np.random.default_rng(0)
    counts = rng.poisson(2.0, size=(60, 5)).astype(np.float32)
    weights = rng.dirichlet(np.full(3, 0.2), size=60)
    weights[0] = [0.0, 0.995, 0.005]  # the last is left out
    donors = rng.choice(["b", "a", "c"], size=60)
    found = pseudobulk(kind(counts), weights, donors)
    assert list(found.donors) == ["a", "b", "c"]
    assert np.issubdtype(found.counts.dtype, np.integer)
    heavy = np.where(weights >= 0.01, weights, 0.0)
    for k in range(3):
        for d, name in enumerate(found.donors):
            rows = donors == name
            np.testing.assert_array_equal(
                found.counts[k, d], np.rint(heavy[rows, k] @ counts[rows])
            )
            assert found.cells[k, d] == pytest.approx(heavy[rows, k].sum())


def test_paired_donors_are_those_with_enough_cells_in_both() -> None:
    source = sums({"a": 20, "b": 20, "c": 20, "d": 5, "e": 30})
    target = sums({"a": 20, "b": 20, "c": MIN_CELLS_PER_SUM, "d": 50}, fill=1)
    found, reason = samples(source, target, 0)
    assert reason == ""
    assert list(found.donors) == ["a", "b", "c"] * 2
    np.testing.assert_array_equal(found.treated, [False] * 3 + [True] * 3)
    np.testing.assert_array_equal(found.counts[:, 0], [0] * 3 + [1] * 3)
    apart, _ = samples(source, target, 0, paired=False)
    assert apart.donors is None
    assert apart.treated.sum() == 4
    assert len(apart.treated) == 8


@pytest.mark.parametrize(
    ("paired", "words"),
    [
        (True, r"Only 2 donors with 10 cells or more in both conditions; .* at least 3"),
        (None, r"Only 2 donors of the source and 3 donors of the target .* at least 3"),
    ],
)
def test_fewer_than_three_donors_make_no_test(paired: bool | None, words: str) -> None:
    import re

    source = sums({"a": 20, "b": 20, "c": 9})
    found, reason = samples(source, sums({"a": 20, "b": 20, "x": 20}), 0, paired=paired)
    assert found is None
    assert re.match(words, reason)


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


@pytest.mark.skipif(not deseq.installed(), reason="needs PyDESeq2 (pip install 'cgmm[de]')")
class TestDeseq:
    def test_known_changes_are_found(self) -> None:
        truth = np.zeros(120)
        truth[:6], truth[6:12] = 2.0, -2.0
        found, reason = deseq.differential(drawn(4, truth, paired=True), np.ones(120, dtype=bool))
        assert reason == ""
        np.testing.assert_allclose(found.log2_change[:12], truth[:12], atol=0.5)
        assert (found.q[:12] < 0.01).all()
        assert (found.q[12:] < 0.05).mean() < 0.1

    def test_pairing_sees_through_differences_between_donors(self) -> None:
        truth = np.zeros(80)
        truth[:8] = 1.0
        genes = np.ones(80, dtype=bool)
        pairs = drawn(4, truth, paired=True, seed=1, donor_sd=1.0)
        paired, _ = deseq.differential(pairs, genes)
        apart, _ = deseq.differential(pairs._replace(donors=None), genes)
        assert (paired.q[:8] < 0.05).sum() >= 6
        assert np.nanmedian(paired.p[:8]) < 0.1 * np.nanmedian(apart.p[:8])

    def test_genes_that_cannot_be_tested_are_missing(self) -> None:
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
