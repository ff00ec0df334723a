r"""Gaussian mixtures: density, responsibilities, sampling, streamed sufficient statistics.

The log density of component k is linear in the features ``(x_i x_j)_{i <= j}, x, 1``:

.. math:: \log \pi_k N(x; m_k, S_k)
          = -\tfrac12 \sum_{ij} P_{ij} x_i x_j + (P m)^T x + \text{const}, \quad P = S_k^{-1},

so one matrix product gives all log densities of a chunk of points, and the transposed product
of the responsibilities with the same features gives all that the M-step needs (mass, mean and
second moment of every component).  Both products cost half of what full D x D forms cost.
Chunks are small enough to stay in cache; sums over chunks are kept in double precision; points
are centred first and never held twice, so memory does not grow with their number.  Parts of the
points are dealt to threads and to all devices that JAX has, or go to where a Dask array has them;
their sums are added in the order of the points (:mod:`cgmm.cells`, :mod:`cgmm.chunked`).

Diagonal covariances need only the squares ``x_i^2`` of the quadratic features; with tied ones the
quadratic part is the same for all components, so that it drops out of the responsibilities and
enters the likelihood through the second moment of all points, which is computed once.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from . import gaussians
from ._checks import as_points, check_mixture
from ._numbers import check_seed, check_whole
from .cells import BLOCK_ROWS, Block, Cells, cut, devices
from .chunked import ChunkedCells, computed

CHUNK_BYTES = 1024  # per number of a row; longer sums would not be free of threads
PIECE = 128
CHUNKS_TOGETHER = 16  # where there are thousands of cores to feed
SINGLE_PRECISION_WORK = 2e9
SINGLE_PRECISION_REACH = 2e4
LANES = 2
WORK_OF_A_THREAD = 1_000_000
# or else GPUs would round products of single precision to 10 bits
EXACT = jax.lax.Precision.HIGHEST


Kind = Literal["full", "diag", "tied"]
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


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class GaussianMixture:
    """A mixture of Gaussians.

    Attributes
    ----------
    weights
        Shape (K,), positive, summing to one.
    means
        Shape (K, D).
    covariances
        Shape (K, D, D), symmetric positive definite.
    """

    weights: Any
    means: Any
    covariances: Any

    @property
    def n_components(self) -> int:
        """Number of components K."""
        return self.means.shape[0]

    @property
    def n_dims(self) -> int:
        """Number of dimensions D."""
        return self.means.shape[1]

    def component_log_prob(self, points: np.ndarray) -> np.ndarray:
        """``log(pi_k N(x; m_k, S_k))`` for points (N, D): shape (N, K), double precision."""
        x = as_points("points", points, np.shape(self.means)[1])
        centre = np.asarray(self.means, float).mean(0)
        with jax.enable_x64(True):
            theta = log_density_features(
                np.log(np.maximum(np.asarray(self.weights, float), 1e-300)),
                np.asarray(self.means, float) - centre,
                np.asarray(self.covariances, float),
            )
            out, filled = np.empty((len(x), self.n_components)), 0
            for block in cut(x, 0.0, np.dtype(np.float64)):
                found = np.asarray(_densities(block.points, centre, theta))
                out[filled : filled + block.n] = found[: block.n]
                filled += block.n
        return out

    def log_prob(self, points: np.ndarray) -> np.ndarray:
        """Log density of points (N, D): shape (N,)."""
        parts = self.component_log_prob(points)
        top = parts.max(1, keepdims=True)
        parts -= top
        np.exp(parts, out=parts)
        return (top + np.log(parts.sum(1, keepdims=True)))[:, 0]

    def responsibilities(self, points: np.ndarray) -> np.ndarray:
        """Posterior component probabilities of points (N, D): shape (N, K), rows sum to one."""
        parts = self.component_log_prob(points)
        parts -= parts.max(1, keepdims=True)
        np.exp(parts, out=parts)
        parts /= parts.sum(1, keepdims=True)
        return parts

    def sample(
        self, n_points: int, random_state: int | np.random.Generator = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw points: arrays of shape (n_points, D), and their components (n_points,)."""
        n_points = check_whole("n_points", n_points)
        if not isinstance(random_state, np.random.Generator):
            random_state = check_seed(random_state)
        check_mixture("the mixture", self)
        rng = np.random.default_rng(random_state)
        weights = np.asarray(self.weights, dtype=float)
        labels = rng.choice(self.n_components, size=n_points, p=weights / weights.sum())
        factors = np.linalg.cholesky(np.asarray(self.covariances, dtype=float))
        points = rng.standard_normal((n_points, self.n_dims))
        for start in range(0, n_points, BLOCK_ROWS):  # each point has a factor of its own
            rows = slice(start, start + BLOCK_ROWS)
            noise = np.einsum("nij,nj->ni", factors[labels[rows]], points[rows])
            points[rows] = np.asarray(self.means)[labels[rows]] + noise
        return points, labels

    def with_weights(self, weights: np.ndarray) -> GaussianMixture:
        """Return the same components with other weights (normalised to sum to one)."""
        weights = np.asarray(weights, dtype=float)
        wrong = weights.shape != (self.n_components,) or not np.isfinite(weights).all()
        if wrong or (weights < 0).any() or weights.sum() <= 0:
            msg = (
                f"weights must be {self.n_components} numbers, finite, non-negative and not all "
                f"zero, got {weights.tolist()}"
            )
            raise ValueError(msg)
        return GaussianMixture(weights / weights.sum(), self.means, self.covariances)

    def mapped(self, matrix: np.ndarray) -> GaussianMixture:
        """Return the mixture of the points multiplied by a symmetric matrix, shape (D, D)."""
        return GaussianMixture(
            self.weights, self.means @ matrix, matrix @ self.covariances @ matrix
        )


@lru_cache(maxsize=32)
def _triangle(n_dims: int) -> tuple[np.ndarray, np.ndarray]:
    return np.triu_indices(n_dims)


def n_features(n_dims: int) -> int:
    """Count the features of a point: D (D + 1) / 2 + D + 1."""
    return n_dims * (n_dims + 1) // 2 + n_dims + 1


def chunk_rows(dtype: np.dtype) -> int:
    """Rows per chunk, which are added up in one sum."""
    return CHUNK_BYTES // np.dtype(dtype).itemsize


def _product(a: jax.Array, b: jax.Array) -> jax.Array:
    """``a.T @ b``, the terms added in pieces whose order is fixed.

    XLA divides longer sums among its threads, and the bits then depend on their number.
    """
    starts = range(0, a.shape[0], PIECE)
    first, *others = (_matmul(a[i : i + PIECE].T, b[i : i + PIECE]) for i in starts)
    return sum(others, first)


def _matmul(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.matmul(a, b, precision=EXACT)


def _features(x: jax.Array, kind: Kind) -> jax.Array:
    """Features (M, B) of points (D, B)."""
    one = jnp.ones((1, x.shape[1]), x.dtype)
    if kind == "tied":
        return jnp.concatenate([x, one])
    if kind == "diag":
        return jnp.concatenate([x * x, x, one])
    products = [x[i : i + 1] * x[i:] for i in range(x.shape[0])]
    return jnp.concatenate([*products, x, one])


@lru_cache(maxsize=32)
def _used(n_dims: int, kind: Kind) -> tuple[np.ndarray, int]:
    """Which of all features a form of covariances needs, and how many."""
    rows, cols = _triangle(n_dims)
    quadratic = {"full": rows >= 0, "diag": rows == cols, "tied": rows < 0}[kind]
    used = np.concatenate([quadratic, np.ones(n_dims + 1, bool)])
    return used, int(used.sum())


def log_density_features(
    log_weights: np.ndarray, means: np.ndarray, covariances: np.ndarray
) -> np.ndarray:
    """Coefficients (M, K) of the log densities in the features of a point."""
    return features_from_roots(log_weights, means, gaussians.roots(covariances))


def features_from_roots(
    log_weights: np.ndarray, means: np.ndarray, roots: gaussians.Roots
) -> np.ndarray:
    """Coefficients (M, K) of the log densities, for covariances whose roots are known."""
    d = means.shape[1]
    precision = roots.precision
    rows, cols = _triangle(d)
    quadratic = np.where(rows == cols, -0.5, -1.0) * precision[:, rows, cols]
    linear = (precision @ means[..., None])[..., 0]
    constant = log_weights - 0.5 * (
        roots.log_det + d * math.log(2 * math.pi) + (linear * means).sum(1)
    )
    return np.concatenate([quadratic, linear, constant[:, None]], axis=1).T


@jax.jit
def _densities(block: jax.Array, centre: jax.Array, theta: jax.Array) -> jax.Array:
    chunks = (block - centre[None]).reshape(-1, chunk_rows(block.dtype), block.shape[1])
    logs = jax.lax.map(lambda x: _product(_features(x.T, "full"), theta), chunks)
    return logs.reshape(block.shape[0], theta.shape[1])


def _moments(ratio: jax.Array, features: jax.Array, share: jax.Array) -> jax.Array:
    """Features' sums (K, M) of one chunk."""
    return _matmul(ratio * share, features.T)


def _overlaps(ratio: jax.Array, _: jax.Array, share: jax.Array) -> jax.Array:
    """Products of responsibilities (K, K) of one chunk."""
    return _matmul(ratio * share, (ratio / ratio.sum(0, keepdims=True)).T)


STATISTICS: dict[str, Callable] = {"moments": _moments, "overlaps": _overlaps}


@partial(jax.jit, static_argnames=("kind", "statistic", "wide"))
def _accumulate(
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
        features = jax.lax.optimization_barrier(_features((x - centre[None]).T, kind))
        logs = _product(theta, features)
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
class _Pass:
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
    ) -> _Pass:
        """Pass in the precision of the cells, with the features that the covariances need."""
        used, n_used = _used(cells.n_dims, kind)
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
                sums = _accumulate(
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
    """Return sums and log likelihood of every set of points, parts added in their order."""
    passes = [
        _Pass.of(cells, centre, theta, kind, statistic)
        for cells, theta in zip(sides, thetas, strict=True)
    ]
    totals: list[Any] = [0.0] * len(passes)
    for i, sums in _parts(sides, passes):
        totals[i] = totals[i] + sums
    return [(total[:-1], float(total[-1, 0])) for total in totals]


def _parts(sides: Sequence[AnyCells], passes: Sequence[_Pass]) -> Iterator[tuple[int, np.ndarray]]:
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

    def run(job: tuple[int, Cells, _Pass, int]) -> tuple[int, np.ndarray]:
        i, cells, one, part = job
        return i, one(cells.part(part, where[part % len(where)]))

    work = sum(cells.n * one.theta.size for _, cells, one, part in here if part == 0)
    together = max(LANES, len(where)) if work > WORK_OF_A_THREAD and len(here) > 1 else 1
    yield from map(run, here) if together == 1 else _pool(together).map(run, here)


def _shared_level(cells: AnyCells, centre: np.ndarray, theta: np.ndarray) -> float:
    """Mean of the quadratic part of the log density that all tied components share."""
    rows, cols = _triangle(cells.n_dims)
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
    rows, cols = _triangle(d)
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
