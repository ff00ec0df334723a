"""Leiden clusters of one condition, from which mixtures are made to start a fit."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from cgmm._utils.leiden import ScanpyNetwork
from cgmm._utils.neighbours import nearest_one
from cgmm.automatic.graphs import neighbour_graph
from cgmm.mixture.chunked import Points, over_rows, taken
from cgmm.mixture.gaussian_mixture import GaussianMixture
from cgmm.mixture.initial import draw, mixture_from_labels

MAX_CLUSTERED = 20_000


class DrawnPoints:
    """Points of one condition, of which at most ``MAX_CLUSTERED`` are drawn at random.

    Parameters
    ----------
    points
        Points (N, D).
    weights
        Shape (N,) or None.
    random_state
        Seed of the draw.
    """

    def __init__(self, points: Points, weights: np.ndarray | None, random_state: int) -> None:
        self.drawn = draw(points, np.random.default_rng(random_state), MAX_CLUSTERED)
        self.points = taken(points, self.drawn)
        self.weights = None if weights is None else weights[self.drawn]

    def normalised_weights(self) -> np.ndarray:
        """Return the weights of the drawn points, scaled to sum to one, shape (n_drawn,)."""
        if self.weights is None:
            return np.full(len(self.points), 1 / len(self.points))
        return self.weights / self.weights.sum()

    def nearest_drawn(self, points: Points) -> np.ndarray:
        """Return the position of the drawn point nearest to every point, shape (N,).

        Values of the drawn points, taken at these positions, are values of all points.

        Parameters
        ----------
        points
            All points, shape (N, D).
        """
        if len(self.points) == len(points):
            return np.arange(len(points))
        return np.concatenate(list(over_rows(partial(_nearest, of=self.points), points, 1.0)))


class LeidenClusters(DrawnPoints):
    """Leiden clusters of one condition at any resolution, from one neighbour graph.

    Parameters
    ----------
    points
        Points (N, D); at most ``MAX_CLUSTERED`` points are drawn at random and clustered.
    weights
        Shape (N,) or None.
    random_state
        Seed of the draw.

    Notes
    -----
    Graph: :mod:`cgmm.automatic.graphs`; clusters: :mod:`cgmm._utils.leiden`.
    """

    def __init__(self, points: Points, weights: np.ndarray | None, random_state: int) -> None:
        super().__init__(points, weights, random_state)
        self._network = ScanpyNetwork(neighbour_graph(self.points, None))
        self._labels: dict[tuple[float, int], np.ndarray] = {}

    def labels(self, resolution: float, random_state: int) -> np.ndarray:
        """Return the cluster (0, 1, ...) of every drawn point, shape (n_drawn,)."""
        place = resolution, random_state
        if place not in self._labels:
            self._labels[place] = self._network.leiden(
                resolution=resolution, random_state=random_state
            )
        return self._labels[place]

    def mixture(
        self, resolution: float, random_state: int, *, min_cells: int, ridge: float
    ) -> GaussianMixture:
        """Return a mixture with one component for each cluster.

        Parameters
        ----------
        resolution, random_state
            Resolution and seed of the clusters.
        min_cells
            Fewest cells of a cluster.  Each cell of a smaller cluster joins the larger cluster with
            the nearest centre.
        ridge
            Number added to the diagonal of the covariances.
        """
        labels = self.labels(resolution, random_state)
        counts: Any = np.bincount(labels)
        large = np.flatnonzero(counts >= min(min_cells, counts.max()))
        centres = np.stack([self.points[labels == k].mean(0) for k in large])
        small = ~np.isin(labels, large)
        joined = np.searchsorted(large, labels)
        joined[small] = [np.square(centres - x).sum(1).argmin() for x in self.points[small]]
        return mixture_from_labels(self.points, joined, self.weights, len(large), ridge)


def _nearest(points: np.ndarray, _: object, of: np.ndarray) -> np.ndarray:
    """Return the position of the row of ``of`` nearest to each point, shape (N,)."""
    return nearest_one(of, points)
