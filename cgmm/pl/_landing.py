"""Displacements in the fitted representation, drawn as arrows on a map.

A map such as UMAP does not say where a new point of the representation lies on it. A projected
position is therefore drawn at the median map position of its nearest target cells in the
representation: there the source cell "lands".
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

N_NEIGHBOURS = 15
MAX_CELLS = 3000
N_BINS = 22
MIN_IN_BIN = 5


class Arrows(NamedTuple):
    """Arrows on the map."""

    start: np.ndarray  #: (n, 2)
    end: np.ndarray  #: (n, 2)
    of: np.ndarray  #: (n,) component, or -1 for squares of a grid


def landing(projected: np.ndarray, target: np.ndarray, target_map: np.ndarray) -> np.ndarray:
    """Return where projected cells land on the map, shape (n, 2).

    Parameters
    ----------
    projected
        Positions in the representation, shape (n, D), finite.
    target
        Target cells in the representation, shape (N1, D).
    target_map
        The same cells on the map, shape (N1, 2).
    """
    k = min(N_NEIGHBOURS, len(target))
    _, near = cKDTree(target).query(projected, k=k)
    return np.median(target_map[np.asarray(near).reshape(len(projected), k)], axis=1)


def by_component(start: np.ndarray, end: np.ndarray, component: np.ndarray) -> Arrows:
    """Return one arrow per component, between the medoids of its cells and of their landings."""
    names = np.unique(component)
    inside = [component == k for k in names]
    return Arrows(
        np.array([medoid(start[rows]) for rows in inside]).reshape(-1, 2),
        np.array([medoid(end[rows]) for rows in inside]).reshape(-1, 2),
        names,
    )


def by_grid(start: np.ndarray, end: np.ndarray, *, n_bins: int = N_BINS) -> Arrows:
    """Return one arrow per square of the map that holds at least ``MIN_IN_BIN`` cells."""
    low, high = start.min(axis=0), start.max(axis=0)
    size = np.maximum((high - low).max() / n_bins, 1e-12)
    place = ((start - low) / size).astype(int)
    _, square, counts = np.unique(place, axis=0, return_inverse=True, return_counts=True)
    square = square.ravel()
    full = [square == i for i in np.flatnonzero(counts >= MIN_IN_BIN)]
    return Arrows(
        np.array([start[rows].mean(axis=0) for rows in full]).reshape(-1, 2),
        np.array([medoid(end[rows]) for rows in full]).reshape(-1, 2),
        np.full(len(full), -1),
    )


def medoid(points: np.ndarray) -> np.ndarray:
    """Return the point that is nearest to the median of all points, shape (2,)."""
    gap = np.square(points - np.median(points, axis=0)).sum(axis=1)
    return points[int(gap.argmin())]
