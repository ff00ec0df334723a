"""Classical scaling: points on a plane whose distances are near given distances.

Reference: Gower 1966.
"""

from __future__ import annotations

import numpy as np


def classical_scaling(distances: np.ndarray) -> tuple[np.ndarray, float]:
    """Return points on a plane, and how much of the distances the plane shows.

    Parameters
    ----------
    distances
        Symmetric, shape (n, n), zero on the diagonal. A distance that is NaN counts as the mean of
        the others.

    Returns
    -------
    points
        Shape (n, 2), centred. Each axis points to where its largest value is positive.
    shown
        Part of the sum of squares that the two axes hold, 0 to 1; NaN when no two points differ.
    """
    d = np.array(distances, dtype=float)
    n = len(d)
    there = np.isfinite(d) & ~np.eye(n, dtype=bool)
    d[~np.isfinite(d)] = d[there].mean() if there.any() else 0.0
    centre = np.eye(n) - 1.0 / max(n, 1)
    values, vectors = np.linalg.eigh(-0.5 * centre @ np.square(d) @ centre)
    positive = np.maximum(values[::-1], 0.0)
    if not positive.sum() > 0:
        return np.zeros((n, 2)), float("nan")
    points = np.zeros((n, 2))
    first = vectors[:, ::-1][:, :2] * np.sqrt(positive[:2])
    points[:, : first.shape[1]] = first
    largest = points[np.abs(points).argmax(axis=0), [0, 1]]
    return points * np.where(largest < 0, -1.0, 1.0), float(positive[:2].sum() / positive.sum())


def square(n: int, i: np.ndarray, j: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the symmetric matrix (n, n) of values of pairs; NaN for a pair that is not given."""
    made = np.full((n, n), np.nan)
    made[i, j] = made[j, i] = values
    np.fill_diagonal(made, 0.0)
    return made
