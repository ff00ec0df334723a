"""Standard JSON for values that may be numpy or JAX arrays, infinite or NaN."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from cgmm._utils.files import atomic

_NOT_FINITE = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}


def write_json(
    value: Any, path: Path | str, *, nan_as_null: bool = False, indent: int | None = 1
) -> None:
    """Write values as a JSON file, which is there as a whole or not at all.

    Parameters
    ----------
    value, nan_as_null
        As for :func:`dumps`.
    path
        The file.
    indent
        Spaces for each level; None: everything in one line.
    """
    with atomic(path) as temporary:
        text = dumps(value, nan_as_null=nan_as_null, indent=indent)
        temporary.write_text(text + "\n", encoding="utf-8")


def dumps(value: Any, *, nan_as_null: bool = False, **options: Any) -> str:
    """Return values as JSON text that every JSON reader accepts.

    Parameters
    ----------
    value
        Dicts, lists and plain values; arrays and scalars of numpy and JAX become lists and plain
        values. Infinities become the texts "Infinity" and "-Infinity".
    nan_as_null
        True: write NaN as null, which other programs read as a missing value.  False: write NaN as
        the text "NaN", which :func:`loads` reads as NaN.
    options
        Further options of :func:`json.dumps`.

    Raises
    ------
    TypeError
        When a value has another type.
    """
    return json.dumps(_plain(value, None if nan_as_null else "NaN"), allow_nan=False, **options)


def loads(text: str) -> Any:
    """Return the values that :func:`dumps` wrote, with infinities and NaN as numbers."""
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
