"""Comparisons from real cells are drawn as the benchmark says, and its tables count as they say."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def real() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        return importlib.import_module("_real_tests")


@pytest.fixture(scope="module")
def clouds(real: ModuleType) -> ModuleType:
    """The generator, with three made types in place of the data."""
    cells = importlib.import_module("_real_cells")
    rng = np.random.default_rng(0)
    made = [rng.normal(size=(150, cells.N_DIMS)) + 20 * k for k in range(3)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells, "types", lambda _: (made, ["B", "DC", "NK"]))
        yield cells


def test_donors_of_the_conditions_are_different_people_unless_paired(clouds: ModuleType) -> None:
    free = clouds.draw(clouds.Plan(3, 5), 1)
    assert [len(np.unique(d)) for d in free.donors] == [3, 5]
    assert not set(free.donors[0]) & set(free.donors[1])
    numbers = [{int(d[1:]) for d in side} for side in free.donors]
    assert not numbers[0] & numbers[1]  # and have effects of their own
    some = clouds.draw(clouds.Plan(4, 6, pairs=4), 1)
    assert len(set(some.donors[0]) & set(some.donors[1])) == 4
    assert len(set(some.donors[1])) == 6


def test_types_move_by_so_many_of_their_standard_deviations(clouds: ModuleType) -> None:
    still, moved = (clouds.draw(clouds.Plan(3, 3, s), 2) for s in (0.0, 4.0))
    np.testing.assert_array_equal(still.points[0], moved.points[0])
    assert not still.moves.any()
    gap = np.linalg.norm(moved.moves, axis=1)
    np.testing.assert_allclose(gap, 4, rtol=0.3)  # types of about unit covariance
    step = moved.points[1] - still.points[1]
    np.testing.assert_allclose(step, moved.moves[moved.labels[1]], atol=1e-4)


@pytest.mark.parametrize(("odd", "low"), [("tiny15", 15), ("tiny30", 30)])
def test_a_tiny_donor_is_tiny(clouds: ModuleType, odd: str, low: int) -> None:
    case = clouds.draw(clouds.Plan(3, 3, odd=odd), 0)
    assert np.unique(case.donors[0], return_counts=True)[1].min() == low


def test_a_lost_type_falls_to_a_fortieth(clouds: ModuleType) -> None:
    case = clouds.draw(clouds.Plan(3, 3, odd="lost"), 0)
    lost = case.log2_net.argmin()
    ratio = np.exp2(case.log2_net - np.delete(case.log2_net, lost).mean())[lost]
    assert ratio == pytest.approx(1 / 40)


def test_tables_count_contradictions_and_false_moves(real: ModuleType) -> None:
    one = {"design": "3 v 3", "shift": 0.0, "change": 0.0, "label": 0, "purity": 1.0, "size": 0.5}
    numbers = {"truth": 0.0, "estimate": 0.6, "q": 0.5}
    rows = [
        {**one, **numbers, "kind": "factor", "seed": 0, "low": -1.0, "high": 1.0, "p": 0.5},
        {**one, **numbers, "kind": "factor", "seed": 1, "low": 0.1, "high": 1.0, "p": 0.2},
        {**one, **numbers, "kind": "label", "seed": 0, "low": -1.0, "high": 1.0, "p": 0.5},
        {**one, **numbers, "kind": "shift", "seed": 0, "low": 0.1, "high": 1.0, "p": 0.01},
        {**one, **numbers, "kind": "shift", "seed": 1, "low": 0.0, "high": 1.0, "p": 0.5},
    ]
    rows[3]["q"] = 0.01
    table = pd.DataFrame(rows)
    assert real.contradictions(table) == 1
    line = next(x for x in real.null_table(table) if x.startswith("3 v 3"))
    assert "0.500 (0.500)" in line  # one of two intervals holds the truth
    assert line.split()[-3:] == ["0.50", "0.50", "1"]


def test_weights_of_counts_do_harm(real: ModuleType) -> None:
    rng = np.random.default_rng(0)
    sides = ([60, 100, 200, 500, 1000, 2000],) * 2
    equal, weighted = (
        np.mean(np.concatenate([real._small_p(rng, sides, weighted=w) for _ in range(40)]))
        for w in (False, True)
    )
    assert equal < 0.1 < weighted


def test_a_changed_type_is_found_by_the_rows_that_are_mostly_it(real: ModuleType) -> None:
    one = {"design": "3 v 3", "shift": 0.0, "change": 1.0, "seed": 0, "truth": 1.0, "purity": 1.0}
    rows = pd.DataFrame(
        [
            {**one, "kind": "label", "label": 0, "p": 0.01},
            {**one, "kind": "label", "label": 1, "p": 0.01},
            {**one, "kind": "population", "label": 0, "p": 0.01},
            {**one, "kind": "population", "label": 1, "p": 0.01, "purity": 0.4},
            {**one, "kind": "factor", "label": 0, "p": 0.04},
            {**one, "kind": "factor", "label": 0, "p": 0.9},
        ]
    )
    [_, line] = [row for row in real.power_table(rows) if row.strip()]
    assert [float(word) for word in line.split() if word.startswith(("0.", "1."))] == [0, 0.5, 1]
