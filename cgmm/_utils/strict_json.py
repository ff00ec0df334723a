"""JSON as the standard has it, for values that may be numpy's, infinite or NaN."""

from __future__ import annotations

import json
import math
from typing import Any

_NOT_FINITE = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}


def dumps(value: Any, *, nan_as_null: bool = False, **options: Any) -> str:
    """Write values as JSON that every reader accepts.

    Parameters
    ----------
    value
        Dicts, lists and plain values; arrays and scalars of numpy and JAX become lists and plain
        values. Infinities become the texts "Infinity" and "-Infinity".
    nan_as_null
        Write NaN as null, which other programs read as a missing value, and not as the text "NaN",
        which :func:`loads` reads back.
    options
        Of :func:`json.dumps`.

    Raises
    ------
    TypeError
        When a value is none of these.
    """
    return json.dumps(_plain(value, None if nan_as_null else "NaN"), allow_nan=False, **options)


def loads(text: str) -> Any:
    """Read what :func:`dumps` wrote, infinities and NaN as numbers."""
    return _restore(json.loads(text))


def _plain(value: Any, nan: str | None) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v, nan) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v, nan) for v in value]
    if hasattr(value, "tolist"):  # numpy and jax, scalars and arrays
        return _plain(value.tolist(), nan)
    if isinstance(value, float) and not math.isfinite(value):
        if math.isnan(value):
            return nan
        return "Infinity" if value > 0 else "-Infinity"
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
