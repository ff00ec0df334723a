from __future__ import annotations

import numpy as np
import pytest

import cgmm as cg
from cgmm.automatic.metric import LearnedMetric, donor_covariance, learn_metric


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
