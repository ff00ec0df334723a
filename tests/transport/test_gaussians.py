"""Closed forms, identities and invariances of the Bures-Wasserstein geometry."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import sqrtm

from cgmm.transport import gaussians


def spd(rng: np.random.Generator, k: int, d: int) -> np.ndarray:
    a = rng.normal(size=(k, d, d))
    return a @ a.swapaxes(1, 2) / d + 0.1 * np.eye(d)


@pytest.fixture(params=[1, 2, 7, 30])
def stacks(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(request.param)
    return spd(rng, 3, request.param), spd(rng, 4, request.param)


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def costs(s: np.ndarray, t: np.ndarray, m: np.ndarray, n: np.ndarray) -> np.ndarray:
    roots = gaussians.roots(jnp.asarray(s))
    pairs = gaussians.pair_roots(roots.root, jnp.asarray(t))
    arrays = [jnp.asarray(a) for a in (m, n, s, t)]
    return np.asarray(gaussians.wasserstein_costs(*arrays, pairs.fidelity))


def test_roots_square_to_their_matrix(stacks):
    s, _ = stacks
    roots = gaussians.roots(jnp.asarray(s))
    np.testing.assert_allclose(roots.root @ roots.root, s, atol=1e-12)
    np.testing.assert_allclose(
        roots.precision @ s, np.broadcast_to(np.eye(s.shape[1]), s.shape), atol=1e-9
    )
    np.testing.assert_allclose(roots.log_det, np.linalg.slogdet(s)[1], atol=1e-10)


def test_costs_agree_with_matrix_square_roots(stacks):
    s, t = stacks
    rng = np.random.default_rng(0)
    m, n = rng.normal(size=s.shape[:2]), rng.normal(size=t.shape[:2])
    found = costs(s, t, m, n)
    for k in range(len(s)):
        half = np.atleast_2d(sqrtm(s[k])).real
        for j in range(len(t)):
            cross = np.atleast_2d(sqrtm(half @ t[j] @ half)).real
            bures = np.trace(s[k]) + np.trace(t[j]) - 2 * np.trace(cross)
            assert found[k, j] == pytest.approx(np.square(m[k] - n[j]).sum() + bures, abs=1e-8)


def test_commuting_covariances_have_a_closed_form():
    rng = np.random.default_rng(1)
    a, b = rng.uniform(0.1, 3, (2, 1, 5))
    s, t = a[..., None] * np.eye(5), b[..., None] * np.eye(5)
    zero = np.zeros((1, 5))
    assert costs(s, t, zero, zero)[0, 0] == pytest.approx(np.square(a**0.5 - b**0.5).sum())


def test_cost_is_zero_on_itself_symmetric_and_rotation_invariant(stacks):
    s, t = stacks
    d = s.shape[1]
    rng = np.random.default_rng(2)
    m, n = rng.normal(size=s.shape[:2]), rng.normal(size=t.shape[:2])
    assert np.diag(costs(s, s, m, m)).max() < 1e-9
    np.testing.assert_allclose(costs(s, t, m, n), costs(t, s, n, m).T, atol=1e-9)
    q = np.linalg.qr(rng.normal(size=(d, d)))[0]
    turned = costs(q @ s @ q.T, q @ t @ q.T, m @ q.T, n @ q.T)
    np.testing.assert_allclose(turned, costs(s, t, m, n), atol=1e-9)


def test_sums_are_of_maps_that_push_one_covariance_to_the_other(stacks):
    s, t = stacks
    roots = gaussians.roots(jnp.asarray(s))
    pairs = gaussians.pair_roots(roots.root, jnp.asarray(t))
    inner, basis = np.asarray(pairs.values), np.asarray(pairs.vectors)
    outer = np.asarray(roots.inverse_root)[:, None]
    maps = outer @ (basis * inner[:, :, None]) @ basis.swapaxes(-1, -2) @ outer
    pushed = maps @ s[:, None] @ maps.swapaxes(-1, -2)
    np.testing.assert_allclose(pushed, np.broadcast_to(t[None], pushed.shape), atol=1e-8)
    weights = np.random.default_rng(3).uniform(size=maps.shape[:2])
    forth, back = gaussians.sum_of_maps_traced(roots, pairs, jnp.asarray(weights))
    np.testing.assert_allclose(forth, np.einsum("kl,klij->kij", weights, maps), atol=1e-9)
    inverse = np.linalg.inv(maps)
    np.testing.assert_allclose(back, np.einsum("kl,klij->lij", weights, inverse), atol=1e-7)


@pytest.mark.parametrize("symmetric", [True, False])
def test_the_sums_of_numpy_are_those_of_jax(stacks, symmetric):
    s, t = stacks
    coupling = np.random.default_rng(3).uniform(size=(len(s), len(t)))
    coupling[0, 1:] = 0
    traced = gaussians.roots(jnp.asarray(s))
    pairs = gaussians.pair_roots(traced.root, jnp.asarray(t))
    expected = gaussians.sum_of_maps_traced(traced, pairs, jnp.asarray(coupling))
    roots = gaussians.roots(s) if symmetric else gaussians.factors(s)
    k, j = np.nonzero(coupling)
    found = gaussians.sum_of_maps(roots, t, k, j, coupling[k, j], symmetric=symmetric)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)


def test_factors_of_a_singular_matrix_are_symmetric_roots():
    flat = np.array([[[1.0, 1.0], [1.0, 1.0]]])
    found = gaussians.factors(flat)
    assert np.isfinite(found.inverse_root).all()
    np.testing.assert_allclose(found.root @ found.root.swapaxes(1, 2), flat, atol=1e-7)


def test_fidelities_are_traces_of_the_root_of_the_product():
    s, t = spd(np.random.default_rng(0), 3, 4), spd(np.random.default_rng(1), 3, 4)
    found = gaussians.fidelities(gaussians.factors(s).root, t)
    expected = np.sqrt(np.linalg.eigvals(s @ t).real).sum(-1)
    np.testing.assert_allclose(found, expected)
