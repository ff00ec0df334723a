"""Iteration over nested values from untrusted files, with limits on depth and number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

MAX_DEPTH = 10
MAX_VALUES = 100_000  # a few aliases of YAML can expand to billions of values


class TooManyValuesError(ValueError):
    """Nested values are too deep or too many."""


def nested_values(value: Any) -> Iterator[Any]:
    """Yield a value and all values inside its dicts and lists.

    Parameters
    ----------
    value
        Plain values, as read from YAML or JSON.

    Raises
    ------
    TooManyValuesError
        When there are more than ``MAX_VALUES`` values, or more than ``MAX_DEPTH`` levels.
    """
    waiting: list[tuple[Any, int]] = [(value, 0)]
    n = 0
    while waiting:
        inner, depth = waiting.pop()
        n += 1
        if depth > MAX_DEPTH or n > MAX_VALUES:
            msg = f"There are more than {MAX_VALUES:,} values, or more than {MAX_DEPTH} levels."
            raise TooManyValuesError(msg)
        yield inner
        if isinstance(inner, dict):
            waiting += [(part, depth + 1) for part in inner.values()]
        elif isinstance(inner, list):
            waiting += [(part, depth + 1) for part in inner]
