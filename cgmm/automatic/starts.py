"""Pairs of mixtures from which the fit without tuning starts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cgmm.automatic.clusters import LeidenClusters
from cgmm.automatic.metric import donor_covariance
from cgmm.mixture.chunked import Points, column_moments
from cgmm.mixture.gaussian_mixture import GaussianMixture
from cgmm.mixture.initial import kmeans_mixtures

RESOLUTIONS = (1.0, 1.5, 2.0, 3.0)
COARSE_RESOLUTION = 0.3
N_SEEDS = 3
MIN_CELLS_PER_CLUSTER = 20
RIDGE = 1e-3


class Start(NamedTuple):
    """A pair of mixtures to start from, with a label that names how the pair was made."""

    label: str
    source: GaussianMixture
    target: GaussianMixture


class Starts(NamedTuple):
    """Everything from which the fit without tuning starts.

    Attributes
    ----------
    clusters
        Leiden clusters of source and target, with the drawn cells.
    pairs
        Pairs of mixtures, one for each partition.
    between_donors
        Covariance between donors of the same condition, shape (D, D); None when it cannot be
        estimated.
    """

    clusters: list[LeidenClusters]
    pairs: list[Start]
    between_donors: np.ndarray | None


def make_starts(
    points: tuple[Points, Points],
    weights: tuple[np.ndarray | None, np.ndarray | None],
    donors: tuple[np.ndarray | None, np.ndarray | None],
    n_components: int | tuple[int, int] | None,
    random_state: int,
) -> Starts:
    """Return pairs of mixtures to start from.

    Parameters
    ----------
    points
        Points (N0, D) of the source and (N1, D) of the target.
    weights
        Weights of the points, shapes (N0,) and (N1,), or None.
    donors
        Donor of every point, shapes (N0,) and (N1,), or None.
    n_components
        None: one pair of mixtures for each resolution of the Leiden clusters.  Otherwise one pair
        for each of three seeds of k-means, with the given numbers of components.
    random_state
        Seed.

    Returns
    -------
    Starts
    """
    ridge = RIDGE * 0.5 * sum(float(column_moments(x, None)[1].mean()) for x in points)
    clusters = [LeidenClusters(x, w, random_state) for x, w in zip(points, weights, strict=True)]
    between_donors = _between_donors(clusters, donors, random_state)
    if n_components is None:
        pairs = [
            Start(
                f"resolution {resolution:g}",
                *(
                    side.mixture(
                        resolution, random_state + i, min_cells=MIN_CELLS_PER_CLUSTER, ridge=ridge
                    )
                    for side in clusters
                ),
            )
            for i, resolution in enumerate(RESOLUTIONS)
        ]
        return Starts(clusters, pairs, between_donors)
    k0, k1 = (int(k) for k in np.broadcast_to(n_components, 2))
    source, target = clusters
    pairs = [
        Start(
            f"k-means, seed {seed}",
            *kmeans_mixtures(
                source.points,
                target.points,
                source.weights,
                target.weights,
                (k0, k1),
                ridge,
                seed,
            ),
        )
        for seed in range(random_state, random_state + N_SEEDS)
    ]
    return Starts(clusters, pairs, between_donors)


def _between_donors(
    clusters: list[LeidenClusters],
    donors: tuple[np.ndarray | None, np.ndarray | None],
    random_state: int,
) -> np.ndarray | None:
    """Return the covariance between donors of a condition, averaged over conditions, (D, D)."""
    if any(names is None for names in donors):
        return None
    parts = [
        donor_covariance(
            side.points, side.labels(COARSE_RESOLUTION, random_state), names[side.drawn]
        )
        for side, names in zip(clusters, donors, strict=True)
        if names is not None
    ]
    weight = sum(w for _, w in parts)
    if not weight:
        return None
    return (parts[0][0] * parts[0][1] + parts[1][0] * parts[1][1]) / weight
