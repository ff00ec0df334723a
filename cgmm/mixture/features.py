"""Features of points, from which one matrix product gives the log densities of all components."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from cgmm.transport import gaussians

CHUNK_BYTES = 1024  # of one feature in a chunk; XLA divides longer sums among threads
MAX_TERMS = 128  # of a sum inside a matrix product, for the same reason
# GPUs would otherwise round products of single precision to 10 bits
EXACT = jax.lax.Precision.HIGHEST


MULTIPLE = 8  # of the components that a compiled pass over few points is made for
MAX_FILLED_WORK = 5e8  # points times coefficients; above, empty components cost more than compiling

Kind = Literal["full", "diag", "tied"]


@lru_cache(maxsize=32)
def triangle(n_dims: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows and columns of the upper triangle of a (D, D) matrix."""
    return np.triu_indices(n_dims)


@lru_cache(maxsize=32)
def factors(n_dims: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of (x, 1), shape (D + 1, B), whose products are the features, (M,) each."""
    rows, cols = triangle(n_dims)
    alone = np.arange(n_dims + 1)  # coordinates and the constant, times one
    return np.concatenate([rows, alone]), np.concatenate([cols, np.full(n_dims + 1, n_dims)])


def n_features(n_dims: int) -> int:
    """Return the number of features of a point: D (D + 1) / 2 + D + 1."""
    return n_dims * (n_dims + 1) // 2 + n_dims + 1


def chunk_rows(dtype: np.dtype) -> int:
    """Return the number of rows of a chunk, which are added in one sum."""
    return CHUNK_BYTES // np.dtype(dtype).itemsize


def pieces_of(rows: jax.Array) -> list[jax.Array]:
    """Return some rows in pieces of ``MAX_TERMS``: the terms of one sum."""
    return [rows[i : i + MAX_TERMS] for i in range(0, rows.shape[0], MAX_TERMS)]


def product(a: Sequence[jax.Array], b: Sequence[jax.Array]) -> jax.Array:
    """Return the sum of ``x.T @ y`` over the pieces of both, in their order.

    XLA divides longer sums among its threads, and the bits would depend on the number of threads.
    """
    first, *others = (matmul(x.T, y) for x, y in zip(a, b, strict=True))
    return sum(others, first)


def matmul(a: jax.Array, b: jax.Array) -> jax.Array:
    """Return the matrix product in the full precision of its arguments."""
    return jnp.matmul(a, b, precision=EXACT)


def features_of(x: jax.Array, kind: Kind) -> list[jax.Array]:
    """Return the features of points (D, B), in pieces of ``MAX_TERMS`` of all M, (m, B) each.

    Each piece is made by itself.  XLA makes the features anew for every slice that is taken from
    them, which takes longer than the products.
    """
    one = jnp.ones((1, x.shape[1]), x.dtype)
    if kind == "tied":
        return pieces_of(jnp.concatenate([x, one]))
    if kind == "diag":
        return pieces_of(jnp.concatenate([x * x, x, one]))
    rows, cols = factors(x.shape[0])
    # one gather of each factor: XLA compiles and runs a product per row in twice the time
    extended = jnp.concatenate([x, one])
    starts = range(0, len(rows), MAX_TERMS)
    return [extended[rows[i : i + MAX_TERMS]] * extended[cols[i : i + MAX_TERMS]] for i in starts]


@lru_cache(maxsize=32)
def used_features(n_dims: int, kind: Kind) -> tuple[np.ndarray, int]:
    """Return a mask (M,) of the features that a form of covariances needs, and their number."""
    rows, cols = triangle(n_dims)
    quadratic = {"full": rows >= 0, "diag": rows == cols, "tied": rows < 0}[kind]
    used = np.concatenate([quadratic, np.ones(n_dims + 1, bool)])
    return used, int(used.sum())


def filled_up(theta: np.ndarray, n_points: int) -> np.ndarray:
    """Return coefficients (M, K) with empty components up to a multiple of ``MULTIPLE``.

    Code is compiled for a number of components, and an automatic fit has mixtures of many sizes:
    with few points it would compile for longer than it computes.  An empty component has no
    density anywhere, so responsibilities and sums of the others stay what they are.  With many
    points nothing is added.
    """
    m, k = theta.shape
    more = -k % MULTIPLE
    if not more or n_points * theta.size > MAX_FILLED_WORK:
        return theta
    empty = np.zeros((m, more), theta.dtype)
    empty[-1] = np.finfo(theta.dtype).min / 4  # of the constant feature
    return np.concatenate([theta, empty], axis=1)


def log_density_features(
    log_weights: np.ndarray, means: np.ndarray, covariances: np.ndarray
) -> np.ndarray:
    """Return the coefficients of the log densities in the features of a point.

    Parameters
    ----------
    log_weights, means, covariances
        Parameters of a mixture, shapes (K,), (K, D) and (K, D, D).

    Returns
    -------
    Shape (M, K).
    """
    return features_from_roots(log_weights, means, gaussians.roots(covariances))


def features_from_roots(
    log_weights: np.ndarray, means: np.ndarray, roots: gaussians.Roots
) -> np.ndarray:
    """Return the coefficients (M, K) of the log densities, from roots of the covariances."""
    d = means.shape[1]
    precision = roots.precision
    rows, cols = triangle(d)
    quadratic = np.where(rows == cols, -0.5, -1.0) * precision[:, rows, cols]
    linear = (precision @ means[..., None])[..., 0]
    constant = log_weights - 0.5 * (
        roots.log_det + d * math.log(2 * math.pi) + (linear * means).sum(1)
    )
    return np.concatenate([quadratic, linear, constant[:, None]], axis=1).T


@jax.jit
def densities(block: jax.Array, centre: jax.Array, theta: jax.Array) -> jax.Array:
    """Return the log densities (B, K) of the points of a block, for coefficients ``theta``."""
    chunks = (block - centre[None]).reshape(-1, chunk_rows(block.dtype), block.shape[1])
    own = pieces_of(theta)
    logs = jax.lax.map(lambda x: product(features_of(x.T, "full"), own), chunks)
    return logs.reshape(block.shape[0], theta.shape[1])
