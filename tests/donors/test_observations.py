from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import cgmm as cg
from cgmm.donors.design import design, unit_of_cells
from cgmm.donors.observations import Observations
from cgmm.donors.reasons import Reason

Case = tuple[cg.CoupledFit, tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@pytest.fixture(scope="module")
def case() -> Case:
    """A fit, its points, and the donor of every point."""
    drawn = cg.simulate.points(n_components=3, n_dims=4, n_cells=900, n_donors=4, random_state=3)
    sides = [drawn.condition == side for side in ("source", "target")]
    points = drawn.points[sides[0]], drawn.points[sides[1]]
    fit = cg.fit_coupled(*points, n_components=3, tol=1e-2)
    return fit, points, (drawn.donor[sides[0]], drawn.donor[sides[1]])


def observed(case: Case, n_donors: int | None = 4) -> tuple[Observations, list]:
    fit, points, donors = case
    sizes = (len(points[0]), len(points[1]))
    if n_donors is None:
        plan, names = design(None, None, n_cells=sizes), (None, None)
    else:
        names = tuple(np.array([f"{d}"[-1] for d in side]) for side in donors)
        names = tuple(
            np.array([f"{side}{int(d, 36) % n_donors}" for d in values])
            for side, values in zip("st", names, strict=True)
        )
        plan = design(*names)
    units = unit_of_cells(plan, names, sizes, 0)
    found = Observations.of(fit, points, tuple(units), plan)
    return found, found.missing(plan)


def test_shares_of_every_unit_add_up_and_average_to_those_of_the_fit(case: Case) -> None:
    found, missing = observed(case)
    assert found.log_odds.shape == (8, 3)
    np.testing.assert_allclose(found.source.shares.sum(axis=1), 1)
    np.testing.assert_allclose(found.carried.shares.sum(axis=1), 1)
    weights = found.source.n_cells / found.source.n_cells.sum()
    np.testing.assert_allclose(weights @ found.source.shares, case[0].shares_source, atol=0.02)
    assert found.usable.all()
    assert missing == [None] * 3


def test_partitions_that_disagree_enter_the_variance(case: Case) -> None:
    rows = [{"parameter": "partition", "log2_net": [x, 0.0, 0.0]} for x in (0.0, 9.0)]
    found, _ = observed((replace(case[0], sensitivity=rows), *case[1:]))
    assert found.n_between == 2
    assert found.between[0] == pytest.approx(1.5 * 81 / 2)
    # for the tests factors beyond 16-fold count as 16-fold
    assert 0 < found.between_log_odds[0] < found.between[0]
    np.testing.assert_array_equal(found.between[1:], 0)


def test_too_few_donors_go_before_the_reason_of_a_component(case: Case) -> None:
    _, missing = observed(case, n_donors=2)
    assert {note.reason for note in missing} == {Reason.FEW_DONORS}


def test_without_donors_every_component_says_that_cells_were_drawn(case: Case) -> None:
    found, missing = observed(case, n_donors=None)
    assert {note.reason for note in missing} == {Reason.CELLS_ONLY}
    assert found.usable.all()
