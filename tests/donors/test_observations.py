from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import cgmm as cg
from cgmm.donors.design import design, unit_of_cells
from cgmm.donors.observations import (
    SHARED_ERROR,
    Observations,
    between_log_odds,
    between_partitions,
    partitions_of,
)

Case = tuple[cg.CoupledFit, tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@pytest.fixture(scope="module")
def case() -> Case:
    """A fit, its points, and the donor of every point."""
    drawn = cg.simulate.points(n_components=3, n_dims=4, n_cells=900, n_donors=4, random_state=3)
    sides = [drawn.condition == side for side in ("source", "target")]
    points = drawn.points[sides[0]], drawn.points[sides[1]]
    fit = cg.fit_coupled(*points, n_components=3, tol=1e-2)
    return fit, points, (drawn.donor[sides[0]], drawn.donor[sides[1]])


def observed(case: Case) -> Observations:
    fit, points, donors = case
    sizes = (len(points[0]), len(points[1]))
    plan = design(*donors)
    units = unit_of_cells(plan, donors, sizes, 0)
    return Observations.of(fit, points, tuple(units), plan)


def test_shares_of_every_unit_add_up_and_average_to_those_of_the_fit(case: Case) -> None:
    found = observed(case)
    assert found.shares.shape == (8, 3)
    np.testing.assert_allclose(found.shares.sum(axis=1), 1)
    weights = found.n_cells[:4] / found.n_cells[:4].sum()
    np.testing.assert_allclose(weights @ found.shares[:4], case[0].shares_source, atol=0.02)
    np.testing.assert_array_equal(found.between, 0)


def test_partitions_that_disagree_enter_the_variance(case: Case) -> None:
    rows = [{"parameter": "partition", "log2_net": [x, 0.0, 0.0]} for x in (0.0, 1.0)]
    rows.append({"parameter": "rho", "log2_net": [9.0, 9.0, 9.0]})
    found = observed((replace(case[0], sensitivity=rows), *case[1:]))
    assert len(found.partitions) == 2
    spread = between_partitions(found.partitions)
    np.testing.assert_allclose(spread, [0.5 * (SHARED_ERROR + 0.5), 0, 0])
    other = 1 - found.shares[:, 0].mean()
    assert found.between[0] == pytest.approx(spread[0] * (np.log(2) / other) ** 2)


def test_a_partition_in_which_a_component_is_gone_adds_variance() -> None:
    factors = np.array([[0.0, -np.inf], [0.0, -5.0], [0.0, -9.0], [-np.inf, -7.0]])
    spread = between_partitions(factors)
    assert spread[0] == pytest.approx(4.0 * (SHARED_ERROR + 0.25))
    assert spread[1] == 0  # a loss that all partitions see


def test_one_partition_has_no_variance() -> None:
    assert between_partitions(np.zeros((1, 3))) is None
    assert between_partitions(partitions_of([])) is None
    np.testing.assert_array_equal(between_log_odds(partitions_of([]), np.full((4, 3), 0.3)), 0)
