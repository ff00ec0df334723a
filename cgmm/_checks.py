"""Checks of arrays and numbers at the public boundary of the numerical core."""

from __future__ import annotations

from typing import Any

import numpy as np

from .chunked import Points, floating, over_rows, points_of


def check_points(
    side: str, points: Any, weights: np.ndarray | None
) -> tuple[Points, np.ndarray | None]:
    x = points_of(points)
    if len(x.shape) != 2:
        msg = f"points_{side} must be two-dimensional (cells, dimensions), got shape {x.shape}"
        raise ValueError(msg)
    if x.shape[0] == 0 or x.shape[1] == 0:
        msg = f"points_{side} is empty: shape {x.shape}"
        raise ValueError(msg)
    x = floating(x)
    if bad := int(sum(over_rows(_rows_not_finite, x, 1.0))):
        msg = f"points_{side} has NaN or infinite values in {bad} of {x.shape[0]} rows"
        raise ValueError(msg)
    if weights is None:
        return x, None
    w = np.asarray(weights, dtype=float)
    if w.shape != (x.shape[0],):
        msg = f"weights_{side} must have shape ({x.shape[0]},), got {w.shape}"
        raise ValueError(msg)
    if not np.isfinite(w).all() or (w < 0).any() or w.sum() <= 0:
        msg = f"weights_{side} must be finite, non-negative and not all zero (min {w.min():g})"
        raise ValueError(msg)
    return x, w


def check_number(
    name: str, value: float | None, default: float, *, above_zero: bool = False, finite: bool = True
) -> float:
    number = float(default if value is None else value)
    low = number <= 0 if above_zero else number < 0
    if np.isnan(number) or low or (finite and np.isinf(number)):
        wanted = "positive" if above_zero else "at least 0"
        msg = f"{name} must be {wanted}{' and finite' if finite else ''}, got {number:g}"
        raise ValueError(msg)
    return number


def _rows_not_finite(points: np.ndarray, _: object) -> int:
    return int(len(points) - np.isfinite(points).all(axis=1).sum())
