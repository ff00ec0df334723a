from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from cgmm.automatic.cell_factors import of_target_cells, sampling_variance, settled
from cgmm.automatic.fit import fit_automatic
from cgmm.automatic.origins import DrawnCells, Origins


def cells(n: int, weights: np.ndarray | None = None) -> DrawnCells:
    return DrawnCells(np.zeros((n, 1)), np.full(n, 1 / n) if weights is None else weights)


def counted(votes: sp.csr_matrix, clusters: np.ndarray) -> Origins:
    none = np.eye(1)
    return Origins(none, np.zeros(votes.shape[1]), [], [votes], (none, none), [clusters])


def test_the_variance_is_that_of_a_ratio_of_two_counts() -> None:
    rng = np.random.default_rng(0)
    n0, n1, share = 4000, 3000, 0.02
    inside = np.arange(n0) < n0 * share
    votes = sp.csr_matrix((np.ones(n1), (np.arange(n1), rng.permutation(n0)[:n1])), (n1, n0))
    origins = counted(votes, (~inside).astype(int))
    found = sampling_variance(origins, cells(n0), cells(n1))
    after = int(votes[:, inside].sum())
    assert found[0] == pytest.approx((1 / 80 + 1 / after) / np.log(2) ** 2)
    drawn = np.log2(rng.binomial(n1, after / n1, 20000) / rng.binomial(n0, 80 / n0, 20000))
    assert found[0] == pytest.approx(drawn.var(), rel=0.1)
    assert found[-1] < 0.01
    # half the cells with three times the weight are fewer cells
    uneven = np.where(np.arange(n0) % 2 == 0, 3.0, 1.0)
    less = sampling_variance(origins, cells(n0, uneven / uneven.sum()), cells(n1))
    assert less[0] > found[0]


def test_noise_becomes_the_factor_of_the_population_and_differences_stay() -> None:
    rng = np.random.default_rng(1)
    weights, population = np.full(4000, 1 / 4000), np.repeat([0, 1], 2000)
    truth = np.where(population == 0, 0.0, np.repeat([0.0, -1.0, 1.0, 2.0], 1000))
    sd = np.where(np.arange(4000) % 2 == 0, 0.1, 0.8)
    noisy = truth + sd * rng.normal(size=4000)
    found = settled(noisy, sd**2, weights, population)
    for kind in (0, 1):
        own = population == kind
        off, before = (np.square(x - truth)[own].mean() for x in (found, noisy))
        assert off < before / (20 if kind == 0 else 1.2)
    # of an uncertain cell more is taken than of a certain one
    assert (
        np.corrcoef(found[(population == 1) & (sd == 0.1)], truth[(population == 1) & (sd == 0.1)])[
            0, 1
        ]
        > 0.98
    )
    for own in (population == 0, population == 1):
        assert np.exp2(found[own]).mean() == pytest.approx(np.exp2(noisy[own]).mean())
    noisy[:3] = -np.inf
    again = settled(noisy, sd**2, weights, population)
    assert np.isneginf(again[:3]).all()
    assert np.isfinite(again[3:]).all()


def test_target_cells_have_the_factor_of_the_cells_they_came_from() -> None:
    votes = sp.csr_matrix([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0], [0.3, 0.0, 0.0]])
    found = of_target_cells(np.array([0.0, np.log2(3), -np.inf]), [votes])
    np.testing.assert_allclose(found, [1.0, -np.inf, np.inf])


def test_cells_of_an_unchanged_population_do_not_scatter() -> None:
    """Half of the largest type is lost; the others only gain in share."""
    rng = np.random.default_rng(2)
    counts = np.array([[600, 300, 200], [300, 300, 200]])
    sides = []
    for side in counts:
        points = rng.normal(size=(side.sum(), 5))
        points[:, 0] += 8.0 * np.repeat(np.arange(3), side)
        sides.append(points)
    fit = fit_automatic(*sides, random_state=0)
    truth = np.log2(counts[1] / counts[1].sum()) - np.log2(counts[0] / counts[0].sum())
    for found, side in zip((fit.log2_net_cells, fit.log2_net_target_cells), counts, strict=True):
        kind = np.repeat(np.arange(3), side)
        # as counted they are .2 to .3 off
        assert np.quantile(np.abs(found - truth[kind]), 0.99) < 0.05
