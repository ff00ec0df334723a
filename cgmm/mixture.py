r"""Gaussian mixtures: density, responsibilities, sampling, streamed sufficient statistics.

The log density of component k is linear in the features ``(x_i x_j)_{i <= j}, x, 1``:

.. math:: \log \pi_k N(x; m_k, S_k)
          = -\tfrac12 \sum_{ij} P_{ij} x_i x_j + (P m)^T x + \text{const}, \quad P = S_k^{-1},

so one matrix product gives all log densities of a chunk of points, and the transposed product
of the responsibilities with the same features gives all that the M-step needs (mass, mean and
second moment of every component).  Both products cost half of what full D x D forms cost.
Chunks are small enough to stay in cache; sums over chunks are kept in double precision; points
are centred first and never held twice, so memory does not grow with their number.

Diagonal covariances need only the squares ``x_i^2`` of the quadratic features; with tied ones the
quadratic part is the same for all components, so that it drops out of the responsibilities and
enters the likelihood through the second moment of all points, which is computed once.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from . import gaussians
from ._checks import as_points, check_mixture, check_seed, check_whole

CHUNK_BYTES = 1024  # per number of a row; longer sums would not be free of threads
PIECE = 128
BLOCK_ROWS = 16_384
CACHED_BYTES = 64 * 2**20
SINGLE_PRECISION_WORK = 2e9
SINGLE_PRECISION_REACH = 2e4
LANES = 2
WORK_OF_A_THREAD = 1_000_000
AHEAD = 4


Kind = Literal["full", "diag", "tied"]


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
            parts = [
                np.asarray(_densities(block, centre, theta))[:n]
                for block, _, n in Cells(x, None, np.float64).blocks()
            ]
        return np.concatenate(parts) if parts else np.empty((0, self.n_components))

    def log_prob(self, points: np.ndarray) -> np.ndarray:
        """Log density of points (N, D): shape (N,)."""
        parts = self.component_log_prob(points)
        top = parts.max(1, keepdims=True)
        return (top + np.log(np.exp(parts - top).sum(1, keepdims=True)))[:, 0]

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
        noise = rng.standard_normal((n_points, self.n_dims))
        return self.means[labels] + np.einsum("nij,nj->ni", factors[labels], noise), labels

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


class Cells:
    """Weighted points in blocks of one fixed shape, so that any number of them runs one code.

    Parameters
    ----------
    points
        Shape (N, D).
    weights
        Shape (N,), non-negative, or None for equal weights; kept with sum one.
    dtype
        Precision of the arithmetic.
    """

    def __init__(self, points: np.ndarray, weights: np.ndarray | None, dtype: type) -> None:
        self.points = points
        self.n, self.n_dims = points.shape
        self.weights = None if weights is None else np.asarray(weights, float) / np.sum(weights)
        self.dtype = np.dtype(dtype)
        self._kept: list[tuple[jax.Array, jax.Array, int]] | None = None
        self._second: np.ndarray | None = None

    def blocks(self, lane: int = 0, n_lanes: int = 1) -> Iterator[tuple[jax.Array, jax.Array, int]]:
        """Yield points (B, D), weights (B,) and the number of real points of each block.

        Of every ``n_lanes`` blocks one belongs to a lane.
        """
        if self.n * self.n_dims * self.dtype.itemsize > CACHED_BYTES:
            return self._cut(lane, n_lanes)
        if self._kept is None:
            self._kept = list(self._cut(0, 1))
        return iter(self._kept[lane::n_lanes])

    def second_moment(self, centre: np.ndarray) -> np.ndarray:
        """Mean products of the coordinates relative to ``centre`` (always the same), (D, D)."""
        if self._second is None:
            total = np.zeros((self.n_dims, self.n_dims))
            for start in range(0, self.n, BLOCK_ROWS):
                off = np.asarray(self.points[start : start + BLOCK_ROWS], float) - centre
                weight = 1 / self.n
                if self.weights is not None:
                    weight = self.weights[start : start + BLOCK_ROWS, None]
                total += (off * weight).T @ off
            self._second = total
        return self._second

    def _cut(self, lane: int, n_lanes: int) -> Iterator[tuple[jax.Array, jax.Array, int]]:
        rows = BLOCK_ROWS
        for start in range(lane * rows, self.n, n_lanes * rows):
            part = np.asarray(self.points[start : start + rows], dtype=self.dtype)
            n = len(part)
            weight = np.zeros(rows, self.dtype)
            weight[:n] = 1 / self.n if self.weights is None else self.weights[start : start + rows]
            if n < rows:
                part = np.concatenate([part, np.zeros((rows - n, self.n_dims), self.dtype)])
            yield jax.device_put(part), jax.device_put(weight), n


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
    first, *others = (a[i : i + PIECE].T @ b[i : i + PIECE] for i in starts)
    return sum(others, first)


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


@partial(jax.jit, static_argnames="kind")
def _accumulate(
    sums: jax.Array,
    block: jax.Array,
    weight: jax.Array,
    n: jax.Array,
    centre: jax.Array,
    theta: jax.Array,
    kind: Kind,
) -> jax.Array:
    """Add the statistics of one block: features' sums (K, M), and the log likelihood below."""

    def add(ratio: jax.Array, features: jax.Array, share: jax.Array) -> jax.Array:
        return (ratio * share) @ features.T

    return _chunks(sums, block, weight, n, centre, theta, kind, add)


@partial(jax.jit, static_argnames="kind")
def _overlaps(
    sums: jax.Array,
    block: jax.Array,
    weight: jax.Array,
    n: jax.Array,
    centre: jax.Array,
    theta: jax.Array,
    kind: Kind,
) -> jax.Array:
    """Add one block: products of responsibilities (K, K), and the log likelihood below."""

    def add(ratio: jax.Array, _: jax.Array, share: jax.Array) -> jax.Array:
        return (ratio * share) @ (ratio / ratio.sum(0, keepdims=True)).T

    return _chunks(sums, block, weight, n, centre, theta, kind, add)


def _chunks(
    sums: jax.Array,
    block: jax.Array,
    weight: jax.Array,
    n: jax.Array,
    centre: jax.Array,
    theta: jax.Array,
    kind: Kind,
    add: Callable,
) -> jax.Array:
    rows = chunk_rows(block.dtype)

    def chunk(i: jax.Array, sums: tuple) -> tuple:
        x = jax.lax.dynamic_slice_in_dim(block, i * rows, rows) - centre[None]
        w = jax.lax.dynamic_slice_in_dim(weight, i * rows, rows)
        # without the barrier both products would build features of their own
        features = jax.lax.optimization_barrier(_features(x.T, kind))
        logs = _product(theta, features)
        top = logs.max(0, keepdims=True)
        ratio = jnp.exp(logs - top)
        total = ratio.sum(0, keepdims=True)
        level = (w * (top + jnp.log(total))[0]).sum()
        more = add(ratio, features, w[None] / total)
        return sums[0] + more.astype(jnp.float64), sums[1] + level.astype(jnp.float64)

    start = (sums[:-1], sums[-1, 0])
    moments, level = jax.lax.fori_loop(0, (n + rows - 1) // rows, chunk, start)
    last = jnp.broadcast_to(level, (1, sums.shape[1]))
    return jnp.concatenate([moments, last])


def expectation(
    cells: Cells, centre: np.ndarray, theta: np.ndarray, kind: Kind = "full"
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
    sides: Sequence[Cells], centre: np.ndarray, thetas: np.ndarray, kind: Kind = "full"
) -> list[Moments]:
    """:func:`expectation` of several sets of points; ``thetas`` of shape (sets, M, K)."""
    jobs = [
        _Job(cells, centre, theta, kind, _accumulate, _used(cells.n_dims, kind)[1])
        for cells, theta in zip(sides, thetas, strict=True)
    ]
    return [
        _central(*sums, cells, centre, theta, kind)
        for sums, cells, theta in zip(_sums(jobs), sides, thetas, strict=True)
    ]


def proportions(
    cells: Cells, centre: np.ndarray, theta: np.ndarray, kind: Kind = "full"
) -> tuple[np.ndarray, np.ndarray, float]:
    """Mean responsibilities (K,), mean products of responsibilities (K, K), log likelihood.

    Costs half a pass of :func:`expectation`, whose parameters it has.
    """
    job = _Job(cells, centre, theta, kind, _overlaps, theta.shape[1])
    ((overlap, level),) = _sums([job])
    if kind == "tied":
        level += _shared_level(cells, centre, theta)
    return overlap.sum(1), overlap, level


class _Job(NamedTuple):
    """One pass over one set of points: what to add up, in arrays of which width."""

    cells: Cells
    centre: np.ndarray
    theta: np.ndarray
    kind: Kind
    add: Callable
    width: int

    @property
    def n_lanes(self) -> int:
        """Number of sums that the blocks are dealt to."""
        return 1 if self.cells.n <= LANES * BLOCK_ROWS else LANES

    @property
    def work(self) -> int:
        """Products of features and components."""
        return self.cells.n * self.theta.size

    def lane(self, i: int) -> np.ndarray:
        """Sum over the blocks of one lane."""
        cells, dtype = self.cells, self.cells.dtype
        used, _ = _used(cells.n_dims, self.kind)
        theta = np.ascontiguousarray(self.theta[used], dtype)
        centre = np.asarray(self.centre, dtype)
        with jax.enable_x64(True):
            sums: Any = np.zeros((theta.shape[1] + 1, self.width))
            for count, (block, weight, n) in enumerate(cells.blocks(i, self.n_lanes)):
                sums = self.add(sums, block, weight, n, centre, theta, self.kind)
                if count % AHEAD == AHEAD - 1:
                    jax.block_until_ready(sums)  # or blocks would queue up without limit
            return np.asarray(sums)


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(LANES - 1)


if hasattr(os, "register_at_fork"):
    # threads do not survive a fork
    os.register_at_fork(after_in_child=_pool.cache_clear)


def _sums(jobs: Sequence[_Job]) -> list[tuple[np.ndarray, float]]:
    """Return sums and log likelihood of every job.

    Lanes run side by side, so that one computes elementwise what another multiplies, unless there
    is too little to do.  Every lane has its own blocks and sums, so that the result does not
    depend on timing.
    """
    lanes = [(job, i) for job in jobs for i in range(job.n_lanes)]
    for job in jobs:
        job.cells.blocks()  # cut once, by one thread
    together = LANES if sum(job.work for job in jobs) > WORK_OF_A_THREAD else 1
    parts: list[np.ndarray] = []
    for first in range(0, len(lanes), together):
        *others, (last, i) = lanes[first : first + together]
        waiting = [_pool().submit(other.lane, j) for other, j in others]
        own = last.lane(i)
        parts += [*(part.result() for part in waiting), own]
    found = []
    for job in jobs:
        total = np.sum([parts.pop(0) for _ in range(job.n_lanes)], axis=0)
        found.append((total[:-1], float(total[-1, 0])))
    return found


def _shared_level(cells: Cells, centre: np.ndarray, theta: np.ndarray) -> float:
    """Mean of the quadratic part of the log density that all tied components share."""
    rows, cols = _triangle(cells.n_dims)
    return float(theta[: len(rows), 0] @ cells.second_moment(centre)[rows, cols])


def _central(
    sums: np.ndarray,
    level: float,
    cells: Cells,
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
