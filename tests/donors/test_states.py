"""Shares of states within their population: what is tested, and what is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cgmm.donors.design import Design, Unit
from cgmm.donors.formula import model
from cgmm.donors.states import StateCells, StateChanges, state_changes
from cgmm.mixture.gaussian_mixture import GaussianMixture
from cgmm.pair import Pair

D, N, CELLS = 4, 5, 150
MIXTURE = GaussianMixture(
    np.array([0.3, 0.3, 0.4]),
    np.array([[0.0, 0, 0, 0], [2.0, 0, 0, 0], [30.0, 0, 0, 0]]),
    np.stack([np.eye(D)] * 3),
)
HOME = np.array([0, 0, 1])


def study(
    rng: np.random.Generator,
    *,
    share: tuple[float, float] = (0.5, 0.5),
    move: np.ndarray | None = None,
    apart: float = 0.0,
    formula: str = "~ condition",
    paired: bool = False,
    **columns: object,
) -> StateCells:
    """Two overlapping states whose share differs between donors; the population moves."""
    names = [[f"{'d' if paired else 'st'[side]}{i}" for i in range(N)] for side in (0, 1)]
    units = tuple(Unit(side, name, CELLS, "") for side in (0, 1) for name in names[side])
    plan = Design(units, paired, False, True, ())
    table = pd.DataFrame({"condition": [("a", "b")[u.side] for u in units]} | columns)
    made = model(
        formula,
        table,
        condition="condition",
        source="a",
        target="b",
        pairs=np.array([u.donor for u in units]) if paired else None,
    )
    points: list[list[np.ndarray]] = [[], []]
    of_unit: list[list[np.ndarray]] = [[], []]
    for row, unit in enumerate(units):
        odds = np.log(share[unit.side] / (1 - share[unit.side])) + 0.2 * rng.normal()
        first = rng.random(CELLS) < 1 / (1 + np.exp(-odds))
        x = rng.normal(size=(CELLS, D)) + 0.1 * rng.normal(size=D)
        x[:, 0] += np.where(first, 0.0, 2.0)
        x[first, 1] += unit.side * apart
        points[unit.side].append(x + unit.side * (0.0 if move is None else move))
        of_unit[unit.side].append(np.full(CELLS, row - N * unit.side))
    own = Pair(*(np.concatenate(x) for x in points))
    return StateCells(
        own,
        own.map(lambda x: np.zeros(len(x), dtype=int)),
        Pair(*(np.concatenate(u) for u in of_unit)),
        plan,
        made,
        np.arange(len(units)),
    )


def changes_of(cells: StateCells, move: np.ndarray | None = None) -> StateChanges:
    """Test a study whose states have one move, as a fit would have found it."""
    moves = np.tile(np.zeros(D) if move is None else move, (3, 1))
    return state_changes(cells, MIXTURE, HOME, moves, np.array([move is not None, False]))


@pytest.mark.parametrize("length", [0.0, 5.0])
def test_a_share_that_stays_is_not_called_though_the_population_moved(length: float) -> None:
    rng, move = np.random.default_rng(0), np.array([length, 0, 0, 0])
    p, held = [], []
    for _ in range(60):
        found = changes_of(study(rng, move=move), move if length else None)
        p.append(found.p[0])
        held.append(found.low[0] <= 0 <= found.high[0])
    assert np.mean(np.array(p) < 0.05) <= 0.1  # 60 tests: two standard errors over .05
    assert np.mean(held) >= 0.9


@pytest.mark.parametrize("paired", [False, True])
def test_a_share_that_changes_is_found_and_the_move_is_not_taken_for_it(*, paired: bool) -> None:
    move = np.array([5.0, 1, 0, 0])
    cells = study(np.random.default_rng(1), share=(0.3, 0.65), move=move, paired=paired)
    found = changes_of(cells, move)
    assert found.reason[:2] == ["", ""]
    assert found.p[0] < 0.01
    assert found.low[0] > 0 > found.high[1]  # one gains what the other loses
    assert found.p[0] == found.p[1]
    np.testing.assert_allclose(found.share_source[:2].sum(), 1.0)
    np.testing.assert_allclose(found.share_target[:2].sum(), 1.0)
    assert found.reason[2].startswith("The population has no second state")


def test_a_covariate_that_explains_the_shares_takes_the_change() -> None:
    rng = np.random.default_rng(2)
    sex = np.array(list("fmmmmfffmm"))
    cells = study(rng, formula="~ condition + sex", sex=sex)
    # men have more of the second state
    for side, (x, unit) in enumerate(zip(cells.points, cells.units, strict=True)):
        men = sex[unit + N * side] == "m"
        x[men & (rng.random(len(x)) < 0.6), 0] += 2.0
    found = changes_of(cells)
    assert found.p[0] > 0.05
    assert abs(found.log2_within[0]) < 0.5


def test_states_that_moved_apart_have_the_reason() -> None:
    found = changes_of(study(np.random.default_rng(3), apart=4.0))
    assert "moved in different ways" in found.reason[0]
    assert np.isnan(found.p[:2]).all()
    assert np.isnan(found.share_source).all()


def test_found_populations_that_moved_are_not_tested() -> None:
    move = np.array([5.0, 0, 0, 0])
    cells = study(np.random.default_rng(5), move=move)
    moves = np.tile(move, (3, 1))
    there = [
        state_changes(cells, MIXTURE, HOME, moves, np.array([moved, False]), found=True)
        for moved in (True, False)
    ]
    assert "found by the fit" in there[0].reason[0]
    assert there[1].reason[0] == ""


def test_too_few_donors_are_a_sentence() -> None:
    cells = study(np.random.default_rng(4))
    few = cells.units.target.copy()
    few[few > 1] = -1
    found = changes_of(cells._replace(units=cells.units._replace(target=few)))
    assert found.reason[0].startswith("Fewer than 3 donors")
