"""Starting mixtures from k-means of both sides together or of each side, or from given clusters.

A mixture is made from clusters of the points by taking the share, mean and covariance of every
cluster.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cgmm._utils.blas import one_thread
from cgmm.mixture.chunked import Points, taken
from cgmm.mixture.gaussian_mixture import GaussianMixture

MAX_POINTS = 50_000  # largest number of points for k-means
EMPTY_SHARE = 1e-3  # share of an empty cluster, in units of the mean share


@one_thread()
def mixture_from_labels(
    points: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray | None,
    n_components: int,
    ridge: float,
) -> GaussianMixture:
    """Return the mixture with the share, mean and covariance of every cluster.

    Parameters
    ----------
    points
        Shape (N, D).
    labels
        Cluster of every point, 0 to ``n_components`` - 1, shape (N,).
    weights
        Weights of the points, shape (N,), or None for equal weights.
    n_components
        Number of clusters.
    ridge
        Added to the diagonal of every covariance.

    Returns
    -------
    GaussianMixture

    Notes
    -----
    A cluster of fewer than D + 1 points gets the mean covariance of all clusters.  The mean of the
    first empty cluster is the point farthest from the mean of all points, the mean of the second
    empty cluster is the second farthest point, and so on.  Empty clusters get a small weight.
    """
    n, d = points.shape
    w = np.full(n, 1 / n) if weights is None else np.asarray(weights, float) / np.sum(weights)
    share = np.bincount(labels, w, n_components)
    counts = np.bincount(labels, minlength=n_components)
    means = np.zeros((n_components, d))
    covariances = np.zeros((n_components, d, d))
    overall = np.average(points, axis=0, weights=w)
    pooled = np.zeros((d, d))
    for k in range(n_components):
        if share[k] <= 0:
            continue
        part, weight = points[labels == k].astype(float), w[labels == k] / share[k]
        means[k] = weight @ part
        off = part - means[k]
        covariances[k] = (off * weight[:, None]).T @ off
        pooled += share[k] * covariances[k]
    poor = (counts < d + 1) | (share <= 0)
    covariances[poor] = pooled
    empty = np.flatnonzero(share <= 0)
    if len(empty):
        gap = np.square(points - overall).sum(1)
        means[empty] = points[np.argsort(-gap)[: len(empty)]]
        share[empty] = EMPTY_SHARE / n_components
    return GaussianMixture(share / share.sum(), means, covariances + ridge * np.eye(d))


def kmeans_mixtures(
    x0: Points,
    x1: Points,
    w0: np.ndarray | None,
    w1: np.ndarray | None,
    n_components: tuple[int, int],
    ridge: float,
    random_state: int,
) -> tuple[GaussianMixture, GaussianMixture]:
    """Return starting mixtures from k-means of both sides together if K0 = K1, else of each side.

    If K0 = K1, component k covers the same region on both sides, and a small transport weight is
    enough to keep the two components paired.  K-means uses at most ``MAX_POINTS`` points; from more
    points a sample is drawn.

    Parameters
    ----------
    x0, x1
        Points of source (N0, D) and target (N1, D).
    w0, w1
        Weights of the points, shapes (N0,) and (N1,), or None.
    n_components
        K0 and K1.
    ridge
        Added to the diagonal of every covariance.
    random_state
        Seed.

    Returns
    -------
    Mixtures of source and target.

    Raises
    ------
    ValueError
        When the drawn points are fewer than the components.
    """
    k0, k1 = n_components
    if k0 != k1:
        mixtures = []
        for x, w, k in ((x0, w0, k0), (x1, w1, k1)):
            part = draw(x, np.random.default_rng(random_state), MAX_POINTS)
            drawn, weight = taken(x, part), None if w is None else w[part]
            labels = _kmeans(drawn, weight, k, random_state)(drawn)
            mixtures.append(mixture_from_labels(drawn, labels, weight, k, ridge))
        return mixtures[0], mixtures[1]
    rng = np.random.default_rng(random_state)
    parts = [draw(x, rng, MAX_POINTS // 2) for x in (x0, x1)]
    both = np.concatenate([taken(x, i) for x, i in zip((x0, x1), parts, strict=True)])
    weight = np.concatenate(
        [
            np.full(len(i), 1 / len(i)) if w is None else w[i] / w[i].sum()
            for w, i in zip((w0, w1), parts, strict=True)
        ]
    )
    if len(both) < k0:
        msg = f"{len(both)} points are fewer than {k0} components"
        raise ValueError(msg)
    predict = _kmeans(both, weight, k0, random_state)
    joint = mixture_from_labels(both, predict(both), weight, k0, ridge)
    return joint, joint


def draw(x: Points, rng: np.random.Generator, n: int) -> np.ndarray:
    """Return the sorted row numbers of at most ``n`` points, drawn without replacement."""
    if len(x) <= n:
        return np.arange(len(x))
    return np.sort(rng.choice(len(x), n, replace=False))


def _kmeans(
    x: np.ndarray, w: np.ndarray | None, k: int, random_state: int
) -> Callable[[np.ndarray], np.ndarray]:
    """Return k-means clusters as a function from points (N, D) to labels (N,)."""
    from sklearn.cluster import KMeans

    part = draw(x, np.random.default_rng(random_state), MAX_POINTS)
    weight = None if w is None else w[part] * (len(part) / w[part].sum())
    if len(np.unique(x[part][:1000], axis=0)) < k and len(np.unique(x[part], axis=0)) < k:
        return lambda points: np.arange(len(points)) % k
    model = KMeans(k, n_init=3, random_state=random_state)
    model.fit(np.ascontiguousarray(x[part]), sample_weight=weight)
    return lambda points: model.predict(np.ascontiguousarray(points))
