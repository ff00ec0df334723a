"""The metric of movement, and what has no counterpart."""

from __future__ import annotations

import numpy as np
import pytest

import cgmm as cg
from cgmm.automatic.counterparts import unmatched, without_unmatched
from cgmm.automatic.fit import fit_automatic
from cgmm.automatic.metric import LearnedMetric, donor_covariance, learn_metric
from cgmm.automatic.refine import images
from cgmm.automatic.sensitivity import settled
from cgmm.transport.coupling import is_gone


def mixture(means: np.ndarray, weights: np.ndarray | None = None) -> cg.GaussianMixture:
    k, d = means.shape
    w = np.full(k, 1 / k) if weights is None else weights
    return cg.GaussianMixture(w, means, np.repeat(np.eye(d)[None], k, 0))


@pytest.fixture
def places() -> np.ndarray:
    return 12 * np.random.default_rng(0).normal(size=(8, 6))


def learned(source: cg.GaussianMixture, target: cg.GaussianMixture, **kw) -> LearnedMetric:
    return learn_metric(source, target, rho=0.3, epsilon=1.0, **kw)


def test_nothing_moved_leaves_the_metric_of_the_components(places):
    found = learned(mixture(places), mixture(places))
    assert np.abs(found.spread).max() < 1e-2
    np.testing.assert_allclose(found.scale, np.eye(6) / np.sqrt(2), atol=5e-3)


def test_a_common_movement_is_learned_in_its_direction_only(places):
    step = np.zeros(6)
    step[2] = 8.0
    scale = np.random.default_rng(1).uniform(0.7, 1.3, size=(8, 1))
    found = learned(mixture(places), mixture(places + scale * step))
    expected = (scale**2).mean() * 64
    assert found.spread[2, 2] == pytest.approx(expected, rel=0.1)
    other = np.delete(np.delete(found.spread, 2, 0), 2, 1)
    assert np.abs(other).max() < 0.1
    # movement along it has become cheap, across it has not
    along, across = found.scale @ step, found.scale @ np.roll(step, 1)
    assert np.linalg.norm(along) < 0.2 * np.linalg.norm(across)


def test_the_metric_turns_with_the_data_and_ignores_their_scale(places):
    rng = np.random.default_rng(2)
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    moved = places + rng.normal(size=(8, 6))
    one = learned(mixture(places), mixture(moved))
    two = [
        cg.GaussianMixture(m.weights, 3 * m.means @ turn, 9 * m.covariances)
        for m in (mixture(places), mixture(moved))
    ]
    other = learned(*two)
    np.testing.assert_allclose(turn @ (3 * other.scale) @ turn.T, one.scale, atol=1e-8)


def test_differences_between_donors_are_no_movement(places):
    rng = np.random.default_rng(3)
    names = np.repeat(["a", "b", "c", "d", "e", "f"], 400)
    labels = np.tile(np.repeat([0, 1], 200), 6)
    offset = np.zeros((2400, 3))
    offset[:, 1] = np.repeat(2 * rng.normal(size=6), 400)
    points = 20 * labels[:, None] + offset + rng.normal(size=(2400, 3))
    covariance, weight = donor_covariance(points, labels, names)
    assert weight == 2400
    expected = np.var(offset[::400, 1], ddof=1)
    assert covariance[1, 1] == pytest.approx(expected, rel=0.15)
    assert covariance[0, 0] < 0.02
    alone = donor_covariance(points, labels, np.full(2400, "a"))
    assert alone[1] == 0
    found = learned(mixture(places[:, :3]), mixture(places[:, :3]), between_donors=covariance)
    np.testing.assert_allclose(found.noise, np.eye(3) + covariance)


def test_what_is_gone_and_what_is_new(places):
    """One population is lost, another arrives elsewhere, a third moves with all others."""
    step = np.array([3.0, 0, 0, 0, 0, 0])
    target = np.concatenate([places[1:] + step, [places.mean(0) + 60]])
    source = mixture(places)
    fate = np.full((8, 8), 1e-6)
    fate[np.arange(1, 8), np.arange(7)] = 1.0
    fate[0, 7] = 0.1
    gone = unmatched(fate, source, mixture(target), np.eye(6))
    assert list(np.flatnonzero(gone)) == [0]
    kept = without_unmatched(fate, source, mixture(target), np.eye(6))
    assert list(is_gone(kept)) == [True] + [False] * 7
    assert list(is_gone(kept.T)) == [False] * 7 + [True]


def test_a_common_movement_farther_than_between_populations_is_no_loss(places):
    step = np.full(6, 15.0)
    fate = np.eye(8)
    assert not unmatched(fate, mixture(places), mixture(places + step), np.eye(6)).any()


def test_a_single_population_is_never_lost(places):
    """As in sorted cells: nothing says how far the others move."""
    one, far = mixture(places[:1]), mixture(places[:1] + 100.0)
    assert not unmatched(np.ones((1, 1)), one, far, np.eye(6)).any()


def test_settled_means_within_twofold_of_every_choice():
    rows = [{"log2_net": [0.0, 0.2, -9.0]}, {"log2_net": [0.9, 1.5, -4.0]}]
    reference = np.array([0.1, 0.3, -np.inf])
    assert list(settled(reference, rows)) == [True, False, True]
    assert settled(reference, []).all()


@pytest.mark.parametrize("shift", [0.0, 4.0])
def test_a_shift_does_not_leak_into_prevalence(shift: float):
    """Issue of the whole package: a movement of four standard deviations, factors known."""
    change = [1.0, 0.0, 0.0, 0.0, -1.0, 0.0]
    drawn = cg.simulate.points(
        n_components=6,
        n_dims=8,
        log2_change=change,
        shift=[0.0, shift, 0.0, 0.0, 0.0, 0.0],
        random_state=0,
    )
    adata = drawn.to_anndata()
    source = (adata.obs["condition"] == "source").to_numpy()
    x = np.asarray(adata.obsm["X_pca"])
    fit = fit_automatic(x[source], x[~source])
    net = 2**fit.log2_net
    cells = np.log2(fit.prevalence_source.responsibilities(x[source]) @ net)
    labels = adata.obs["cell_type"].astype(str).to_numpy()
    for name in np.unique(labels[source]):
        truth = np.log2((labels[~source] == name).mean() / (labels[source] == name).mean())
        assert cells[labels[source] == name].mean() == pytest.approx(truth, abs=0.1)


def coupled_to(source, target, coupling):
    found = learned(source, target)
    return images(source, target, np.asarray(coupling, float), found)


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


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_population_that_is_gone_does_not_take_the_numbers_of_its_neighbour(seed):
    rng = np.random.default_rng(seed)
    places = 6 * rng.normal(size=(8, 15))
    before = rng.dirichlet(np.full(8, 5.0))
    after = np.where(np.arange(8) == 0, 0, before) / (1 - before[0])
    sides = []
    for shares, shift in ((before, 0.0), (after, 3.0)):
        labels = rng.choice(8, size=3000, p=shares)
        points = places[labels] + rng.normal(size=(3000, 15)) + shift * np.eye(15)[2]
        sides.append((points, labels))
    (x, label), (y, _) = sides
    fit = fit_automatic(x, y)
    net = fit.log2_net
    cells = fit.prevalence_source.responsibilities(x) @ 2**net
    factor = np.array([cells[label == k].mean() for k in range(8)])
    assert factor[0] < 1e-6
    np.testing.assert_allclose(np.log2(factor[1:] * (1 - before[0])), 0, atol=0.45)
