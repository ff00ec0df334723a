from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from cgmm.donors.design import design, unit_of_cells
from cgmm.donors.permutation import align, labellings, permutation_p, widened
from tests.donors.studies import fitted


def cells(names: str, n: int = 30) -> np.ndarray:
    """Each donor of a space-separated list with as many cells."""
    return np.repeat(names.split(), n).astype(object)


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


@pytest.mark.parametrize(
    ("n0", "n1", "distinct"), [(3, 3, 10), (4, 4, 35), (5, 5, 126), (3, 4, 35)]
)
def test_few_exchanges_are_all_made(n0: int, n1: int, distinct: int) -> None:
    names = [f"d{i}" for i in range(n0 + n1)]
    found = design(cells(" ".join(names[:n0])), cells(" ".join(names[n0:])))
    ways = labellings(found, 500, 0)
    assert ways.complete
    assert ways.n_distinct == len(ways.labels) == distinct
    assert ways.smallest_p == pytest.approx(1 / distinct)
    assert len({row.tobytes() for row in ways.labels}) == distinct
    np.testing.assert_array_equal(ways.labels[0], [0] * n0 + [1] * n1)


def test_pairs_change_within_the_donor_only() -> None:
    found = design(cells("a b c d"), cells("a b c d"))
    ways = labellings(found, 500, 0)
    assert ways.n_distinct == len(ways.labels) == 8
    assert (ways.labels[:, :4] + ways.labels[:, 4:] == 1).all()


def test_many_exchanges_are_drawn_and_repeatable() -> None:
    names = [f"d{i}" for i in range(20)]
    found = design(cells(" ".join(names[:10])), cells(" ".join(names[10:])))
    ways = labellings(found, 60, 5)
    assert not ways.complete
    assert len(ways.labels) == 61
    assert ways.n_distinct == 184_756 // 2
    np.testing.assert_array_equal(ways.labels, labellings(found, 60, 5).labels)
    assert (ways.labels.sum(axis=1) == 10).all()
