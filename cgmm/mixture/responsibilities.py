"""Responsibilities of the components for points in memory, or chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from cgmm._utils.ahead import ahead
from cgmm._utils.lazy_rows import Piece, Rows
from cgmm.mixture.chunked import Chunks, Points, taken
from cgmm.mixture.gaussian_mixture import GaussianMixture


class Responsibilities:
    """Responsibilities for points in chunks, made again whenever they are needed.

    Parameters
    ----------
    mixture
        K components.
    points
        Shape (N, D).
    rows
        Rows of the points, in increasing order, shape (n,); None: all.
    """

    def __init__(
        self, mixture: GaussianMixture, points: Chunks, rows: np.ndarray | None = None
    ) -> None:
        self._mixture, self._points, self._rows = mixture, points, rows

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of points and components."""
        n = len(self._points) if self._rows is None else len(self._rows)
        return n, self._mixture.n_components

    def __getitem__(self, rows: Any) -> Responsibilities:
        """Return the responsibilities for some of the points, in increasing order."""
        if isinstance(rows, slice) and rows == slice(None):
            return self
        known = np.arange(len(self._points)) if self._rows is None else self._rows
        return Responsibilities(self._mixture, self._points, known[rows])

    def pieces(self) -> Iterator[Piece]:
        """Yield slices of the points, and their responsibilities."""
        if self._rows is None:
            parts: Iterator[Piece] = self._points.arrays()
        else:
            parts = iter([(slice(None), taken(self._points, self._rows))])
        return ahead((rows, self._mixture.responsibilities(x)) for rows, x in parts)


def responsibilities(mixture: GaussianMixture, points: Points) -> Rows:
    """Return the responsibilities for points, shape (N, K); not in memory for points in chunks."""
    if isinstance(points, Chunks):
        return Responsibilities(mixture, points)
    return mixture.responsibilities(points)
