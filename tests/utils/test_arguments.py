"""Checks of single arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cgmm._utils.arguments import (
    check_callable,
    check_components,
    check_number,
    check_seed,
    check_whole,
)


def test_none_takes_the_default() -> None:
    assert check_number("rho", None, 2.5) == 2.5
    assert check_number("rho", np.float32(1), 2.5) == 1.0
    assert check_number("rho", np.inf, 1.0, finite=False) == np.inf


@pytest.mark.parametrize(
    ("value", "error"),
    [("1", TypeError), (True, TypeError), ([1], TypeError), (np.nan, ValueError), (-1, ValueError)],
)
def test_what_is_no_number_in_range_is_an_error(value: Any, error: type) -> None:
    with pytest.raises(error, match="rho must be at least 0 and finite, got"):
        check_number("rho", value, 1.0)


def test_zero_is_positive_for_nobody() -> None:
    with pytest.raises(ValueError, match="rho must be positive and finite, got 0"):
        check_number("rho", 0, 1.0, above_zero=True)


def test_a_float_without_fraction_is_whole() -> None:
    assert check_whole("n", 3.0) == 3
    assert check_whole("n", np.int8(3), 1, 3) == 3


@pytest.mark.parametrize(("value", "error"), [(3.5, TypeError), (True, TypeError), (4, ValueError)])
def test_what_is_no_whole_number_in_range_is_an_error(value: Any, error: type) -> None:
    with pytest.raises(error, match="n must be a whole number from 1 to 3"):
        check_whole("n", value, 1, 3)


def test_seeds_are_those_of_numpy() -> None:
    assert check_seed(2**32 - 1) == 2**32 - 1
    with pytest.raises(ValueError, match="random_state"):
        check_seed(2**32)


def test_only_functions_and_none_are_callable() -> None:
    check_callable("callback", None)
    check_callable("callback", print)
    with pytest.raises(TypeError, match="callback must be a function or None, got 3"):
        check_callable("callback", 3)


def test_one_number_of_components_serves_both_sides() -> None:
    assert check_components(3, (10, 5)) == (3, 3)
    assert check_components([3, 4.0], (10, 5)) == (3, 4)
    with pytest.raises(ValueError, match="target: 5 points are fewer than 6 components"):
        check_components(6, (10, 5))
    with pytest.raises(ValueError, match="one whole number or a pair of them"):
        check_components((1, 2, 3), (10, 5))
