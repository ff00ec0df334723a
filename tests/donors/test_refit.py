from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import cgmm as cg
from cgmm.donors.refit import Refitter, combine, same_order
from cgmm.donors.shares import donor_weights


@pytest.fixture(scope="module")
def sample() -> cg.simulate.SimulatedPoints:
    return cg.simulate.points(
        n_components=3, n_dims=4, n_cells=900, n_donors=4, shift=1.5, random_state=3
    )


Sides = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@pytest.fixture(scope="module")
def sides(sample: cg.simulate.SimulatedPoints) -> Sides:
    """Points and donors as numbers of either side."""
    of = [sample.condition == side for side in ("source", "target")]
    units = [np.unique(sample.donor[s], return_inverse=True)[1] for s in of]
    return (sample.points[of[0]], sample.points[of[1]]), (units[0], units[1])


def weighted(sides: Sides, weights: tuple[np.ndarray, np.ndarray]) -> dict[str, np.ndarray]:
    """Weights of the cells that donors with these weights stand for."""
    _, units = sides
    own = [donor_weights(u) * w[u] for u, w in zip(units, weights, strict=True)]
    return {"weights_source": own[0], "weights_target": own[1]}


@pytest.mark.parametrize(
    ("kind", "strength"), [("full", 0.0), ("full", 0.05), ("diag", 0.05), ("tied", 0.05)]
)
def test_a_long_refit_is_the_fit_to_these_weights(sides: Sides, kind: str, strength: float) -> None:
    points, units = sides
    ones = (np.ones(4), np.ones(4))
    options = {"n_components": 3, "covariance_type": kind, "tol": 1e-8, "ridge": 1e-4}
    first = cg.fit_coupled(
        *points, transport_weight=strength, max_steps=500, **options, **weighted(sides, ones)
    )
    weights = (np.array([2.0, 0.0, 1.0, 1.0]), np.array([0.0, 1.0, 1.5, 1.5]))
    refit = Refitter(first, points, units)(weights, n_steps=60)
    start = (first.source, first.target)
    options.pop("n_components")
    direct = cg.fit_coupled(
        *points,
        init=start,
        transport_weight=first.parameters["transport_weight"],
        epsilon=first.parameters["epsilon"],
        rho=first.parameters["rho"],
        max_steps=500,
        **options,
        **weighted(sides, weights),
    )
    np.testing.assert_allclose(refit.means_source, direct.source.means, atol=2e-3)
    np.testing.assert_allclose(refit.means_target, direct.target.means, atol=2e-3)
    np.testing.assert_allclose(refit.coupling, direct.coupling, atol=1e-3)


def test_equal_weights_leave_the_fit_where_it_is(sides: Sides) -> None:
    points, units = sides
    ones = (np.ones(4), np.ones(4))
    fit = cg.fit_coupled(*points, n_components=3, tol=1e-10, max_steps=500, **weighted(sides, ones))
    refit = Refitter(fit, points, units)(ones)
    np.testing.assert_allclose(refit.means_source, fit.source.means, atol=1e-3)
    np.testing.assert_allclose(refit.shares_source.sum(axis=1), 1)
    np.testing.assert_allclose(refit.coupling, fit.coupling, atol=1e-4)


def test_the_metric_of_the_fit_is_used(sides: Sides) -> None:
    points, units = sides
    scale = np.diag([0.5, 1.0, 2.0, 1.0])
    ones = (np.ones(4), np.ones(4))
    inside = cg.fit_coupled(
        points[0] @ scale,
        points[1] @ scale,
        n_components=3,
        tol=1e-10,
        **weighted(sides, ones),
    )
    back = np.linalg.inv(scale)
    fit = replace(
        inside, source=inside.source.mapped(back), target=inside.target.mapped(back), metric=scale
    )
    refit = Refitter(fit, points, units)(ones)
    np.testing.assert_allclose(refit.coupling, fit.coupling, atol=1e-4)
    np.testing.assert_allclose(refit.means_target, fit.target.means, atol=1e-3)
    plain = Refitter(replace(fit, metric=None), points, units)(ones)
    assert np.abs(plain.coupling - refit.coupling).max() > 1e-3


def test_rows_without_mass_stay_without(sides: Sides) -> None:
    points, units = sides
    fit = cg.fit_coupled(*points, n_components=3)
    gone = fit.coupling.copy()
    gone[1] = 0
    refit = Refitter(replace(fit, coupling=gone), points, units)((np.ones(4), np.ones(4)))
    assert (refit.coupling[1] == 0).all()
    assert (refit.coupling[[0, 2]].sum(axis=1) > 0).all()


@pytest.mark.parametrize("kind", ["full", "tied"])
def test_moments_of_donors_add_up(sides: Sides, kind: str) -> None:
    points, units = sides
    fit = cg.fit_coupled(*points, n_components=3, covariance_type=kind)
    one = Refitter(fit, points, (0 * units[0], 0 * units[1]))
    many = Refitter(fit, points, units)
    n_cells = np.bincount(units[0]).astype(float)
    (whole,) = one._first[0].values()
    found = combine(many._first[0], n_cells, kind)  # type: ignore[arg-type]
    for a, b in zip(whole, found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)


def test_components_that_change_places_are_put_back() -> None:
    rng = np.random.default_rng(0)
    means = rng.normal(size=(5, 3)) * 10
    order = rng.permutation(5)
    found = same_order(means, means[order] + 0.1)
    np.testing.assert_array_equal(order[found], np.arange(5))
