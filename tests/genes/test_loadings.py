from __future__ import annotations

import numpy as np
import pytest

from cgmm.genes.loadings import loading_shift, scale_of

N, G, D = 400, 9, 4


def pca(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    centred = x - x.mean(axis=0)
    _, _, v = np.linalg.svd(centred, full_matrices=False)
    return centred @ v[:D].T, v[:D].T


@pytest.fixture
def cells() -> tuple[np.ndarray, np.ndarray]:
    """Cells in a space of D directions, so that PCA keeps everything; and three groups."""
    rng = np.random.default_rng(0)
    group = np.repeat([0, 1, 2], [N // 2, N // 4, N // 4])
    centres = 3 * rng.normal(size=(3, D))
    spread = np.array([0.5, 1.0, 2.0])[group, None]
    x = (centres[group] + spread * rng.normal(size=(N, D))) @ rng.normal(size=(D, G)) + 5
    return x, group


def moments(z: np.ndarray, group: np.ndarray, which: list[int]) -> tuple[np.ndarray, np.ndarray]:
    return (
        np.stack([z[group == k].mean(axis=0) for k in which]),
        np.stack([np.cov(z[group == k].T, bias=True) for k in which]),
    )


def test_mean_and_spread_are_those_of_expression(cells: tuple[np.ndarray, np.ndarray]) -> None:
    """One group became a mixture of two: exactly the change of the gene's own mean and SD."""
    x, group = cells
    z, loadings = pca(x)
    (m0, s0), (m1, s1) = moments(z, group, [0]), moments(z, group, [1, 2])
    found = loading_shift(loadings, np.array([[0.5, 0.5]]), means=(m0, m1), covariances=(s0, s1))
    before, after = x[group == 0], x[group > 0]
    np.testing.assert_allclose(found.change[0], after.mean(axis=0) - before.mean(axis=0))
    ratio = np.log2(after.std(axis=0) / before.std(axis=0))
    np.testing.assert_allclose(found.log2_sd[0], ratio, atol=1e-8)


def test_scaled_genes_come_back_in_their_own_units(cells: tuple[np.ndarray, np.ndarray]) -> None:
    x, group = cells
    sds = x.std(axis=0)
    z, loadings = pca(x / sds)
    (m0, s0), (m1, s1) = moments(z, group, [0]), moments(z, group, [1])
    scale = scale_of(loadings, *(moments(v, group, [0, 1, 2])[0] for v in (x, z)), sds)
    np.testing.assert_array_equal(scale, sds)
    found = loading_shift(
        loadings, np.ones((1, 1)), means=(m0, m1), covariances=(s0, s1), scale=scale
    )
    change = x[group == 1].mean(axis=0) - x[group == 0].mean(axis=0)
    np.testing.assert_allclose(found.change[0], change)


def test_loadings_of_something_else_are_noticed(cells: tuple[np.ndarray, np.ndarray]) -> None:
    x, group = cells
    z, loadings = pca(x)
    ex, ez = (moments(v, group, [0, 1, 2])[0] for v in (x, z))
    np.testing.assert_array_equal(scale_of(loadings, ex, ez), 1)
    np.testing.assert_array_equal(scale_of(loadings, ex, ez + 7.0), 1)  # a common shift is fine
    assert scale_of(loadings, ex, 0.9 * ez) is None
    assert scale_of(loadings, ex, ez[:, ::-1]) is None
    z_scaled, of_scaled = pca(x / x.std(axis=0))
    assert scale_of(of_scaled, ex, moments(z_scaled, group, [0, 1, 2])[0]) is None


def test_genes_and_components_without_anything_are_missing() -> None:
    loadings = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 2.0]])
    eye = np.broadcast_to(np.eye(2), (2, 2, 2))
    found = loading_shift(
        loadings,
        np.array([[1.0, 0.0], [0.0, 0.0]]),
        means=(np.zeros((2, 2)), np.ones((2, 2))),
        covariances=(eye, 4 * eye),
    )
    np.testing.assert_allclose(found.change[0], [1, np.nan, 2])
    np.testing.assert_allclose(found.log2_sd[0], [1, np.nan, 1])
    assert np.isnan(found.change[1]).all()
    assert np.isnan(found.log2_sd[1]).all()
