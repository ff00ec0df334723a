from __future__ import annotations

import numpy as np
import pytest

import cgmm as cg
from cgmm.automatic.counterparts import unmatched, without_unmatched
from cgmm.transport.coupling import is_gone


def mixture(means: np.ndarray, weights: np.ndarray | None = None) -> cg.GaussianMixture:
    k, d = means.shape
    w = np.full(k, 1 / k) if weights is None else weights
    return cg.GaussianMixture(w, means, np.repeat(np.eye(d)[None], k, 0))


@pytest.fixture
def places() -> np.ndarray:
    return 12 * np.random.default_rng(0).normal(size=(8, 6))


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
