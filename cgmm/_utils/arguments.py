"""Checks of single arguments: numbers, counts, seeds, functions and numbers of components."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from cgmm.pair import SIDES

MAX_SEED = 2**32 - 1


def check_number(
    name: str, value: float | None, default: float, *, above_zero: bool = False, finite: bool = True
) -> float:
    """Return a number, checked to lie in its range.

    Parameters
    ----------
    name
        Name of the argument, for error messages.
    value
        The number.  None: ``default``.
    default
        Value that replaces None.
    above_zero
        Whether zero is out of range.
    finite
        Whether infinity is out of range.

    Returns
    -------
    The number as a float.

    Raises
    ------
    TypeError, ValueError
        When the value is not a number or is out of range.
    """
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
    """Return a whole number, checked to lie between two limits; 2.0 counts as whole.

    Parameters
    ----------
    name
        Name of the argument, for error messages.
    value
        The number.
    low, high
        Least and largest allowed value.  ``high`` None: no upper limit.

    Returns
    -------
    The number as an int.

    Raises
    ------
    TypeError, ValueError
        When the value is not a whole number or is out of range.
    """
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
    """Raise a TypeError when an argument is neither a function nor None."""
    if function is not None and not callable(function):
        msg = f"{name} must be a function or None, got {function!r}"
        raise TypeError(msg)


def check_seed(value: Any) -> int:
    """Return ``random_state`` as an int; raise an error when it is not a valid seed."""
    return check_whole("random_state", value, 0, MAX_SEED)


def check_components(n_components: Any, n_points: tuple[int, int]) -> tuple[int, int]:
    """Return the number of components of each side, from one number or a pair of numbers.

    Parameters
    ----------
    n_components
        One number for both sides, or a pair.
    n_points
        Number of points of each side, the upper limit of its number of components.

    Returns
    -------
    K0 and K1.

    Raises
    ------
    TypeError, ValueError
        When a number is not whole or exceeds the number of points, or when a sequence does not have
        two numbers.
    """
    given = n_components if isinstance(n_components, tuple | list | np.ndarray) else None
    pair = (n_components, n_components) if given is None else tuple(given)
    if len(pair) != 2:
        msg = f"n_components must be one whole number or a pair of them, got {n_components!r}"
        raise ValueError(msg)
    counts = [check_whole("n_components", k, 1) for k in pair]
    for side, n, k in zip(SIDES, n_points, counts, strict=True):
        if n < k:
            msg = f"{side}: {n} points are fewer than {k} components"
            raise ValueError(msg)
    return counts[0], counts[1]
