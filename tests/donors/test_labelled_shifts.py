"""Change of state of labelled populations over donors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cgmm.donors.design import design, unit_of_cells
from cgmm.donors.formula import Model, model
from cgmm.donors.labelled_shifts import (
    LabelledShifts,
    StateMeans,
    labelled_shifts,
    shifts_of,
)
from cgmm.pair import Pair

K, D = 3, 8


def study(
    n_donors: tuple[int, int],
    move: float,
    rng: np.random.Generator,
    *,
    paired: bool = False,
    cells: int = 60,
    counts: tuple[int, int] | None = None,
) -> LabelledShifts:
    """Shifts of simulated donors; population 0 moves by ``move`` standard deviations."""
    centres = 9.0 * np.eye(K, D)
    common = 0.3 * rng.normal(size=(max(n_donors), K, D))
    points, codes, donors = [], [], []
    for side, n in enumerate(n_donors):
        for donor in range(n):
            label = rng.integers(0, K, cells)
            if counts is not None:  # the last population has few cells
                label[label == 2] = 0
                label[: counts[side]] = 2
            own = 0.3 * rng.normal(size=(K, D)) + (common[donor] if paired else 0.0)
            x = centres[label] + own[label] + rng.normal(size=(cells, D))
            x[label == 0, -1] += side * move * np.sqrt(D)
            points.append((side, x))
            codes.append((side, label))
            donors.append((side, np.full(cells, f"d{donor}" if paired else f"{side}{donor}")))

    def of(parts: list[tuple[int, np.ndarray]]) -> Pair[np.ndarray]:
        return Pair(*(np.concatenate([v for s, v in parts if s == side]) for side in (0, 1)))

    names = of(donors)
    plan = design(*names, paired=paired)
    units = unit_of_cells(plan, tuple(names), (len(names.source), len(names.target)), 0)
    return labelled_shifts(of(points), of(codes), Pair(*units), plan, K)


@pytest.mark.parametrize("paired", [False, True])
def test_the_length_of_a_movement_and_its_test(paired: bool) -> None:
    found = study((6, 6), 1.0, np.random.default_rng(0), paired=paired)
    assert found.length[0] == pytest.approx(1.0, abs=0.15)
    assert found.low[0] < 1.0 < found.high[0]
    assert found.p[0] < 0.001
    assert (found.length[1:] < 0.4).all()
    assert (found.length <= found.raw).all()


def test_p_and_intervals_hold_without_and_with_movement() -> None:
    rng = np.random.default_rng(1)
    p, held = [], []
    for _ in range(40):
        found = study((4, 5), 0.6, rng)
        held.append(found.low[0] <= 0.6 <= found.high[0])
        p += list(found.p[1:])
    assert np.mean(np.array(p) < 0.05) <= 0.09  # 80 tests: two standard errors over .04
    assert np.mean(held) >= 0.88


def test_the_interval_leaves_out_zero_exactly_where_p_is_small() -> None:
    rng = np.random.default_rng(2)
    for move in (0.0, 0.2, 0.35, 0.5):
        found = study((3, 4), move, rng)
        np.testing.assert_array_equal(found.low > 0, found.p < 0.05)


def test_means_that_agree_by_chance_do_not_give_an_empty_interval() -> None:
    rng = np.random.default_rng(6)
    highs = np.concatenate([study((4, 4), 0.0, rng).high for _ in range(12)])
    assert highs.min() > 0.1


def test_donors_lie_about_zero_before_and_about_the_length_after() -> None:
    found = study((5, 5), 1.5, np.random.default_rng(3))
    np.testing.assert_allclose(found.positions[:5, 0].mean(), 0.0, atol=1e-9)
    assert found.positions[5:, 0].mean() == pytest.approx(found.raw[0], rel=1e-6)


def test_few_cells_or_donors_have_no_interval_and_a_reason() -> None:
    found = study((3, 3), 0.0, np.random.default_rng(4), counts=(1, 10))
    assert np.isnan(found.length[2])
    assert found.reason[2].startswith("3 cells in one of the conditions")
    two = study((2, 3), 0.5, np.random.default_rng(5))
    assert np.isnan(two.p).all()
    assert np.isfinite(two.length).all()
    assert all("Fewer than 3 donors" in reason for reason in two.reason)


def confounded(rng: np.random.Generator, move: float) -> tuple[LabelledShifts, LabelledShifts]:
    """Shifts without and with a covariate that moves population 0 and is unequal by condition."""
    sex = np.array([0, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1, 1])  # three of six, five of six
    points, codes, units = [], [], []
    for side in (0, 1):
        x_side, code_side = [], []
        for donor in range(6):
            label = rng.integers(0, K, 60)
            x = 9.0 * np.eye(K, D)[label] + 0.2 * rng.normal(size=(K, D))[label]
            x = x + rng.normal(size=(60, D))
            x[label == 0, -1] += 4.0 * sex[6 * side + donor]
            x[label == 0, -2] += side * move * np.sqrt(D)
            x_side.append(x)
            code_side.append(label)
        points.append(np.concatenate(x_side))
        codes.append(np.concatenate(code_side))
        units.append(np.repeat(np.arange(6), 60))
    names = [np.char.add(f"{side}", unit.astype(str)) for side, unit in enumerate(units)]
    plan = design(*names, paired=False)
    table = pd.DataFrame({"condition": np.repeat(["a", "b"], 6), "sex": np.where(sex, "f", "m")})
    made = model("~ condition + sex", table, condition="condition", source="a", target="b")
    given = Pair(*points), Pair(*codes), Pair(*units), plan, K
    return labelled_shifts(*given), labelled_shifts(*given, model=made)


def test_a_covariate_of_the_formula_explains_a_shift() -> None:
    plain, adjusted = confounded(np.random.default_rng(0), 0.0)
    assert plain.raw[0] > 3 * adjusted.raw[0]
    assert adjusted.p[0] > 0.05
    assert adjusted.length[0] < 0.2
    rejected = [
        confounded(np.random.default_rng(seed), 0.0)[1].p[0] < 0.05 for seed in range(1, 61)
    ]
    assert np.mean(rejected) < 0.15


def test_a_shift_is_found_beside_a_covariate() -> None:
    _, adjusted = confounded(np.random.default_rng(0), 1.0)
    assert adjusted.low[0] < 1.0 < adjusted.high[0]
    assert adjusted.p[0] < 0.01


def test_the_formula_of_the_condition_alone_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    points = Pair(rng.normal(size=(360, D)), rng.normal(size=(360, D)))
    codes = Pair(rng.integers(0, K, 360), rng.integers(0, K, 360))
    units = Pair(np.repeat(np.arange(6), 60), np.repeat(np.arange(6), 60))
    names = [np.char.add(f"{side}", unit.astype(str)) for side, unit in enumerate(units)]
    plan = design(*names, paired=False)
    table = pd.DataFrame({"condition": np.repeat(["a", "b"], 6)})
    made: Model = model("~ condition", table, condition="condition", source="a", target="b")
    one = labelled_shifts(points, codes, units, plan, K)
    other = labelled_shifts(points, codes, units, plan, K, model=made)
    for name in ("raw", "length", "low", "high", "p"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-10)


def test_the_move_of_a_condition_is_not_taken_for_that_of_a_covariate() -> None:
    """In the second population two donors have cells, too few for the model."""
    sex = ["m", "f", "m", "f", "m", "f", "m", "f"]
    table = pd.DataFrame({"condition": np.repeat(["a", "b"], 4), "sex": sex})
    made = model("~ condition + sex", table, condition="condition", source="a", target="b")
    names = [np.repeat([f"{side}{i}" for i in range(4)], 100) for side in "ab"]
    plan = design(*names, paired=False)
    means = np.random.default_rng(0).normal(size=(8, 2, D))
    means[4:, :, 0] += 9
    n_cells = np.full((8, 2), 50.0)
    n_cells[[1, 2, 3, 5, 6, 7], 1] = 0
    found = {
        c.kind: shifts_of(StateMeans(means, n_cells, 1.0), plan, model=made, contrast=c)
        for c in made.contrasts
    }
    assert found["condition"].length[1] > 5
    assert np.isnan(found["factor"].length[1])
    assert np.isfinite(found["factor"].length[0])
    assert found["factor"].reason[1] == found["condition"].reason[1] != ""
