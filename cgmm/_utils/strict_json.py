"""Strict JSON: numpy values as plain ones, infinities and NaN as text."""

from __future__ import annotations

import json
import math
from typing import Any


def dumps(value: Any, **options: Any) -> str:
    """Write strict JSON: numpy values as plain ones, infinities and NaN as text."""
    return json.dumps(_plain(value), allow_nan=False, **options)


def loads(text: str) -> Any:
    """Read what :func:`dumps` wrote."""
    return _restore(json.loads(text))


_NOT_FINITE = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if hasattr(value, "tolist"):  # numpy and jax, scalars and arrays
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return next(k for k, v in _NOT_FINITE.items() if v == value or (v != v and value != value))
    if value is None or isinstance(value, str | bool | int | float):
        return value
    msg = f"Cannot write a {type(value).__name__} as JSON: {value!r}."
    raise TypeError(msg)


def _restore(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _restore(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_restore(v) for v in value]
    return _NOT_FINITE.get(value, value) if isinstance(value, str) else value
