"""Results that several tables need, computed once while nobody changes the object."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_results: ContextVar[dict[Any, Any] | None] = ContextVar("results", default=None)


@contextmanager
def unchanged() -> Iterator[None]:
    """Compute each result once; nothing may change the object meanwhile."""
    token = _results.set({})
    try:
        yield
    finally:
        _results.reset(token)


def computed_once(function: Callable[P, R]) -> Callable[P, R]:
    """Keep what a function of an object returns, within :func:`unchanged`."""

    @functools.wraps(function)
    def kept(*args: P.args, **options: P.kwargs) -> R:
        results = _results.get()
        if results is None:
            return function(*args, **options)
        place = (function, *map(id, args), *sorted(options.items()))
        if place not in results:
            results[place] = function(*args, **options)
        return copy.deepcopy(results[place])

    return kept
