from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from cgmm.donors.reasons import Reason
from cgmm.donors.shares import DonorShares
from cgmm.donors.t_interval import intervals, welch_freedom


def shares_of(rng: np.random.Generator, n: int, k: int = 3, *, sd: float = 0.3) -> DonorShares:
    x = np.exp(rng.normal(scale=sd, size=(n, k)))
    names = np.array([f"D{i}" for i in range(n)], dtype=object)
    return DonorShares(names, x / x.sum(1, keepdims=True), np.full(n, 1000))


def renamed(found: DonorShares, prefix: str) -> DonorShares:
    names = np.array([f"{prefix}{d}" for d in found.donors], dtype=object)
    return found._replace(donors=names)


def test_unpaired_interval_is_welchs() -> None:
    rng = np.random.default_rng(2)
    a, b = shares_of(rng, 5), renamed(shares_of(rng, 7, sd=0.6), "T")
    found = intervals(a, b, np.eye(3))
    assert not found.paired
    y0, y1 = (np.log2(x.shares + 0.5 / 1000) for x in (a, b))
    oracle = scipy.stats.ttest_ind(y1, y0, equal_var=False)
    interval = oracle.confidence_interval(0.95)
    np.testing.assert_allclose(found.p, oracle.pvalue)
    np.testing.assert_allclose(found.low, interval.low)
    np.testing.assert_allclose(found.high, interval.high)
    np.testing.assert_allclose(found.estimate, y1.mean(0) - y0.mean(0))
    np.testing.assert_allclose(found.q, scipy.stats.false_discovery_control(oracle.pvalue))
    assert found.reason == ["", "", ""]


def test_paired_interval_is_students_on_differences() -> None:
    rng = np.random.default_rng(3)
    a, b = shares_of(rng, 6), shares_of(rng, 6)
    found = intervals(a, b, np.eye(3))
    assert found.paired
    y0, y1 = (np.log2(x.shares + 0.5 / 1000) for x in (a, b))
    oracle = scipy.stats.ttest_rel(y1, y0)
    interval = oracle.confidence_interval(0.95)
    np.testing.assert_allclose(found.p, oracle.pvalue)
    np.testing.assert_allclose(found.low, interval.low)
    np.testing.assert_allclose(found.high, interval.high)
    unpaired = intervals(a, b, np.eye(3), paired=False)
    np.testing.assert_allclose(unpaired.p, scipy.stats.ttest_ind(y1, y0, equal_var=False).pvalue)


def test_pairs_are_matched_by_name_not_by_position() -> None:
    rng = np.random.default_rng(4)
    a, b = shares_of(rng, 6), shares_of(rng, 6)
    turn = rng.permutation(6)
    turned = DonorShares(b.donors[turn], b.shares[turn], b.n_cells[turn])
    np.testing.assert_allclose(intervals(a, b, np.eye(3)).p, intervals(a, turned, np.eye(3)).p)


def test_donors_in_one_condition_only_leave_the_pairs() -> None:
    rng = np.random.default_rng(5)
    a, b = shares_of(rng, 6), shares_of(rng, 5)
    found = intervals(a, b, np.eye(3))
    first = DonorShares(a.donors[:5], a.shares[:5], a.n_cells[:5])
    assert found.paired
    np.testing.assert_allclose(found.p, intervals(first, b, np.eye(3)).p)
    with pytest.raises(ValueError, match="no donor is"):
        intervals(a, renamed(b, "T"), np.eye(3), paired=True)


def test_target_shares_are_carried_back_through_the_coupling() -> None:
    rng = np.random.default_rng(6)
    a, b = shares_of(rng, 4, k=2), renamed(shares_of(rng, 4, k=3), "T")
    coupling = np.array([[0.5, 0.2, 0.0], [0.0, 0.2, 0.1]])
    merged = b._replace(
        shares=np.stack(
            [b.shares[:, 0] + b.shares[:, 1] / 2, b.shares[:, 2] + b.shares[:, 1] / 2], axis=1
        )
    )
    np.testing.assert_allclose(
        intervals(a, b, coupling / coupling.sum(0)).p,
        intervals(a, merged, np.eye(2)).p,
    )


def test_type_one_error_is_held_under_the_null() -> None:
    """Same donor distribution in both conditions, 500 cells a donor: 5 % are called."""
    rng = np.random.default_rng(7)
    called, covered, n = 0, 0, 0
    base = np.log([0.5, 0.3, 0.15, 0.05])
    for _ in range(400):
        sides = []
        for prefix in "AB":
            p = np.exp(base + rng.normal(scale=0.3, size=(5, 4)))
            p /= p.sum(1, keepdims=True)
            cells = np.stack([rng.multinomial(500, q) for q in p])
            names = np.array([f"{prefix}{i}" for i in range(5)], dtype=object)
            sides.append(DonorShares(names, cells / 500, np.full(5, 500)))
        found = intervals(sides[0], sides[1], np.eye(4))
        called += int((found.p < 0.05).sum())
        covered += int(((found.low < 0) & (found.high > 0)).sum())
        n += 4
    # 1600 tests, four correlated ones per data set: sd of the rate about 0.011 at most
    assert 0.02 < called / n < 0.075
    assert covered / n == pytest.approx(1 - called / n)


def test_counting_cells_would_not_hold_it() -> None:
    """The same null judged cell by cell calls most components: why donors are the unit."""
    rng = np.random.default_rng(8)
    p_values = []
    for _ in range(100):
        p = 0.2 * np.exp(rng.normal(scale=0.3, size=10))
        cells = rng.binomial(500, p)
        table = [[c.sum(), 2500 - c.sum()] for c in (cells[:5], cells[5:])]
        p_values.append(scipy.stats.chi2_contingency(table).pvalue)
    assert np.mean(np.array(p_values) < 0.05) > 0.4


def test_missing_numbers_have_a_sentence() -> None:
    rng = np.random.default_rng(9)
    none = intervals(None, None, np.eye(2))
    assert np.isnan(none.p).all()
    assert all(note.reason is Reason.NO_REPLICATION for note in none.notes)
    assert all("No donors" in r for r in none.reason)

    two = intervals(shares_of(rng, 2), renamed(shares_of(rng, 5), "T"), np.eye(3))
    assert np.isnan(two.low).all()
    assert np.isnan(two.q).all()
    assert all("Only 2 donors in the source and 5 donors in the target" in r for r in two.reason)

    a, b = shares_of(rng, 5), renamed(shares_of(rng, 5), "T")
    a.shares[:, 0] = 0.001
    found = intervals(a, b, np.eye(3))
    assert "About 5 cells in the source" in found.reason[0]
    assert np.isnan(found.p[0])
    assert np.isfinite(found.p[1:]).all()
    # a component without p does not count as a test
    np.testing.assert_allclose(found.q[1:], scipy.stats.false_discovery_control(found.p[1:]))

    b.shares[:, 1] = [0.3, 0.0, 0.0, 0.0, 0.0]
    assert "Seen in only 1 donor of the target" in intervals(a, b, np.eye(3)).reason[1]


def test_donors_that_do_not_vary_get_no_interval() -> None:
    names = np.array(["a", "b", "c"], dtype=object)
    same = DonorShares(names, np.full((3, 2), 0.5), np.full(3, 100))
    found = intervals(same, same, np.eye(2))
    assert np.isnan(found.p).all()
    assert all("do not differ" in r for r in found.reason)


def test_welch_freedom_is_that_of_scipy() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(5, 1)), 3 * rng.normal(size=(7, 1))
    df = scipy.stats.ttest_ind(a[:, 0], b[:, 0], equal_var=False).df
    assert welch_freedom(a, b)[0] == pytest.approx(df)
    assert welch_freedom(np.ones((3, 1)), np.ones((4, 1)))[0] == 5
