from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

import cgmm as cg
from cgmm.donors.design import design, unit_of_cells
from cgmm.donors.permutation import align, labellings, permutation_p, widened
from cgmm.donors.shares import donor_weights
from cgmm.donors.uncertainty import uncertainty


def fitted(seed: int = 0, **options: object) -> tuple:
    """Small simulated comparison with its fit: fit, points, donors."""
    sample = cg.simulate.points(
        n_components=4, n_dims=4, n_cells=1200, n_donors=4, random_state=seed, **options
    )
    of = [sample.condition == side for side in ("source", "target")]
    points = sample.points[of[0]], sample.points[of[1]]
    donors = sample.donor[of[0]], sample.donor[of[1]]
    means = sample.truth["source_means"], sample.truth["target_means"]
    start = tuple(
        cg.GaussianMixture(np.full(4, 0.25), m, sample.truth["covariances"]) for m in means
    )
    fit = cg.fit_coupled(
        *points,
        init=start,
        weights_source=donor_weights(donors[0]),
        weights_target=donor_weights(donors[1]),
        epsilon=1.0,
        rho=5.0,
    )
    return fit, points, donors, sample


@pytest.fixture(scope="module")
def shifted() -> tuple:
    return fitted(shift=3.0, log2_change=[2.0, 0.0, 0.0, -2.0], separation=10.0)


def test_alignment_takes_the_shift_back(shifted: tuple) -> None:
    fit, points, donors, sample = shifted
    plan = design(*donors)
    units = unit_of_cells(plan, donors, (len(points[0]), len(points[1])), 0)
    found = align(fit, points, (units[0], units[1]))
    n0 = len(points[0])
    assert found.units.max() == 7
    assert set(found.units[n0:]) == {4, 5, 6, 7}
    moved = sample.component[sample.condition == "target"]
    for k in range(4):
        gap = found.points[n0:][moved == k].mean(axis=0) - sample.truth["source_means"][k]
        assert np.linalg.norm(gap) < 0.6
        apart = points[1][moved == k].mean(axis=0) - sample.truth["source_means"][k]
        assert np.linalg.norm(apart) > 2


def test_a_strong_change_has_the_smallest_p_despite_a_shift(shifted: tuple) -> None:
    fit, points, donors, _ = shifted
    plan = design(*donors)
    found = uncertainty(fit, points, donors, plan, n_bootstrap=30, n_permutations=100)
    assert found.facts["n_distinct"] == 35
    assert found.facts["smallest_p"] == pytest.approx(1 / 35)
    assert found.facts["test"] == "moderated_t"
    rises, falls = 0, 3
    for k in (rises, falls):
        assert found.factors.p_permutation[k] == pytest.approx(1 / 35)
        assert found.factors.p_moderated[k] < 0.02
    np.testing.assert_array_equal(found.factors.p, found.factors.p_moderated)
    assert (found.factors.q >= found.factors.p).all()
    assert found.factors.low[rises] > 0 > found.factors.high[falls]


def test_threads_do_not_change_the_numbers(shifted: tuple) -> None:
    fit, points, donors, _ = shifted
    one, two = (
        uncertainty(fit, points, donors, design(*donors), n_bootstrap=8, n_permutations=8, n_jobs=n)
        for n in (1, 2)
    )
    for a, b in zip(one.factors[:-1], two.factors[:-1], strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(one.transfers.low, two.transfers.low)
    np.testing.assert_array_equal(one.shifts.high, two.shifts.high)


def test_refits_of_drawn_cells_say_the_same(
    shifted: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit, points, donors, _ = shifted
    plan = design(*donors)
    options = {"n_bootstrap": 40, "n_permutations": 40}
    every = uncertainty(fit, points, donors, plan, **options)
    monkeypatch.setattr("cgmm.donors.refit.MAX_CELLS", 150)
    drawn = uncertainty(fit, points, donors, plan, **options)
    np.testing.assert_allclose(drawn.factors.p_permutation, every.factors.p_permutation, atol=0.06)
    width = [f.factors.high - f.factors.low for f in (drawn, every)]
    np.testing.assert_allclose(*width, rtol=0.05)
    assert not np.array_equal(*width)


def test_p_is_uniform_when_nothing_changed() -> None:
    p = []
    for seed in range(12):
        fit, points, donors, _ = fitted(seed, separation=9.0, donor_share_sd=0.4)
        plan = design(*donors)
        units = unit_of_cells(plan, donors, (len(points[0]), len(points[1])), 0)
        own = (units[0], units[1])
        ways = labellings(plan, 100, seed)
        found = permutation_p(fit, align(fit, points, own), plan, ways)
        p.extend(found.p)
    assert len(p) == 48
    assert np.mean(np.array(p) <= 0.1) < 0.25
    assert scipy.stats.kstest(p, "uniform").pvalue > 0.01


def test_widening_adds_a_variance() -> None:
    coefficient, p = np.array([1.0, 1.0, -2.0]), np.array([0.01, 0.01, 1.0])
    found = widened(p, coefficient, np.array([0.0, 0.2, 0.2]))
    assert found[0] == pytest.approx(0.01)
    z = scipy.stats.norm.isf(0.005)
    expected = 2 * scipy.stats.norm.sf(1 / np.sqrt(1 / z**2 + 0.2))
    assert found[1] == pytest.approx(expected)
    assert found[2] == pytest.approx(1, abs=1e-6)
