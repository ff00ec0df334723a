from __future__ import annotations

import numpy as np
import pytest

import cgmm as cg
from cgmm.donors.positions import donor_positions

Case = tuple[cg.CoupledFit, tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@pytest.fixture(scope="module")
def moved() -> Case:
    """Three far subpopulations, moved by 1.5; four donors in each condition."""
    drawn = cg.simulate.points(
        n_components=3, n_dims=4, n_cells=900, n_donors=4, shift=1.5, separation=12, random_state=3
    )
    sides = [drawn.condition == side for side in ("source", "target")]
    units = [np.unique(drawn.donor[side], return_inverse=True)[1] for side in sides]
    means = drawn.truth["source_means"], drawn.truth["target_means"]
    start = [cg.GaussianMixture(np.full(3, 1 / 3), m, drawn.truth["covariances"]) for m in means]
    points = drawn.points[sides[0]], drawn.points[sides[1]]
    fit = cg.fit_coupled(*points, init=tuple(start), tol=1e-4)
    return fit, points, (units[0], units[1])


def test_source_donors_lie_about_zero_and_target_donors_about_the_shift(moved: Case) -> None:
    positions, n_cells = donor_positions(*moved)
    fit = moved[0]
    np.testing.assert_array_equal(fit.coupling.argmax(axis=1), np.arange(3))
    length = np.linalg.norm(fit.target.means - fit.source.means, axis=1)
    np.testing.assert_allclose(positions[0].mean(axis=0), 0, atol=0.2)
    np.testing.assert_allclose(positions[1].mean(axis=0), length, atol=0.2)
    for cells, unit in zip(n_cells, moved[2], strict=True):
        np.testing.assert_allclose(cells.sum(axis=1), np.bincount(unit))


def test_a_donor_with_few_cells_has_no_position(moved: Case) -> None:
    fit, points, units = moved
    mostly = np.where(np.arange(len(units[0])) < 3, 4, units[0])
    positions, _ = donor_positions(fit, points, (mostly, units[1]))
    assert np.isnan(positions[0][4]).all()
    assert np.isfinite(positions[0][:4]).all()
