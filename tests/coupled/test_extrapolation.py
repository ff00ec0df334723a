"""Extrapolated steps: a geometric sequence is solved at once; the domain is never left."""

from __future__ import annotations

import numpy as np
import pytest

import cgmm as cg
from cgmm.coupled.extrapolation import MAX_LENGTH, extrapolated, longest_after
from tests.coupled.problems import mixture, objective, state


def sequence(move: np.ndarray, factors: tuple[float, ...]):
    """States whose source means are off by ``move`` times the factors."""
    g, h = mixture(3, 2, 0), mixture(3, 2, 1)
    constants = objective(g, h)
    moved = (
        cg.GaussianMixture(g.weights, g.means + factor * move, g.covariances) for factor in factors
    )
    return [state(m, h, constants) for m in moved], g, constants


def test_a_geometric_sequence_jumps_to_its_limit():
    iterates, g, constants = sequence(np.ones((3, 2)), (1.0, 0.8, 0.64))
    found, length = extrapolated(iterates, 64.0, constants, coupled=True)
    assert length == pytest.approx(5.0)
    np.testing.assert_allclose(found.params.means[:3], g.means, atol=1e-9)
    np.testing.assert_allclose(found.params.weights[:3].sum(), 1)


def test_no_step_is_longer_than_the_longest():
    iterates, g, constants = sequence(np.ones((3, 2)), (1.0, 0.8, 0.64))
    found, length = extrapolated(iterates, 2.0, constants, coupled=True)
    assert length == 2.0
    np.testing.assert_allclose(found.params.means[:3], g.means + 0.36, atol=1e-9)


def test_a_step_that_is_no_longer_than_a_plain_one_is_not_made():
    iterates, _, constants = sequence(np.ones((3, 2)), (1.0, 0.0, 0.0))
    assert extrapolated(iterates, 64.0, constants, coupled=True)[0] is None


def test_a_step_that_leaves_the_domain_is_not_made():
    g, h = mixture(3, 2, 0), mixture(3, 2, 1)
    constants = objective(g, h)
    shrinking = [
        state(cg.GaussianMixture(g.weights, g.means, s * g.covariances), h, constants)
        for s in (1.0, 0.6, 0.25)
    ]
    found, length = extrapolated(shrinking, 64.0, constants, coupled=True)
    assert found is None
    assert length > 1.01


def test_the_longest_step_follows_success():
    assert longest_after(4.0, 4.0, accepted=True) == 16.0
    assert longest_after(4.0, 3.0, accepted=True) == 4.0
    assert longest_after(MAX_LENGTH, MAX_LENGTH, accepted=True) == MAX_LENGTH
    assert longest_after(64.0, 20.0, accepted=False) == 5.0
    assert longest_after(4.0, 1.5, accepted=False) == 2.0
