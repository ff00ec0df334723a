"""The E-step: the only pass over the cells."""

from __future__ import annotations

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
    matmul,
    product,
    triangle,
    used_features,
)

CHUNKS_TOGETHER = 16  # where there are thousands of cores to feed
SINGLE_PRECISION_WORK = 2e9
SINGLE_PRECISION_REACH = 2e4
THREADS = 2
WORK_OF_A_THREAD = 1_000_000
AnyCells = Cells | ChunkedCells


class Moments(NamedTuple):
    """Sufficient statistics of one side, per unit of weight.

    Attributes
    ----------
    mass
        Mean responsibilities, shape (K,), summing to one.
    means
        Responsibility-weighted means, shape (K, D).
    scatter
        Central second moments, shape (K, D, D): only their diagonals for diagonal covariances,
        their mean over components for tied ones.
    log_likelihood
        Mean over points of ``log sum_k exp(log density_k)``.
    """

    mass: np.ndarray
    means: np.ndarray
    scatter: np.ndarray
    log_likelihood: float


def _moments(ratio: jax.Array, features: jax.Array, share: jax.Array) -> jax.Array:
    """Features' sums (K, M) of one chunk."""
    return matmul(ratio * share, features.T)


def _overlaps(ratio: jax.Array, _: jax.Array, share: jax.Array) -> jax.Array:
    """Products of responsibilities (K, K) of one chunk."""
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
    """Add a statistic of one block, and the log likelihood below.

    Chunk by chunk, or, where ``wide``, several at a time.
    """
    rows = chunk_rows(block.dtype)
    add = STATISTICS[statistic]

    def chunk(x: jax.Array, w: jax.Array) -> tuple[jax.Array, jax.Array]:
        # without the barrier both products would build features of their own
        features = jax.lax.optimization_barrier(features_of((x - centre[None]).T, kind))
        logs = product(theta, features)
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
    """One pass over the points: moments of every component at the coefficients ``theta``.

    Parameters
    ----------
    cells
        Points and weights.
    centre
        Shape (D,), taken off every point; ``theta`` and the moments are relative to it.
    theta
        Shape (M, K), from :func:`log_density_features`.
    kind
        Form of the covariances behind ``theta``.
    """
    return expectations([cells], centre, theta[None], kind)[0]


def expectations(
    sides: Sequence[AnyCells], centre: np.ndarray, thetas: np.ndarray, kind: Kind = "full"
) -> list[Moments]:
    """:func:`expectation` of several sets of points; ``thetas`` of shape (sets, M, K)."""
    found = _sums(sides, centre, thetas, kind, "moments")
    return [
        _central(*sums, cells, centre, theta, kind)
        for sums, cells, theta in zip(found, sides, thetas, strict=True)
    ]


def proportions(
    cells: AnyCells, centre: np.ndarray, theta: np.ndarray, kind: Kind = "full"
) -> tuple[np.ndarray, np.ndarray, float]:
    """Mean responsibilities (K,), mean products of responsibilities (K, K), log likelihood.

    Costs half a pass of :func:`expectation`, whose parameters it has.
    """
    ((overlap, level),) = _sums([cells], centre, theta[None], kind, "overlaps")
    if kind == "tied":
        level += _shared_level(cells, centre, theta)
    return overlap.sum(1), overlap, level


def mean_responsibilities(
    sides: Sequence[AnyCells], centre: np.ndarray, thetas: np.ndarray, kind: Kind = "full"
) -> list[np.ndarray]:
    """Mean responsibilities (K,) of several sets of points, in half the time of their moments."""
    found = _sums(sides, centre, thetas, kind, "overlaps")
    return [overlap.sum(1) for overlap, _ in found]


@dataclass(frozen=True)
class Pass:
    """One pass over one set of points: what to add up, in arrays of which width.

    Goes to other processes, so it holds neither points nor compiled code.
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
        """Pass in the precision of the cells, with the features that the covariances need."""
        used, n_used = used_features(cells.n_dims, kind)
        return cls(
            np.asarray(centre, cells.dtype),
            np.ascontiguousarray(theta[used], cells.dtype),
            kind,
            statistic,
            n_used if statistic == "moments" else theta.shape[1],
        )

    def __call__(self, blocks: Iterable[Block]) -> np.ndarray:
        """Sum over blocks, from zero."""
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


def _sums(
    sides: Sequence[AnyCells], centre: np.ndarray, thetas: np.ndarray, kind: Kind, statistic: str
) -> list[tuple[np.ndarray, float]]:
    """Return sums and log likelihood of every set of points, parts added in their order."""
    passes = [
        Pass.of(cells, centre, theta, kind, statistic)
        for cells, theta in zip(sides, thetas, strict=True)
    ]
    totals: list[Any] = [0.0] * len(passes)
    for i, sums in _parts(sides, passes):
        totals[i] = totals[i] + sums
    return [(total[:-1], float(total[-1, 0])) for total in totals]


def _parts(sides: Sequence[AnyCells], passes: Sequence[Pass]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield number of the pass and sums of every part, in their order.

    Parts run side by side, so that one computes elementwise what another multiplies and no
    device waits, unless there is too little to do.
    """
    here, far, tasks = [], [], []
    where = devices()
    for i, (cells, one) in enumerate(zip(sides, passes, strict=True)):
        if isinstance(cells, ChunkedCells):
            far.append(i)
            tasks.append(cells.tasks(one))
        else:
            here += [(i, cells, one, part) for part in range(cells.n_parts)]
    for i, found in zip(far, computed(tasks) if far else [], strict=True):
        yield from ((i, sums) for sums in found)

    def run(job: tuple[int, Cells, Pass, int]) -> tuple[int, np.ndarray]:
        i, cells, one, part = job
        return i, one(cells.part(part, where[part % len(where)]))

    work = sum(cells.n * one.theta.size for _, cells, one, part in here if part == 0)
    together = max(THREADS, len(where)) if work > WORK_OF_A_THREAD and len(here) > 1 else 1
    yield from map(run, here) if together == 1 else _pool(together).map(run, here)


def _shared_level(cells: AnyCells, centre: np.ndarray, theta: np.ndarray) -> float:
    """Mean of the quadratic part of the log density that all tied components share."""
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
