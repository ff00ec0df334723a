"""The M-step: without transport it is that of two mixtures; locked sides stay; forms are kept."""

from __future__ import annotations

import numpy as np
import pytest

from cgmm.coupled.m_step import m_step
from cgmm.coupled.objective import as_kind
from cgmm.mixture.e_step import Moments
from tests.coupled.problems import mixture, objective, state

K0, K1, D = 3, 2, 4


def moments(seed: int, k: int) -> Moments:
    m = mixture(k, D, seed)
    return Moments(m.weights, m.means, m.covariances, -1.0)


def step(*, coupled=True, **options):
    kind = options.get("kind", "full")
    g, h = (as_kind(mixture(k, D, seed), kind, "x", locked=False) for k, seed in ((K0, 0), (K1, 1)))
    constants = objective(g, h, **options)
    seen = moments(2, K0), moments(3, K1)
    new = m_step(*seen, state(g, h, constants), constants, coupled=coupled)
    return (g, h), seen, new


def test_without_transport_parameters_are_the_moments():
    _, (source, target), new = step(coupled=False, ridge=1e-12)
    for part, moment in ((slice(None, K0), source), (slice(K0, None), target)):
        np.testing.assert_allclose(new.params.weights[part], moment.mass)
        np.testing.assert_allclose(new.params.means[part], moment.means)
        np.testing.assert_allclose(new.params.covariances[part], moment.scatter, atol=1e-9)


def test_a_weak_penalty_changes_little_and_a_strong_one_draws_the_sides_together():
    _, (source, _), weak = step(lam=1e-8, ridge=1e-12)
    np.testing.assert_allclose(weak.params.means[:K0], source.means, atol=1e-5)
    strong = step(lam=10.0)[-1]
    costs = [np.average(new.costs, weights=new.plan.coupling) for new in (weak, strong)]
    assert costs[1] < costs[0]


def test_a_locked_side_stays():
    (g, _), _, new = step(locked="source")
    np.testing.assert_allclose(new.params.weights[:K0], g.weights, rtol=1e-9)
    np.testing.assert_allclose(new.params.means[:K0], g.means, rtol=1e-9)
    np.testing.assert_allclose(new.params.covariances[:K0], g.covariances, rtol=1e-9)


@pytest.mark.parametrize("coupled", [True, False])
def test_forms_are_kept(coupled):
    _, _, diag = step(kind="diag", coupled=coupled)
    np.testing.assert_array_equal(diag.params.covariances, diag.params.covariances * np.eye(D))
    _, _, tied = step(kind="tied", coupled=coupled)
    np.testing.assert_array_equal(tied.params.covariances[0], tied.params.covariances[K0 - 1])
    assert not np.allclose(tied.params.covariances[0], tied.params.covariances[K0])
