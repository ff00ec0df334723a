"""The barycentric map: affine for one component, a mean of maps for several, NaN where gone."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from scipy.linalg import sqrtm

from cgmm.transport.barycentric_map import BarycentricMap


def displacement(x: np.ndarray, r: np.ndarray, **m: np.ndarray) -> np.ndarray:
    source, target = (
        SimpleNamespace(means=m[f"means_{side}"], covariances=m[f"covariances_{side}"])
        for side in ("source", "target")
    )
    return BarycentricMap.of(source, target, m["coupling"]).displacement(x, r)


def spd(k: int, d: int, seed: int) -> np.ndarray:
    a = np.random.default_rng(seed).normal(size=(k, d, d))
    return a @ a.swapaxes(1, 2) / d + 0.1 * np.eye(d)


def monge(s: np.ndarray, t: np.ndarray) -> np.ndarray:
    root = sqrtm(s).real
    inverse = np.linalg.inv(root)
    return inverse @ sqrtm(root @ t @ root).real @ inverse


def given(n: int = 50, k0: int = 3, k1: int = 2, d: int = 4):
    rng = np.random.default_rng(0)
    return (
        rng.normal(size=(n, d)),
        rng.dirichlet(np.ones(k0), n),
        {
            "means_source": rng.normal(size=(k0, d)),
            "means_target": rng.normal(size=(k1, d)),
            "covariances_source": spd(k0, d, 1),
            "covariances_target": spd(k1, d, 2),
            "coupling": rng.dirichlet(np.ones(k0 * k1)).reshape(k0, k1),
        },
    )


def test_it_is_the_mean_of_the_maps_of_all_pairs():
    x, r, m = given()
    to = m["coupling"] / m["coupling"].sum(1, keepdims=True)
    expected = np.zeros_like(x)
    for k, j in np.ndindex(to.shape):
        a = monge(m["covariances_source"][k], m["covariances_target"][j])
        image = m["means_target"][j] + (x - m["means_source"][k]) @ a.T
        expected += r[:, k, None] * to[k, j] * (image - x)
    np.testing.assert_allclose(displacement(x, r, **m), expected, atol=1e-9)


def test_blocks_of_rows_change_nothing():
    x, r, m = given(n=5000)
    whole = displacement(x, r, **m)
    np.testing.assert_array_equal(displacement(x[3000:3010], r[3000:3010], **m), whole[3000:3010])


def test_equal_mixtures_move_nothing():
    x, r, m = given(k1=3)
    m |= {"means_target": m["means_source"], "covariances_target": m["covariances_source"]}
    m["coupling"] = np.eye(3) / 3
    np.testing.assert_allclose(displacement(x, r, **m), 0, atol=1e-9)


def test_cells_of_components_that_are_gone_have_no_position():
    x, r, m = given()
    m["coupling"][0] = 0
    found = displacement(x, r, **m)
    np.testing.assert_array_equal(np.isnan(found).all(1), r[:, 0] > 0.5)
    np.testing.assert_array_equal(np.isnan(found).any(1), r[:, 0] > 0.5)
