"""Checks of points, weights and mixtures."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp

from cgmm import GaussianMixture
from cgmm.mixture.checks import as_points, check_mixture, check_points

X = np.random.default_rng(0).normal(size=(20, 3))


def test_points_keep_their_precision_and_whole_numbers_become_floating() -> None:
    assert as_points("points", X.astype(np.float32)).dtype == np.float32
    assert as_points("points", np.ones((4, 2), int)).dtype == float
    x, w = check_points("source", X, np.ones(20, int))
    assert w is not None
    assert (x.dtype, w.dtype) == (float, float)
    assert check_points("source", X, None)[1] is None


@pytest.mark.parametrize(
    ("points", "error", "words"),
    [
        (X[0], ValueError, r"two-dimensional .* got shape \(3,\)"),
        (np.where(np.arange(20)[:, None] < 2, np.nan, X), ValueError, "in 2 of 20 rows"),
        (1e101 * X, ValueError, "whose squares overflow"),
        (sp.csr_matrix(X), TypeError, "is sparse"),
        (np.full((2, 2), "a"), TypeError, "must be an array"),
        (np.ma.masked_less(X, 0), ValueError, "NaN or infinite"),
    ],
)
def test_points_that_cannot_be_used_are_named(points: Any, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        as_points("points", points)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (np.ones(19), r"must have shape \(20,\), got \(19,\)"),
        (-np.ones(20), "non-negative and not all zero"),
        (np.zeros(20), "non-negative and not all zero"),
        (np.full(20, np.inf), "must be finite"),
    ],
)
def test_weights_that_cannot_be_used_are_named(weights: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_points("target", X, weights)


def mixture(**change: Any) -> GaussianMixture:
    parts = {
        "weights": np.full(2, 0.5),
        "means": np.zeros((2, 3)),
        "covariances": np.stack([np.eye(3)] * 2),
    }
    return GaussianMixture(**(parts | change))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weights": np.ones(3)}, "got shapes"),
        ({"means": np.full((2, 3), np.nan)}, "it has NaN or infinite values"),
        ({"weights": np.array([-1.0, 2.0])}, "negative or all zero"),
        ({"covariances": np.stack([np.eye(3), np.eye(3) + np.eye(3, k=1)])}, "not symmetric .* 1"),
        ({"covariances": np.stack([np.eye(3), -np.eye(3)])}, "not positive definite .* 1"),
    ],
)
def test_what_is_wrong_with_a_mixture_is_named(change: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_mixture("it", mixture(**change))


def test_a_mixture_must_have_the_dimensions_of_the_points() -> None:
    assert check_mixture("it", mixture(), 3).n_components == 2
    with pytest.raises(ValueError, match="it has 3 dimensions, the points have 4"):
        check_mixture("it", mixture(), 4)
    with pytest.raises(TypeError, match="must be a GaussianMixture, got int"):
        check_mixture("it", 7)


def test_values_that_jax_traces_are_not_checked() -> None:
    @jax.jit
    def total(weights: jax.Array) -> jax.Array:
        check_mixture("it", mixture(weights=weights))
        return weights.sum()

    assert float(total(-jnp.ones(2))) == -2
