from __future__ import annotations

import numpy as np
import pytest

from cgmm.donors.baseline import Baseline
from cgmm.donors.design import design
from cgmm.donors.facts import Exchanges
from cgmm.donors.reasons import Reason
from cgmm.donors.uncertainty import uncertainty
from tests.donors.studies import fitted


@pytest.fixture(scope="module")
def shifted() -> tuple:
    return fitted(shift=3.0, log2_change=[2.0, 0.0, 0.0, -2.0], separation=10.0)


def test_a_strong_change_has_the_smallest_p_despite_a_shift(shifted: tuple) -> None:
    fit, points, donors, _ = shifted
    plan = design(*donors)
    found = uncertainty(fit, points, donors, plan, n_permutations=100)
    assert found.facts.exchanges == Exchanges(34, 35, pytest.approx(1 / 35))
    assert found.facts.test == "moderated_t"
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
        uncertainty(fit, points, donors, design(*donors), n_permutations=8, n_jobs=n)
        for n in (1, 2)
    )
    for a, b in zip(one.factors[:-1], two.factors[:-1], strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(one.shifts, two.shifts)


def test_refits_of_drawn_cells_give_the_same_answers(
    shifted: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit, points, donors, _ = shifted
    plan = design(*donors)
    options = {"n_permutations": 40}
    every = uncertainty(fit, points, donors, plan, **options)
    monkeypatch.setattr("cgmm.donors.refit.MAX_CELLS", 150)
    drawn = uncertainty(fit, points, donors, plan, **options)
    np.testing.assert_allclose(drawn.factors.p_permutation, every.factors.p_permutation, atol=0.06)
    assert not np.array_equal(drawn.factors.p_permutation, every.factors.p_permutation)
    np.testing.assert_array_equal(drawn.factors.low, every.factors.low)


def test_a_subpopulation_as_baseline_has_no_change_against_itself(shifted: tuple) -> None:
    fit, points, donors, _ = shifted
    plan = design(*donors)
    found = uncertainty(
        fit,
        points,
        donors,
        plan,
        n_permutations=0,
        baseline=Baseline("subpopulation", 1),
    )
    assert found.factors.relative[1] == 0
    assert found.facts.baseline_log2 == found.factors.log2_net[1]
    assert found.factors.relative_low[1] == pytest.approx(0, abs=1e-6)
    assert found.facts.exchanges == Exchanges(0)
    assert np.isnan(found.factors.p_permutation).all()


def test_two_donors_give_a_reason_and_no_numbers(shifted: tuple) -> None:
    fit, points, donors, _ = shifted
    pooled = tuple(np.where(np.arange(len(d)) % 2, f"{d[0]} a", f"{d[0]} b") for d in donors)
    found = uncertainty(fit, points, pooled, design(*pooled), n_permutations=8)
    assert {note.reason for note in found.factors.notes} == {Reason.FEW_DONORS}
    assert np.isnan(found.factors.low).all()
    assert np.isnan(found.factors.p).all()
    assert found.facts.source == found.facts.test == ""
    assert found.facts.exchanges is None
