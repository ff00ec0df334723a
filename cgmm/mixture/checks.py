"""Checks of points, weights and mixtures from the user."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from cgmm.mixture.chunked import Chunks, Points, floating, over_rows, points_of

MAX_VALUE = 1e100  # largest value whose sums of squares are finite
MAX_ASYMMETRY = 1e-6  # relative; larger than the rounding of single precision


def check_points(
    side: str, points: Any, weights: np.ndarray | None
) -> tuple[Points, np.ndarray | None]:
    """Return the points and weights of one side, checked.

    Parameters
    ----------
    side
        "source" or "target", for error messages.
    points
        Shape (N, D), an array or a Dask array.
    weights
        Shape (N,), or None.

    Returns
    -------
    Points in floating point.  Weights in double precision, or None when none were given.

    Raises
    ------
    TypeError, ValueError
        When the points are not a finite two-dimensional array with rows and columns, or when the
        weights are not one non-negative number per point with a positive sum.
    """
    name = f"points_{side}"
    given = points_of(points) if hasattr(points, "dask") else points
    x = _checked_chunks(name, given) if isinstance(given, Chunks) else as_points(name, given)
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
    """Return points as an array in floating point, checked.

    Parameters
    ----------
    name
        Name of the argument, for error messages.
    points
        Shape (N, D).
    n_dims
        Number of columns that the points must have.  None: any.

    Returns
    -------
    Shape (N, D), finite.

    Raises
    ------
    TypeError, ValueError
        When the points are not a finite two-dimensional array of numbers.
    """
    x = _as_numbers(name, points, "an array (cells, dimensions) of numbers")
    if x.ndim != 2:
        msg = f"{name} must be two-dimensional (cells, dimensions), got shape {x.shape}"
        raise ValueError(msg)
    if n_dims is not None and x.shape[1] != n_dims:
        msg = f"{name} has {x.shape[1]} columns, but the mixture has {n_dims} dimensions"
        raise ValueError(msg)
    _check_values(name, *_extent(x), x.shape[0])
    return x


def _checked_chunks(name: str, points: Chunks) -> Points:
    x = floating(points)
    extents = list(over_rows(_extent, x, 1.0))
    n_bad, largest = sum(n for n, _ in extents), max((m for _, m in extents), default=0.0)
    _check_values(name, n_bad, largest, len(x))
    return x


def _extent(points: np.ndarray, _: object = None) -> tuple[int, float]:
    """Return the number of rows that are not finite; if zero, also the largest absolute value."""
    finite = np.isfinite(points).all(axis=1)
    if not finite.all():
        return int(len(points) - finite.sum()), 0.0
    return 0, max(float(points.max()), -float(points.min())) if points.size else 0.0


def _check_values(name: str, n_bad: int, largest: float, n: int) -> None:
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
    """Return a mixture, checked.

    Parameters
    ----------
    name
        Name of the mixture, for error messages.
    mixture
        The mixture.  If its arrays are traced by JAX, only shapes are checked.
    n_dims
        Number of dimensions that the mixture must have.  None: any.
    of
        Phrase for what has ``n_dims`` dimensions, for error messages.

    Returns
    -------
    The given mixture.

    Raises
    ------
    TypeError
        When the object does not have the attributes of a mixture.
    ValueError
        When shapes do not agree, values are not finite, weights are negative or all zero, or a
        covariance is not symmetric and positive definite.
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
    if not traced:
        _check_values_of_mixture(name, mixture)
    return mixture


def _check_values_of_mixture(name: str, mixture: Any) -> None:
    """Raise a ValueError when weights, means or covariances are not valid for a mixture."""
    weights, means, covariances = (
        np.asarray(a, dtype=float) for a in (mixture.weights, mixture.means, mixture.covariances)
    )
    if not all(np.isfinite(a).all() for a in (weights, means, covariances)):
        msg = f"{name} has NaN or infinite values"
        raise ValueError(msg)
    if (weights < 0).any() or weights.sum() <= 0:
        msg = f"{name} has weights that are negative or all zero (min {weights.min():g})"
        raise ValueError(msg)
    scale = np.abs(covariances).max(axis=(1, 2))
    gap: Any = np.abs(covariances - covariances.swapaxes(1, 2)).max(axis=(1, 2))
    if (gap > MAX_ASYMMETRY * scale).any():
        msg = f"{name} has a covariance that is not symmetric (component {int(gap.argmax())})"
        raise ValueError(msg)
    smallest: Any = np.linalg.eigvalsh(covariances)[:, 0]
    if (smallest <= 0).any():
        msg = (
            f"{name} has a covariance that is not positive definite (component "
            f"{int(smallest.argmin())}, eigenvalue {smallest.min():.3g})"
        )
        raise ValueError(msg)
