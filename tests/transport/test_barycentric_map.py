"""The barycentric map carries Gaussians onto their partners."""

from __future__ import annotations

import numpy as np

from cgmm.transport.barycentric_map import displacement


def test_displacement_carries_each_gaussian_onto_its_partner() -> None:
    """With a one-to-one coupling the map is affine and exact: means to means, A S A = T."""
    rng = np.random.default_rng(0)
    d, k = 4, 3
    factors = rng.normal(size=(2, k, d, d)) + 2 * np.eye(d)
    source, target = factors @ factors.swapaxes(-1, -2)
    means = rng.normal(size=(2, k, d))
    partner = rng.permutation(k)
    coupling = np.zeros((k, k))
    coupling[np.arange(k), partner] = [0.2, 0.5, 0.1]
    frame = np.vstack([np.zeros(d), np.eye(d)])  # a point and the ends of the axes
    for i in range(k):
        points = means[0][i] + frame
        belong = np.eye(k)[np.full(d + 1, i)]
        moved = points + displacement(
            points,
            belong,
            means_source=means[0],
            means_target=means[1],
            covariances_source=source,
            covariances_target=target,
            coupling=coupling,
        )
        np.testing.assert_allclose(moved[0], means[1][partner[i]], atol=1e-12)
        a = moved[1:] - moved[0]
        np.testing.assert_allclose(a, a.T, atol=1e-9)
        np.testing.assert_allclose(a @ source[i] @ a, target[partner[i]], rtol=1e-8)


def test_displacement_is_nothing_between_equal_sides_and_averages_over_partners() -> None:
    rng = np.random.default_rng(1)
    same = {
        "means_source": rng.normal(size=(2, 3)),
        "covariances_source": np.stack([np.eye(3), 2 * np.eye(3)]),
    }
    x, r = rng.normal(size=(20, 3)), rng.dirichlet(np.ones(2), size=20)
    still = displacement(
        x,
        r,
        **same,
        means_target=same["means_source"],
        covariances_target=same["covariances_source"],
        coupling=np.eye(2),
    )
    np.testing.assert_allclose(still, 0, atol=1e-12)
    # equal shapes, two partners: the displacement is the mean of the two moves
    split = displacement(
        x,
        np.ones((20, 1)),
        means_source=np.zeros((1, 3)),
        covariances_source=np.eye(3)[None],
        means_target=np.array([[4.0, 0, 0], [0, 8.0, 0]]),
        covariances_target=np.stack([np.eye(3)] * 2),
        coupling=np.array([[0.3, 0.1]]),
    )
    np.testing.assert_allclose(split, np.tile([3.0, 2.0, 0.0], (20, 1)), atol=1e-12)
