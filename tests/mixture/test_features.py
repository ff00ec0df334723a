"""Features: their product with the coefficients is the log density."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from cgmm.mixture.features import (
    MAX_TERMS,
    Kind,
    features_of,
    log_density_features,
    n_features,
    pieces_of,
    product,
    used_features,
)


@pytest.mark.parametrize("d", [1, 2, 5, 20])
def test_features_times_coefficients_are_log_densities(d: int) -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(2, d, d))
    means, covariances = rng.normal(size=(2, d)), a @ a.swapaxes(1, 2) + np.eye(d)
    x, weights = rng.normal(size=(30, d)), np.array([0.3, 0.7])
    theta = log_density_features(np.log(weights), means, covariances)
    assert theta.shape == (n_features(d), 2)
    with jax.enable_x64(True):
        pieces = features_of(jnp.asarray(x.T), "full")
        assert all(len(piece) <= MAX_TERMS for piece in pieces)
        found = np.concatenate(pieces).T @ theta
    for k in range(2):
        law = multivariate_normal(means[k], covariances[k])
        np.testing.assert_allclose(found[:, k], np.log(weights[k]) + law.logpdf(x), atol=1e-9)


@pytest.mark.parametrize(("kind", "n"), [("full", 21), ("diag", 11), ("tied", 6)])
def test_a_form_needs_a_part_of_the_features(kind: Kind, n: int) -> None:
    used, n_used = used_features(5, kind)
    assert n_used == used.sum() == n
    with jax.enable_x64(True):
        x = jnp.asarray(np.random.default_rng(0).normal(size=(5, 7)))
        parts = [np.concatenate(features_of(x, form)) for form in ("full", kind)]
    np.testing.assert_array_equal(parts[0][used], parts[1])


def test_products_in_pieces_are_matrix_products() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(300, 4)), rng.normal(size=(300, 3))
    with jax.enable_x64(True):
        pieces = [pieces_of(jnp.asarray(x)) for x in (a, b)]
        assert [len(piece) for piece in pieces[0]] == [128, 128, 44]
        np.testing.assert_allclose(product(*pieces), a.T @ b)
