"""Sets that change are found; correlated genes, few donors and random sets make no finding."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from cgmm.genes import voom
from cgmm.genes.pseudobulk import Samples
from cgmm.genes.set_test import competitive_tests, moderated_variance, normal_scores

N_GENES, SIZE = 600, 20


def drawn(
    n_donors: int, seed: int, log2_change: np.ndarray | float = 0.0, together: float = 0.0
) -> Samples:
    """Counts of donors; the first 20 genes share a value of each donor."""
    rng = np.random.default_rng(seed)
    log_rate = rng.normal(4, 1, N_GENES) + 0.3 * rng.normal(size=(2 * n_donors, N_GENES))
    log_rate[:, :SIZE] += together * rng.normal(size=(2 * n_donors, 1))
    log_rate[n_donors:] += np.log(2) * log2_change
    counts = rng.poisson(np.exp(log_rate))
    names = np.array([f"p {i}" for i in range(2 * n_donors)], dtype=object)
    return Samples(counts, np.repeat([False, True], n_donors), None, names)


def members(seed: int = 0, n_sets: int = 100) -> sp.csr_array:
    """The first 20 genes, and random sets."""
    rng = np.random.default_rng(seed)
    dense = np.zeros((n_sets, N_GENES), dtype=bool)
    dense[0, :SIZE] = True
    for row in dense[1:]:
        row[rng.choice(N_GENES, rng.choice([10, 20, 40]), replace=False)] = True
    return sp.csr_array(dense)


def fitted(samples: Samples) -> voom.LinearFit:
    fit, _ = voom.linear_fit(samples, np.ones(N_GENES, dtype=bool))
    assert fit is not None
    return fit


def test_a_set_that_changes_is_found_with_its_direction_and_its_size() -> None:
    change = np.where(np.arange(N_GENES) < SIZE, -0.7, 0.0)
    found = competitive_tests(fitted(drawn(4, 0, change)), members())
    assert found.q[0] < 0.001
    assert found.t[0] < 0
    assert found.n_genes[0] == SIZE
    assert found.log2_change[0] - found.log2_others[0] == pytest.approx(-0.7, abs=0.25)
    assert (found.q[1:] < 0.05).mean() < 0.03


@pytest.mark.parametrize("n_donors", [3, 6])
def test_p_is_uniform_where_nothing_changes(n_donors: int) -> None:
    p = np.concatenate(
        [competitive_tests(fitted(drawn(n_donors, seed)), members(seed)).p for seed in range(12)]
    )
    assert 0.03 < (p < 0.05).mean() < 0.075
    assert (p < 0.001).mean() < 0.005


def test_genes_that_go_together_make_no_finding() -> None:
    """As units, these genes would reject in most studies."""
    p, naive = [], []
    for seed in range(60):
        fit = fitted(drawn(4, seed, together=0.5))
        p.append(competitive_tests(fit, members(seed)).p[0])
        z = normal_scores(fit)[:SIZE].mean() * np.sqrt(SIZE)
        naive.append(abs(z) > 1.96)
    assert np.mean(naive) > 0.4
    assert np.mean(np.array(p) < 0.05) < 0.13


def test_random_sets_are_no_finding_where_half_of_the_genes_change() -> None:
    rng = np.random.default_rng(1)
    p = []
    for seed in range(8):
        change = rng.normal(0, 1, N_GENES) * (rng.random(N_GENES) < 0.5)
        p.append(competitive_tests(fitted(drawn(5, seed, change)), members(seed)).p[1:])
    assert 0.02 < (np.concatenate(p) < 0.05).mean() < 0.08


def test_small_and_very_large_sets_are_not_tested_and_one_set_can_be() -> None:
    fit = fitted(drawn(4, 0))
    dense = np.zeros((3, N_GENES), dtype=bool)
    dense[0, :4] = dense[1, :400] = dense[2, :SIZE] = True
    found = competitive_tests(fit, sp.csr_array(dense))
    np.testing.assert_array_equal(found.sets, [2])
    assert found.freedom[0] <= fit.freedom + 1e-9  # nothing to be shrunk towards
    assert np.isfinite(found.p).all()
    assert len(competitive_tests(fit, sp.csr_array(dense[:2])).p) == 0


def test_a_set_that_varies_more_than_chance_keeps_its_own_variance() -> None:
    rng = np.random.default_rng(0)
    variance = rng.chisquare(6, 200) / 6
    variance[0] = 30.0
    shrunk, freedom = moderated_variance(variance, 6, np.full(200, 0.05))
    assert shrunk[0] > 25
    assert freedom[0] < 7
    assert np.std(shrunk[1:]) < np.std(variance[1:])
