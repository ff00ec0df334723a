from __future__ import annotations

import numpy as np
import pytest

import cgmm as cg
from cgmm.automatic.metric import learn_metric
from cgmm.automatic.penalties import Penalties
from cgmm.automatic.refine import fit_in_metric, images, partition_of, refine_start
from cgmm.automatic.starts import Start


def mixture(means: np.ndarray, weights: np.ndarray | None = None) -> cg.GaussianMixture:
    k, d = means.shape
    w = np.full(k, 1 / k) if weights is None else weights
    return cg.GaussianMixture(w, means, np.repeat(np.eye(d)[None], k, 0))


@pytest.fixture
def places() -> np.ndarray:
    return 12 * np.random.default_rng(0).normal(size=(8, 6))


def coupled_to(source, target, coupling):
    metric = learn_metric(source, target, rho=0.3, epsilon=1.0)
    return images(source, target, np.asarray(coupling, float), metric)


def test_an_image_has_the_borders_of_its_source_and_the_place_of_the_target(places):
    step = np.r_[5.0, np.zeros(5)]
    shapes = np.stack([np.eye(6) * (1 + k) for k in range(8)])
    source = cg.GaussianMixture(np.arange(1, 9) / 36, places, shapes)
    target = mixture(places + step, np.arange(8, 0, -1) / 36)
    image = coupled_to(source, target, np.eye(8) / 8)
    np.testing.assert_allclose(image.covariances, shapes)
    np.testing.assert_allclose(image.weights, target.weights)
    # a posterior mean: most of the way, for the movement was learned from these very pairs
    moved = (image.means - places) @ step / 25
    assert ((moved > 0.85) & (moved <= 1)).all()


def test_images_keep_what_is_new_and_leave_out_what_is_gone(places):
    source, target = mixture(places), mixture(places)
    plan = np.eye(8)
    plan[2] = 0.0
    plan[:, 5] = 0.0
    plan[5, 4] = 1.0
    image = coupled_to(source, target, plan)
    assert image.n_components == 7 + 2  # seven images; what was 2 and 5 in the target is new
    np.testing.assert_allclose(image.means[7:], places[[2, 5]])
    assert np.abs(image.means[:7] - places[2]).sum(1).min() > 1
    assert image.weights.sum() == pytest.approx(1)


PENALTIES = Penalties(rho=0.3, epsilon=1.0, transport_weight=0.01)


def clouds(places: np.ndarray) -> tuple[list[np.ndarray], Start]:
    """Round populations, moved by two along the first axis, and their true mixtures."""
    rng = np.random.default_rng(4)
    step = np.r_[2.0, np.zeros(5)]
    points = [np.repeat(p, 60, axis=0) + rng.normal(size=(480, 6)) for p in (places, places + step)]
    return points, Start("truth", mixture(places), mixture(places + step))


def test_a_fit_in_a_metric_is_in_the_units_of_the_points_with_costs_in_nats(places):
    points, start = clouds(places)
    metric = learn_metric(start.source, start.target, rho=0.3, epsilon=1.0)
    fit = fit_in_metric(
        points, [None, None], (start.source, start.target), metric, PENALTIES, tol=1e-3
    )
    np.testing.assert_allclose(fit.source.means, places, atol=0.6)
    np.testing.assert_array_equal(fit.metric, metric.scale)
    gap = fit.target.means - fit.source.means
    nats = np.square(gap @ metric.scale).sum(axis=1)
    assert (np.diag(fit.costs) >= nats - 1e-6).all()
    log_prob = fit.source.log_prob(points[0]).mean()
    assert fit.log_likelihood[0] == pytest.approx(float(log_prob), abs=0.02)


def test_locked_source_components_stay_exactly(places):
    points, start = clouds(places)
    metric = learn_metric(start.source, start.target, rho=0.3, epsilon=1.0)
    fit = fit_in_metric(
        points,
        [None, None],
        (start.source, start.target),
        metric,
        PENALTIES,
        tol=1e-2,
        locked="source",
    )
    np.testing.assert_array_equal(fit.source.means, start.source.means)


@pytest.mark.parametrize("with_images", [True, False])
def test_a_refined_start_keeps_its_label_and_its_matches(places, with_images):
    points, start = clouds(places)
    partition, metric = refine_start(
        start, points, [None, None], PENALTIES, between_donors=None, with_images=with_images
    )
    assert partition.label == "truth"
    np.testing.assert_array_equal(partition.coupling.argmax(axis=1), np.arange(8))
    assert metric.spread[0, 0] == metric.spread.max()


def test_a_partition_has_the_shares_of_the_fit_without_penalty(places):
    points, start = clouds(places)
    fit = cg.fit_coupled(*points, init=(start.source, start.target), tol=1e-3)
    partition = partition_of("fit", fit)
    np.testing.assert_allclose(partition.source.weights, fit.shares_source)
    np.testing.assert_allclose(partition.target.weights, fit.shares_target)
