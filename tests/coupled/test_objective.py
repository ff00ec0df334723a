"""Constants of the objective: units, forms of the start, the prior."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import cgmm as cg
from cgmm.coupled.objective import as_kind, within_variance
from tests.coupled.problems import fit, mixture, objective, pair, state


def test_within_variance_is_the_mean_trace_weighted_by_the_components():
    g = cg.GaussianMixture(
        np.array([0.25, 0.75]), np.zeros((2, 2)), np.stack([np.eye(2), 3 * np.eye(2)])
    )
    h = cg.GaussianMixture(np.ones(1), np.zeros((1, 2)), np.eye(2)[None])
    assert within_variance(g, h) == pytest.approx(0.5 * (0.25 * 2 + 0.75 * 6) + 0.5 * 2)


def test_forms_of_a_start():
    g = mixture(3, 4, 0)
    diag = as_kind(g, "diag", "source", locked=False).covariances
    np.testing.assert_array_equal(diag, g.covariances * np.eye(4))
    tied = as_kind(g, "tied", "source", locked=False).covariances
    np.testing.assert_allclose(tied[0], np.einsum("k,kij->ij", g.weights, g.covariances))
    np.testing.assert_array_equal(tied[0], tied[2])
    np.testing.assert_array_equal(as_kind(g, "full", "source", locked=True).means, g.means)


def test_a_locked_start_must_have_the_form():
    with pytest.raises(ValueError, match="does not hold for init of the locked target"):
        as_kind(mixture(3, 4, 0), "diag", "target", locked=True)


def test_the_prior_is_zero_where_every_covariance_is_the_preferred_one():
    g, h = (as_kind(mixture(3, 4, seed), "tied", "x", locked=False) for seed in (0, 1))
    with_prior = objective(g, h, shrinkage=0.7, lam=0.0, ridge=1e-12)
    assert state(g, h, with_prior).penalty == pytest.approx(0, abs=1e-9)
    wider = cg.GaussianMixture(h.weights, h.means, 2 * h.covariances)
    assert state(g, wider, with_prior).penalty > 0.1


def test_locked_components_are_not_free_and_have_no_prior():
    g, h = mixture(2, 3, 0), mixture(3, 3, 1)
    constants = objective(g, h, shrinkage=1.0, locked="target")
    np.testing.assert_array_equal(constants.free, [True, True, False, False, False])
    np.testing.assert_array_equal(constants.kappa > 0, constants.free)


def from_scratch(result: cg.CoupledFit, x: np.ndarray, y: np.ndarray) -> float:
    """(P) without ridge and prior."""
    likelihood = result.source.log_prob(x).mean() + result.target.log_prob(y).mean()
    p = result.parameters
    with jax.enable_x64(True):
        cost, _ = cg.transport_cost(
            result.source, result.target, epsilon=p["epsilon"], rho=p["rho"]
        )
    return likelihood - p["transport_weight"] * float(cost)


@pytest.mark.parametrize("rho", [0.3, 30.0, np.inf])
@pytest.mark.parametrize("weight", [0.01, 1.0])
def test_reported_objective_is_the_one_defined(weight, rho):
    x, y, *_ = pair()
    result = fit(x, y, n_components=3, transport_weight=weight, rho=rho, epsilon=0.1, ridge=1e-10)
    assert result.objective == pytest.approx(from_scratch(result, x, y), abs=1e-6)
