"""The E-step: the only pass over the cells.

A pass sums one statistic and the log likelihood over all points.  The statistic is either the
moments that the M-step needs, or the products of responsibilities from which shares are computed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cgmm.mixture.blocks import Block, Cells, devices
from cgmm.mixture.chunked import ChunkedCells, computed
from cgmm.mixture.features import (
    Kind,
    chunk_rows,
    features_of,
    filled_up,
    matmul,
    pieces_of,
    product,
    triangle,
    used_features,
)

CHUNKS_TOGETHER = 16  # chunks that an accelerator computes at the same time
MIN_SINGLE_PRECISION_WORK = 2e9  # values of the points times components times dimensions
MAX_SINGLE_PRECISION_REACH = 2e4  # squared Mahalanobis distance of a mean from the centre
ROUNDING = {"float64": 1e-9, "float32": 1e-6}  # relative, of a sum over all points
THREADS = 2
MIN_WORK_OF_THREADS = 1_000_000  # points times coefficients; with less work one thread is faster
AnyCells = Cells | ChunkedCells


class Moments(NamedTuple):
    """Sufficient statistics of one side, per unit of weight.

    Attributes
    ----------
    mass
        Weighted mean responsibilities, shape (K,), summing to one.
    means
        Responsibility-weighted means, shape (K, D).
    scatter
        Central second moments, shape (K, D, D).  For diagonal covariances only their diagonals; for
        tied covariances their mean over components.
    log_likelihood
        Weighted mean over points of ``log sum_k exp(log density_k)``.
    """

    mass: np.ndarray
    means: np.ndarray
    scatter: np.ndarray
    log_likelihood: float


def _moments(ratio: jax.Array, features: list[jax.Array], share: jax.Array) -> jax.Array:
    """Return the sum of the features over one chunk, weighted by responsibility: (K, M)."""
    masses = ratio * share
    return jnp.concatenate([matmul(masses, piece.T) for piece in features], axis=1)


def _overlaps(ratio: jax.Array, _: list[jax.Array], share: jax.Array) -> jax.Array:
    """Return the weighted sum of the products of responsibilities over one chunk: (K, K)."""
    return matmul(ratio * share, (ratio / ratio.sum(0, keepdims=True)).T)


STATISTICS: dict[str, Callable] = {"moments": _moments, "overlaps": _overlaps}


@partial(jax.jit, static_argnames=("kind", "statistic", "wide"))
def accumulate(
    sums: jax.Array,
    block: jax.Array,
    weight: jax.Array,
    n: jax.Array,
    centre: jax.Array,
    theta: jax.Array,
    kind: Kind,
    statistic: str,
    *,
    wide: bool,
) -> jax.Array:
    """Return the sums with the statistic and the log likelihood of one block added.

    Parameters
    ----------
    sums
        Sums so far, shape (K + 1, width): K rows of the statistic, and a last row that repeats the
        log likelihood.
    block, weight, n
        Points (B, D), weights (B,), and the number of points that do not only fill up the block.
    centre
        Shape (D,), subtracted from every point.
    theta
        Coefficients of the log densities, shape (M, K).
    kind
        Form of the covariances behind ``theta``.
    statistic
        "moments" or "overlaps".
    wide
        Whether to compute ``CHUNKS_TOGETHER`` chunks at a time, on accelerators.

    Returns
    -------
    The new sums, in double precision.
    """
    rows = chunk_rows(block.dtype)
    add, own = STATISTICS[statistic], pieces_of(theta)

    def chunk(x: jax.Array, w: jax.Array) -> tuple[jax.Array, jax.Array]:
        # without the barrier, each of the two products would compute the features again
        features = jax.lax.optimization_barrier(features_of((x - centre[None]).T, kind))
        logs = product(own, features)
        top = logs.max(0, keepdims=True)
        ratio = jnp.exp(logs - top)
        total = ratio.sum(0, keepdims=True)
        level = (w * (top + jnp.log(total))[0]).sum()
        more = add(ratio, features, w[None] / total)
        return more.astype(jnp.float64), level.astype(jnp.float64)

    def step(i: jax.Array, sums: tuple) -> tuple:
        x, w = (jax.lax.dynamic_slice_in_dim(a, i * rows, rows) for a in (block, weight))
        more, level = chunk(x, w)
        return sums[0] + more, sums[1] + level

    start = (sums[:-1], sums[-1, 0])
    if wide:
        shapes = (-1, rows, block.shape[1]), (-1, rows)
        both = tuple(a.reshape(shape) for a, shape in zip((block, weight), shapes, strict=True))
        more, levels = jax.lax.map(lambda xw: chunk(*xw), both, batch_size=CHUNKS_TOGETHER)
        moments, level = start[0] + more.sum(0), start[1] + levels.sum()
    else:
        moments, level = jax.lax.fori_loop(0, (n + rows - 1) // rows, step, start)
    last = jnp.broadcast_to(level, (1, sums.shape[1]))
    return jnp.concatenate([moments, last])


def expectation(
    cells: AnyCells, centre: np.ndarray, theta: np.ndarray, kind: Kind = "full"
) -> Moments:
    """Return the moments of every component, from one pass over the points.

    Parameters
    ----------
    cells
        Points and weights.
    centre
        Shape (D,), subtracted from every point; ``theta`` and the moments are relative to it.
    theta
        Coefficients of the log densities, shape (M, K), from
        :func:`cgmm.mixture.features.log_density_features`.
    kind
        Form of the covariances behind ``theta``.

    Returns
    -------
    Moments
    """
    return expectations([cells], centre, theta[None], kind)[0]


def expectations(
    sides: Sequence[AnyCells], centre: np.ndarray, thetas: np.ndarray, kind: Kind = "full"
) -> list[Moments]:
    """Return :func:`expectation` of several sets of points; ``thetas`` has shape (sets, M, K)."""
    sums_of_sets = _sums(sides, centre, thetas, kind, "moments")
    return [
        _central(*sums, cells, centre, theta, kind)
        for sums, cells, theta in zip(sums_of_sets, sides, thetas, strict=True)
    ]


def proportions(
    cells: AnyCells, centre: np.ndarray, theta: np.ndarray, kind: Kind = "full"
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return what shares are computed from, in half the time of :func:`expectation`.

    The parameters are the same as for :func:`expectation`.

    Returns
    -------
    Mean responsibilities (K,), mean products of responsibilities (K, K), mean log likelihood.
    """
    ((overlap, level),) = _sums([cells], centre, theta[None], kind, "overlaps")
    if kind == "tied":
        level += _shared_level(cells, centre, theta)
    return overlap.sum(1), overlap, level


def mean_responsibilities(
    sides: Sequence[AnyCells], centre: np.ndarray, thetas: np.ndarray, kind: Kind = "full"
) -> list[np.ndarray]:
    """Return mean responsibilities (K,) of several sets of points, in half the time of moments."""
    return [overlap.sum(1) for overlap, _ in _sums(sides, centre, thetas, kind, "overlaps")]


@dataclass(frozen=True)
class Pass:
    """Description of one pass: coefficients, statistic to sum, number of columns.

    Dask sends this object to other processes.  It therefore holds neither points nor compiled code.

    Attributes
    ----------
    centre
        Shape (D,), subtracted from every point.
    theta
        Coefficients of the features that this form of covariances needs, shape (used features, K),
        K with empty components (:func:`cgmm.mixture.features.filled_up`).
    kind
        Form of the covariances.
    statistic
        "moments" or "overlaps".
    width
        Number of columns of the statistic.
    """

    centre: np.ndarray
    theta: np.ndarray
    kind: Kind
    statistic: str
    width: int

    @classmethod
    def of(
        cls, cells: AnyCells, centre: np.ndarray, theta: np.ndarray, kind: Kind, statistic: str
    ) -> Pass:
        """Return the description of a pass over these cells, in their precision."""
        used, n_used = used_features(cells.n_dims, kind)
        filled = filled_up(np.ascontiguousarray(theta[used], cells.dtype), cells.n)
        width = n_used if statistic == "moments" else filled.shape[1]
        return cls(np.asarray(centre, cells.dtype), filled, kind, statistic, width)

    def __call__(self, blocks: Iterable[Block]) -> np.ndarray:
        """Return the sums over some blocks, starting from zero."""
        with jax.enable_x64(True):
            sums: Any = np.zeros((self.theta.shape[1] + 1, self.width))
            for block in blocks:
                wide = next(iter(block.points.devices())).platform != "cpu"
                sums = accumulate(
                    sums, *block, self.centre, self.theta, self.kind, self.statistic, wide=wide
                )
            return np.asarray(sums)


@lru_cache(maxsize=1)
def _pool(n_threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n_threads)


if hasattr(os, "register_at_fork"):
    # threads do not survive a fork
    os.register_at_fork(after_in_child=_pool.cache_clear)


def _sums(
    sides: Sequence[AnyCells], centre: np.ndarray, thetas: np.ndarray, kind: Kind, statistic: str
) -> list[tuple[np.ndarray, float]]:
    """Return the statistic and log likelihood of each set of points; parts are added in order."""
    passes = [
        Pass.of(cells, centre, theta, kind, statistic)
        for cells, theta in zip(sides, thetas, strict=True)
    ]
    totals: list[Any] = [0.0] * len(passes)
    for i, sums in _parts(sides, passes):
        totals[i] = totals[i] + sums
    k = thetas.shape[-1]  # without the empty components
    columns = slice(None) if statistic == "moments" else slice(k)
    return [(total[:k, columns], float(total[-1, 0])) for total in totals]


def _parts(sides: Sequence[AnyCells], passes: Sequence[Pass]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the number of the pass and the sums of every part, in the order of the parts.

    Unless there is little work, several threads compute parts at the same time: while one part
    multiplies matrices, another part computes elementwise.  Several devices also work in parallel.
    """
    here, far, tasks = [], [], []
    where = devices()
    for i, (cells, one) in enumerate(zip(sides, passes, strict=True)):
        if isinstance(cells, ChunkedCells):
            far.append(i)
            tasks.append(cells.tasks(one))
        else:
            here += [(i, cells, one, part) for part in range(cells.n_parts)]
    for i, sums_of_parts in zip(far, computed(tasks) if far else [], strict=True):
        yield from ((i, sums) for sums in sums_of_parts)

    def run(job: tuple[int, Cells, Pass, int]) -> tuple[int, np.ndarray]:
        i, cells, one, part = job
        return i, one(cells.part(part, where[part % len(where)]))

    work = sum(cells.n * one.theta.size for _, cells, one, part in here if part == 0)
    together = max(THREADS, len(where)) if work > MIN_WORK_OF_THREADS and len(here) > 1 else 1
    yield from map(run, here) if together == 1 else _pool(together).map(run, here)


def _shared_level(cells: AnyCells, centre: np.ndarray, theta: np.ndarray) -> float:
    """Return the mean of the quadratic part of the log density, shared by tied components."""
    rows, cols = triangle(cells.n_dims)
    return float(theta[: len(rows), 0] @ cells.second_moment(centre)[rows, cols])


def _central(
    sums: np.ndarray,
    level: float,
    cells: AnyCells,
    centre: np.ndarray,
    theta: np.ndarray,
    kind: Kind,
) -> Moments:
    """Return central moments from sums of features, in the form of the covariances."""
    d = cells.n_dims
    mass = sums[:, -1]
    safe = np.maximum(mass, 1e-300)
    means = sums[:, -1 - d : -1] / safe[:, None]
    rows, cols = triangle(d)
    if kind == "tied":
        whole = cells.second_moment(centre)
        level += _shared_level(cells, centre, theta)
        within = (whole - (mass[:, None] * means).T @ means) / mass.sum()
        return Moments(mass, means, np.broadcast_to(within, (len(mass), d, d)), level)
    second = np.zeros((len(mass), d, d))
    if kind == "diag":
        second[:, range(d), range(d)] = sums[:, :d] / safe[:, None] - means**2
        return Moments(mass, means, second, level)
    half = sums[:, : len(rows)] / safe[:, None]
    second[:, rows, cols] = half
    second[:, cols, rows] = half
    return Moments(mass, means, second - means[:, :, None] * means[:, None], level)
