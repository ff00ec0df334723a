"""Weighted points in blocks of one fixed shape: one compiled pass fits any number of points.

Two blocks make a part.  The statistics of every part are summed from zero, and the parts are added
in the order of the points.  The bits of a sum therefore depend neither on the number of threads,
devices or machines, nor on the order in which they finish.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

BLOCK_ROWS = 16_384
PART_ROWS = 2 * BLOCK_ROWS
MAX_CACHED_BYTES = 64 * 2**20

Weights = np.ndarray | float


class Block(NamedTuple):
    """Points (B, D) and weights (B,) on a device.

    The first ``n`` points are real.  The other points fill up the block and have weight zero.
    """

    points: jax.Array
    weights: jax.Array
    n: int


class WeightedPoints:
    """Base class of points in memory (:class:`Cells`) and of points in chunks.

    Parameters
    ----------
    points
        Shape (N, D).
    dtype
        Precision of the arithmetic.
    """

    def __init__(self, points: Any, dtype: type) -> None:
        self.points = points
        self.n, self.n_dims = points.shape
        self.dtype = np.dtype(dtype)
        self._second: np.ndarray | None = None

    def second_moment(self, centre: np.ndarray) -> np.ndarray:
        """Return the weighted mean products of the coordinates relative to ``centre``: (D, D).

        The result is computed once and kept.  Every call must therefore have the same ``centre``.
        """
        if self._second is None:
            total = np.zeros((self.n_dims, self.n_dims))
            for part in self._products(centre):
                total += part
            self._second = total
        return self._second

    def _products(self, centre: np.ndarray) -> Iterable[np.ndarray]:
        """Return :func:`products` of each ``BLOCK_ROWS`` points, in the order of the points."""
        raise NotImplementedError


class Cells(WeightedPoints):
    """Weighted points in memory.

    Parameters
    ----------
    points
        Shape (N, D).
    weights
        Shape (N,), non-negative, or None for equal weights.  They are scaled to sum to one.
    dtype
        Precision of the arithmetic.
    keep
        Whether to keep the blocks between passes.  None: keep them when all points together take
        at most ``MAX_CACHED_BYTES``.
    """

    def __init__(
        self,
        points: np.ndarray,
        weights: np.ndarray | None,
        dtype: type,
        *,
        keep: bool | None = None,
    ) -> None:
        super().__init__(points, dtype)
        self.weights = normalised(weights, self.n)
        small = self.n * self.n_dims * self.dtype.itemsize <= MAX_CACHED_BYTES
        self._kept: dict[tuple[int, Any], list[Block]] | None = (
            {} if (small if keep is None else keep) else None
        )

    @property
    def n_parts(self) -> int:
        """Number of parts."""
        return -(-self.n // PART_ROWS)

    def part(self, i: int, device: Any = None) -> Iterator[Block]:
        """Return the blocks of one part, on a device (None: JAX's default)."""
        rows = slice(i * PART_ROWS, (i + 1) * PART_ROWS)
        if self._kept is None:
            return cut(self.points[rows], sliced(self.weights, rows), self.dtype, device)
        if (i, device) not in self._kept:
            self._kept[i, device] = list(
                cut(self.points[rows], sliced(self.weights, rows), self.dtype, device)
            )
        return iter(self._kept[i, device])

    def _products(self, centre: np.ndarray) -> Iterable[np.ndarray]:
        return (products(x, w, centre) for x, w in pieces(self.points, self.weights, BLOCK_ROWS))


def normalised(weights: np.ndarray | None, n: int) -> Weights:
    """Return the weights scaled to sum to one, shape (N,); ``1 / n`` for None."""
    return 1 / n if weights is None else np.asarray(weights, float) / np.sum(weights)


def sliced(weights: Weights, rows: slice) -> Weights:
    """Return the weights of some rows."""
    return weights if isinstance(weights, float) else weights[rows]


def pieces(
    points: np.ndarray, weights: Weights, n_rows: int
) -> Iterator[tuple[np.ndarray, Weights]]:
    """Yield points and weights of ``n_rows`` rows at a time."""
    for start in range(0, len(points), n_rows):
        rows = slice(start, start + n_rows)
        yield points[rows], sliced(weights, rows)


def cut(
    points: np.ndarray, weights: Weights, dtype: np.dtype, device: Any = None
) -> Iterator[Block]:
    """Yield points (N, D) in blocks; points of weight zero fill up the last block."""
    for x, w in pieces(points, weights, BLOCK_ROWS):
        part, n = np.asarray(x, dtype=dtype), len(x)
        weight = np.zeros(BLOCK_ROWS, dtype)
        weight[:n] = w
        if n < BLOCK_ROWS:
            part = np.concatenate([part, np.zeros((BLOCK_ROWS - n, part.shape[1]), dtype)])
        with jax.enable_x64(True):  # without it JAX would round to single precision
            block = Block(jax.device_put(part, device), jax.device_put(weight, device), n)
        yield block


def products(points: np.ndarray, weights: Weights, centre: np.ndarray) -> np.ndarray:
    """Return the weighted sum of the products of the coordinates relative to ``centre``: (D, D)."""
    off = np.asarray(points, float) - centre
    weight = weights if isinstance(weights, float) else weights[:, None]
    return (off * weight).T @ off


def devices() -> list[Any]:
    """Return the devices of a pass: all of this process, or the one set in JAX's configuration.

    A single default device is returned as None, which JAX takes as its default.
    """
    config: Any = jax.config
    chosen = config.jax_default_device
    if chosen is None:
        used = jax.local_devices()
    else:
        used = jax.local_devices(backend=chosen)[:1] if isinstance(chosen, str) else [chosen]
    return used if len(used) > 1 or used[0] != jax.local_devices()[0] else [None]
