"""Passes over the points: streamed statistics against plain numpy."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from cgmm import GaussianMixture
from cgmm.mixture import features
from cgmm.mixture.blocks import Cells
from cgmm.mixture.e_step import (
    Pass,
    accumulate,
    expectation,
    expectations,
    mean_responsibilities,
    proportions,
)
from cgmm.mixture.features import Kind, log_density_features


def make(k: int, d: int, seed: int = 0) -> GaussianMixture:
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(k, d, d))
    covariances = a @ a.swapaxes(1, 2) / d + 0.2 * np.eye(d)
    return GaussianMixture(rng.dirichlet(np.ones(k)), 3 * rng.normal(size=(k, d)), covariances)


def theta_of(g: GaussianMixture, centre: np.ndarray) -> np.ndarray:
    return log_density_features(np.log(g.weights), g.means - centre, g.covariances)


@pytest.mark.parametrize(("dtype", "tol"), [(np.float64, 1e-10), (np.float32, 3e-4)])
@pytest.mark.parametrize("n", [1, 700, 40_000])
def test_streamed_moments_agree_with_numpy(n, dtype, tol):
    g = make(3, 5)
    x, _ = g.sample(n, 4)
    w = np.random.default_rng(0).uniform(0.1, 1, n)
    w /= w.sum()
    centre = x.mean(0)
    found = expectation(Cells(x, w, dtype), centre, theta_of(g, centre))
    r = g.responsibilities(x) * w[:, None]
    mass = r.sum(0)
    means = r.T @ x / mass[:, None]
    np.testing.assert_allclose(found[0], mass, atol=tol)
    np.testing.assert_allclose(found[3], w @ g.log_prob(x), atol=tol)
    for k in np.flatnonzero(mass > 0.01):
        np.testing.assert_allclose(found[1][k] + centre, means[k], atol=tol)
        off = x - means[k]
        np.testing.assert_allclose(found[2][k], (off * r[:, [k]]).T @ off / mass[k], atol=20 * tol)


@pytest.mark.parametrize("statistic", ["moments", "overlaps"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_chunks_together_give_what_one_after_the_other_gives(statistic, dtype) -> None:
    rng = np.random.default_rng(0)
    x, theta = rng.standard_normal((5000, 3)), rng.standard_normal((10, 4))
    of = Cells(x, None, dtype)
    one = Pass.of(of, np.zeros(3), theta, "full", statistic)
    sums = np.zeros((one.theta.shape[1] + 1, one.width))
    with jax.enable_x64(True):
        (block,) = of.part(0)
        arguments = (sums, *block, one.centre, one.theta, "full", statistic)
        apart, together = (np.asarray(accumulate(*arguments, wide=wide)) for wide in (False, True))
    np.testing.assert_allclose(together, apart, rtol=1e-12 if dtype == np.float64 else 1e-5)
    np.testing.assert_allclose(apart, one(of.part(0)), rtol=0)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kind", ["full", "diag", "tied"])
def test_empty_components_change_nothing(monkeypatch, kind: Kind, dtype) -> None:
    g = make(5, 4)
    x, centre = g.sample(700, 1)[0], np.zeros(4)
    theta = theta_of(g, centre)

    def found() -> list[np.ndarray]:
        cells = Cells(x, None, dtype)
        moments = expectation(cells, centre, theta, kind)
        logs = g.component_log_prob(x)
        return [np.asarray(a) for a in (*moments, *proportions(cells, centre, theta, kind), logs)]

    filled = found()
    monkeypatch.setattr(features, "MAX_FILLED_WORK", 0.0)
    tol = 1e-12 if dtype == np.float64 else 1e-4
    for one, other in zip(filled, found(), strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=tol, atol=tol)


def test_mixtures_of_near_sizes_share_compiled_code() -> None:
    x = np.random.default_rng(0).normal(size=(103, 7))
    before = accumulate._cache_size()
    for k in (9, 11, 16):
        expectation(Cells(x, None, np.float64), np.zeros(7), theta_of(make(k, 7), np.zeros(7)))
    assert accumulate._cache_size() - before == 1


@pytest.mark.parametrize("kind", ["diag", "tied"])
def test_forms_give_the_moments_that_they_need(kind: Kind) -> None:
    g, (x, _) = make(3, 4), make(3, 4).sample(500, 1)
    eye = np.eye(4)
    shapes = g.covariances * eye if kind == "diag" else np.tile(g.covariances[0], (3, 1, 1))
    g = GaussianMixture(g.weights, g.means, shapes)
    found = expectation(Cells(x, None, np.float64), np.zeros(4), theta_of(g, np.zeros(4)), kind)
    r = g.responsibilities(x)
    np.testing.assert_allclose(found.mass, r.mean(0))
    np.testing.assert_allclose(found.log_likelihood, g.log_prob(x).mean())
    off = x[:, None] - found.means
    scatter = np.einsum("nk,nki,nkj->kij", r, off, off) / r.sum(0)[:, None, None]
    if kind == "diag":
        np.testing.assert_allclose(found.scatter, scatter * eye, atol=1e-9)
    else:
        mean = np.einsum("k,kij->ij", found.mass, scatter)
        np.testing.assert_allclose(found.scatter, np.broadcast_to(mean, (3, 4, 4)), atol=1e-9)


def test_proportions_are_mean_products_of_responsibilities() -> None:
    g, (x, _) = make(3, 4), make(3, 4).sample(500, 1)
    theta, zero = theta_of(g, np.zeros(4)), np.zeros(4)
    mass, overlap, level = proportions(Cells(x, None, np.float64), zero, theta)
    r = g.responsibilities(x)
    np.testing.assert_allclose(mass, r.mean(0))
    np.testing.assert_allclose(overlap, r.T @ r / len(x))
    np.testing.assert_allclose(level, g.log_prob(x).mean())


def test_several_sets_give_what_each_gives_alone() -> None:
    g, h = make(3, 4), make(3, 4, seed=1)
    cells = [Cells(m.sample(n, 1)[0], None, np.float64) for m, n in ((g, 40_000), (h, 300))]
    zero, thetas = np.zeros(4), np.stack([theta_of(m, np.zeros(4)) for m in (g, h)])
    together = expectations(cells, zero, thetas)
    shares = mean_responsibilities(cells, zero, thetas)
    for of, theta, seen, share in zip(cells, thetas, together, shares, strict=True):
        alone = expectation(of, zero, theta)
        for one, other in zip(seen, alone, strict=True):
            np.testing.assert_array_equal(one, other)
        np.testing.assert_allclose(share, alone.mass)
