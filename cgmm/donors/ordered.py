"""Conditions in an order: the number of each condition on a scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd


def checked_scores(values: Mapping[str, Sequence[Any]], *, what: str) -> dict[str, float]:
    """Return one number per condition.

    Parameters
    ----------
    values
        The values that occur in each condition; text that reads as a number is a number.
    what
        Name of the column, in sentences.

    Raises
    ------
    ValueError
        When a condition has no number or several, or when all have the same.
    """
    made = {}
    for name, found in values.items():
        numbers = pd.to_numeric(pd.Series(list(found), dtype=object), errors="coerce")
        if not len(numbers) or not np.isfinite(numbers.to_numpy(float)).all():
            shown = ", ".join("nothing" if v in (None, "") else repr(v) for v in list(found)[:3])
            msg = f"order: {what} must hold numbers, but {name!r} has {shown or 'nothing'}."
            raise ValueError(msg)
        if numbers.nunique() > 1:
            shown = ", ".join(f"{v:g}" for v in numbers.unique()[:4])
            msg = (
                f"order: {what} must be the same in all samples of a condition, but {name!r} has "
                f"{shown}."
            )
            raise ValueError(msg)
        made[name] = float(numbers.iloc[0])
    if len(set(made.values())) < 2:
        same = next(iter(made.values()))
        msg = f"order: {what} is {same:g} in every condition, so nothing is ordered: correct it."
        raise ValueError(msg)
    return made
