"""Checks of single arguments: numbers, seeds, functions."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

MAX_SEED = 2**32 - 1


def check_number(
    name: str, value: float | None, default: float, *, above_zero: bool = False, finite: bool = True
) -> float:
    """Return a number, or the default for None, when it lies in its range."""
    wanted = "positive" if above_zero else "at least 0"
    wanted += " and finite" if finite else ""
    number = _as_float(name, default if value is None else value, wanted)
    low = number <= 0 if above_zero else number < 0
    if np.isnan(number) or low or (finite and np.isinf(number)):
        msg = f"{name} must be {wanted}, got {number:g}"
        raise ValueError(msg)
    return number


def _as_float(name: str, value: Any, wanted: str) -> float:
    try:
        if isinstance(value, bool | np.bool_ | str):
            raise TypeError
        return float(value)
    except (TypeError, ValueError) as error:
        msg = f"{name} must be {wanted}, got {value!r}"
        raise TypeError(msg) from error


def check_whole(name: str, value: Any, low: int = 0, high: int | None = None) -> int:
    """Return a whole number between two limits; a float that is whole counts as one."""
    limit = f"of at least {low}" if high is None else f"from {low} to {high}"
    wanted = f"{name} must be a whole number {limit}, got {value!r}"
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        whole = isinstance(value, float | np.floating) and float(value).is_integer()
        number = int(value) if whole else operator.index(value)
    except TypeError as error:
        raise TypeError(wanted) from error
    if number < low or (high is not None and number > high):
        raise ValueError(wanted)
    return number


def check_callable(name: str, function: Any) -> None:
    """Raise a TypeError when something is neither a function nor None."""
    if function is not None and not callable(function):
        msg = f"{name} must be a function or None, got {function!r}"
        raise TypeError(msg)


def check_seed(value: Any) -> int:
    """Return ``random_state`` when it is a seed."""
    return check_whole("random_state", value, 0, MAX_SEED)


def check_components(n_components: Any, n_points: tuple[int, int]) -> tuple[int, int]:
    """Numbers of components of both sides, from one number or a pair of them."""
    given = n_components if isinstance(n_components, tuple | list | np.ndarray) else None
    pair = (n_components, n_components) if given is None else tuple(given)
    if len(pair) != 2:
        msg = f"n_components must be one whole number or a pair of them, got {n_components!r}"
        raise ValueError(msg)
    counts = [check_whole("n_components", k, 1) for k in pair]
    for side, n, k in zip(("source", "target"), n_points, counts, strict=True):
        if n < k:
            msg = f"{side}: {n} points are fewer than {k} components"
            raise ValueError(msg)
    return counts[0], counts[1]
