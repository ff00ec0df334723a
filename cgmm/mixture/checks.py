"""Checks of arrays and mixtures at the public boundary of the numerical core."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from cgmm.mixture.chunked import Chunks, Points, floating, over_rows, points_of

MAX_VALUE = 1e100  # squares and their sums must stay finite
SYMMETRY = 1e-6  # relative; single precision keeps it


def check_points(
    side: str, points: Any, weights: np.ndarray | None
) -> tuple[Points, np.ndarray | None]:
    """Points (N, D) of a side in floating point, and their weights (N,), both checked."""
    name = f"points_{side}"
    found = points_of(points) if hasattr(points, "dask") else points
    x = _finite_chunks(name, found) if isinstance(found, Chunks) else as_points(name, found)
    if x.shape[0] == 0 or x.shape[1] == 0:
        msg = f"points_{side} is empty: shape {x.shape}"
        raise ValueError(msg)
    if weights is None:
        return x, None
    w = _as_numbers(f"weights_{side}", weights, "one number per point").astype(float, copy=False)
    if w.shape != (x.shape[0],):
        msg = f"weights_{side} must have shape ({x.shape[0]},), got {w.shape}"
        raise ValueError(msg)
    if not np.isfinite(w).all() or (w < 0).any() or not 0 < w.max() < MAX_VALUE:
        msg = (
            f"weights_{side} must be finite, non-negative and not all zero "
            f"(min {w.min():g}, max {w.max():g})"
        )
        raise ValueError(msg)
    return x, w


def as_points(name: str, points: Any, n_dims: int | None = None) -> np.ndarray:
    """Array (N, D) in floating point, finite; of ``n_dims`` columns when that is given."""
    x = _as_numbers(name, points, "an array (cells, dimensions) of numbers")
    if x.ndim != 2:
        msg = f"{name} must be two-dimensional (cells, dimensions), got shape {x.shape}"
        raise ValueError(msg)
    if n_dims is not None and x.shape[1] != n_dims:
        msg = f"{name} has {x.shape[1]} columns, but the mixture has {n_dims} dimensions"
        raise ValueError(msg)
    _refuse_values(name, *_extent(x), x.shape[0])
    return x


def _finite_chunks(name: str, points: Chunks) -> Points:
    x = floating(points)
    found = list(over_rows(_extent, x, 1.0))
    _refuse_values(name, sum(n for n, _ in found), max((m for _, m in found), default=0.0), len(x))
    return x


def _extent(points: np.ndarray, _: object = None) -> tuple[int, float]:
    """How many rows are not finite, and the largest absolute value of the others."""
    finite = np.isfinite(points).all(axis=1)
    if not finite.all():
        return int(len(points) - finite.sum()), 0.0
    return 0, max(float(points.max()), -float(points.min())) if points.size else 0.0


def _refuse_values(name: str, n_bad: int, largest: float, n: int) -> None:
    if n_bad:
        msg = f"{name} has NaN or infinite values in {n_bad} of {n} rows"
        raise ValueError(msg)
    if largest > MAX_VALUE:
        msg = f"{name} has values up to {largest:.3g}, whose squares overflow: divide them"
        raise ValueError(msg)


def _as_numbers(name: str, values: Any, wanted: str) -> np.ndarray:
    if hasattr(values, "toarray"):
        msg = f"{name} is sparse, but {wanted} is needed: call .toarray() first"
        raise TypeError(msg)
    try:
        array = np.ma.filled(values, np.nan) if np.ma.isMA(values) else np.asarray(values)
        if np.issubdtype(array.dtype, np.floating):
            return array
        if array.dtype.kind in "iuO":
            return array.astype(float)
    except (TypeError, ValueError) as error:
        msg = f"{name} must be {wanted}, got {type(values).__name__} ({error})"
        raise TypeError(msg) from error
    msg = f"{name} must be {wanted}, got {type(values).__name__} of {array.dtype}"
    raise TypeError(msg)


def check_mixture(
    name: str, mixture: Any, n_dims: int | None = None, of: str = "the points have"
) -> Any:
    """Return a mixture whose arrays fit together and have a meaning.

    Values that JAX traces are not looked at, only their shapes.
    """
    if not all(hasattr(mixture, part) for part in ("weights", "means", "covariances")):
        msg = f"{name} must be a GaussianMixture, got {type(mixture).__name__}"
        raise TypeError(msg)
    shapes = [np.shape(a) for a in (mixture.weights, mixture.means, mixture.covariances)]
    k, d = shapes[1] if len(shapes[1]) == 2 else (0, 0)
    if not k or not d or shapes != [(k,), (k, d), (k, d, d)]:
        msg = (
            f"{name} needs weights (K,), means (K, D) and covariances (K, D, D), got shapes "
            f"{', '.join(map(str, shapes))}"
        )
        raise ValueError(msg)
    if n_dims is not None and d != n_dims:
        msg = f"{name} has {d} dimensions, {of} {n_dims}"
        raise ValueError(msg)
    traced = any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(mixture))
    if not traced and (problem := _problem_of_mixture(mixture)):
        msg = f"{name} {problem}"
        raise ValueError(msg)
    return mixture


def _problem_of_mixture(mixture: Any) -> str | None:
    """Say what is wrong with the values of a mixture, as the end of a sentence."""
    weights, means, covariances = (
        np.asarray(a, dtype=float) for a in (mixture.weights, mixture.means, mixture.covariances)
    )
    if not all(np.isfinite(a).all() for a in (weights, means, covariances)):
        return "has NaN or infinite values"
    if (weights < 0).any() or weights.sum() <= 0:
        return f"has weights that are negative or all zero (min {weights.min():g})"
    scale = np.abs(covariances).max(axis=(1, 2))
    gap: Any = np.abs(covariances - covariances.swapaxes(1, 2)).max(axis=(1, 2))
    if (gap > SYMMETRY * scale).any():
        return f"has a covariance that is not symmetric (component {int(gap.argmax())})"
    least: Any = np.linalg.eigvalsh(covariances)[:, 0]
    if (least <= 0).any():
        return (
            f"has a covariance that is not positive definite (component {int(least.argmin())}, "
            f"eigenvalue {least.min():.3g})"
        )
    return None
