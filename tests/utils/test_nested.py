"""A walk over nested values ends, whatever the values are."""

from __future__ import annotations

from typing import Any

import pytest

from cgmm._utils.nested import MAX_DEPTH, MAX_VALUES, TooManyValuesError, nested_values


def deep(n: int) -> Any:
    value: Any = 1
    for _ in range(n):
        value = [value]
    return value


def test_every_value_is_visited_once() -> None:
    found = list(nested_values({"a": [1, {"b": 2}], "c": "text"}))
    assert [v for v in found if not isinstance(v, dict | list)] == ["text", 2, 1]
    assert len(found) == 6


def test_values_as_deep_as_the_limit_are_visited() -> None:
    assert len(list(nested_values(deep(MAX_DEPTH)))) == MAX_DEPTH + 1
    with pytest.raises(TooManyValuesError, match="levels"):
        list(nested_values(deep(MAX_DEPTH + 1)))


def test_aliases_that_multiply_are_refused() -> None:
    value: Any = "x"
    for _ in range(9):
        value = [value] * 9
    with pytest.raises(TooManyValuesError, match="values"):
        list(nested_values(value))


def test_a_value_inside_itself_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(TooManyValuesError):
        list(nested_values(value))


def test_as_many_values_as_the_limit_are_visited() -> None:
    assert len(list(nested_values([0] * (MAX_VALUES - 1)))) == MAX_VALUES
