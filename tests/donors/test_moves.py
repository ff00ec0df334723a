"""Shifts are tested over donors, and a difference of borders is not a move."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import cgmm as cg
from cgmm.donors.design import Design, design, unit_of_cells
from cgmm.donors.moves import Displacement, counterparts, effective_dimensions, moves
from tests.donors.studies import fitted

PAIRS = np.array([[k, k] for k in range(4)])


def of(case: tuple, pairs: np.ndarray = PAIRS, **options: object):
    fit, points, donors, _ = case
    plan: Design = design(*donors, **options)
    sizes = (len(points[0]), len(points[1]))
    units = unit_of_cells(plan, donors, sizes, 0)
    return moves(fit, points, tuple(units), plan, pairs)


@pytest.fixture(scope="module")
def still() -> tuple:
    return fitted(separation=14.0, donor_mean_sd=0.05)


@pytest.fixture(scope="module")
def moved() -> tuple:
    return fitted(shift=3.0, separation=14.0, donor_mean_sd=0.05)


def test_a_move_is_found_with_its_length(moved: tuple) -> None:
    found = of(moved)
    assert (found.q < 0.05).all()
    assert (found.low > 0).all()
    np.testing.assert_allclose(found.length, 3, atol=0.5)
    assert ((found.low < found.length) & (found.length < found.high)).all()


def test_where_nothing_moved_the_interval_starts_at_zero(still: tuple) -> None:
    found = of(still)
    np.testing.assert_array_equal(found.low[found.p >= 0.05], 0)
    assert (found.p >= 0.05).sum() >= 3
    assert (found.high > 0).all()


def test_a_difference_of_borders_is_not_a_move(still: tuple) -> None:
    """One population cut in two, at other places in either condition."""
    fit, points, donors, sample = still
    first = np.flatnonzero(sample.component[sample.condition == "source"] == 0)
    centre, spread = points[0][first].mean(axis=0), np.eye(points[0].shape[1])
    step = np.zeros(points[0].shape[1])
    step[0] = 1.0

    def cut(mixture: cg.GaussianMixture, at: float) -> cg.GaussianMixture:
        halves = np.stack([centre + (at - 0.8) * step, centre + (at + 0.8) * step])
        means = np.concatenate([halves, mixture.means[1:]])
        weights = np.concatenate([[mixture.weights[0] / 2] * 2, mixture.weights[1:]])
        covariances = np.concatenate([[spread] * 2, mixture.covariances[1:]])
        return cg.GaussianMixture(weights, means, covariances)

    source, target = cut(fit.source, -0.8), cut(fit.target, 0.8)
    crossed = replace(
        fit,
        source=source,
        target=target,
        shares_source=source.weights,
        shares_target=target.weights,
        coupling=np.eye(5) / 5,
    )
    pairs = np.array([[k, k] for k in range(5)])
    plan = design(*donors)
    units = unit_of_cells(plan, donors, (len(points[0]), len(points[1])), 0)
    found = moves(crossed, points, tuple(units), plan, pairs)
    assert (found.length[:2] > 0.3).all()  # the halves lie apart
    assert (found.q[:2] > 0.05).all()
    np.testing.assert_array_equal(found.low[:2], 0)


def test_a_pair_that_is_not_one_population_has_a_distance_only(moved: tuple) -> None:
    found = of(moved, np.array([[0, 0], [0, 1]]))
    assert np.isfinite(found.length).all()
    assert np.isfinite(found.p[0])
    assert np.isnan([found.p[1], found.q[1], found.low[1], found.high[1]]).all()


def test_counterparts_are_mutual() -> None:
    coupling = np.array([[0.5, 0.1], [0.3, 0.2]])
    pairs = np.argwhere(coupling > 0)
    np.testing.assert_array_equal(counterparts(coupling, pairs), [True, False, False, False])


def test_pairs_and_batches_enter_the_model(moved: tuple) -> None:
    fit, points, donors, sample = moved
    paired = tuple(np.array([d[-1] for d in side]) for side in donors)
    names = sorted(set(paired[0]) | set(paired[1]))
    paired = tuple(np.array([str(names.index(d) % 4) for d in side]) for side in paired)
    found = of((fit, points, paired, sample), paired=True)
    assert (found.p < 0.05).all()
    batch = tuple(np.array([str(names.index(d[-1]) % 2) for d in side]) for side in donors)
    adjusted = of(moved, batches_source=batch[0], batches_target=batch[1])
    assert np.isfinite(adjusted.p).all()


@pytest.mark.parametrize("freedom", [4, 10])
def test_p_is_uniform_for_correlated_coordinates(freedom: int) -> None:
    rng = np.random.default_rng(freedom)
    root = np.diag(np.geomspace(2, 0.2, 8))
    small = []
    for _ in range(120):
        drawn = []
        for _ in range(10):
            sample = rng.normal(size=(freedom, 8)) @ root
            vector = rng.normal(size=8) @ root
            drawn.append(Displacement(vector, sample.T @ sample / freedom, freedom))
        dimensions = effective_dimensions(drawn)
        small += [one.p(dimensions) < 0.05 for one in drawn]
    assert 0.03 < np.mean(small) < 0.07


def test_dimensions_of_the_noise_are_those_of_its_shape() -> None:
    rng = np.random.default_rng(0)
    scale = np.array([3.0, 3.0, 3.0, 0.1, 0.1])
    drawn = []
    for _ in range(200):
        sample = rng.normal(size=(6, 5)) * scale
        drawn.append(Displacement(np.zeros(5), sample.T @ sample / 6, 6))
    assert effective_dimensions(drawn) == pytest.approx(3, abs=0.3)
