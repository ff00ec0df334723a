"""Texts of many cells as numbers: each different text is looked at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def coded(values: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the different values as text, sorted, and the place of every value among them.

    As ``numpy.unique`` of the values as text with its inverse, without a text for every cell; a
    missing value is "nan".

    Parameters
    ----------
    values
        Shape (n,).

    Returns
    -------
    Texts, and whole numbers of shape (n,).
    """
    codes, kinds = pd.factorize(np.asarray(values, dtype=object), use_na_sentinel=False)
    names, place = np.unique([str(kind) for kind in kinds], return_inverse=True)
    return (names, place[codes]) if len(kinds) else (np.array([], dtype=str), codes)


def texts(values: Any, missing: str | None = None) -> np.ndarray:
    """Return values as text, shape (n,), dtype object; ``missing`` where a value is missing."""
    codes, kinds = pd.factorize(values)
    return np.array([*(str(kind) for kind in kinds), missing], dtype=object)[codes]
