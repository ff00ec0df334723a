"""Columns of the user with labels of cells, such as an annotation, for maps of cells."""

from __future__ import annotations

from collections.abc import Collection

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.keys import DEFAULT_KEY
from cgmm._utils.divisions import same_division
from cgmm.tables import MAX_COLUMNS, MAX_LABELS, OF_OBS

NOT_LABELS = ("barcode", "n_genes", "n_counts")
LARGEST = 2.0**53  # whole numbers below it are exact as decimals


def own_labels(adata: ad.AnnData, shown: Collection[str]) -> dict[str, np.ndarray]:
    """Return the columns of ``obs`` that hold labels, each as text of shape (n_cells,).

    A column counts with 2 to 60 labels (text, whole numbers or truth values), if it does not divide
    the cells as a column does that stands before it. The first twelve are returned. Whole numbers
    may be stored as decimals, as they are where some cells have none.

    Parameters
    ----------
    adata
        The cells of a comparison.
    shown
        Columns of ``obs`` that are shown already.

    Returns
    -------
    dict
        Name of the column with ``obs_`` before it -> labels, "" for a cell without one.
    """
    found: dict[str, np.ndarray] = {}
    known = [_codes(adata.obs[name])[0] for name in shown if name in adata.obs]
    for name, column in adata.obs.items():
        of_cgmm = str(name).startswith(f"{DEFAULT_KEY}_")
        if name in (*shown, *NOT_LABELS) or of_cgmm or _measured(column):
            continue
        codes, texts = _codes(column)
        n = len(set(texts) - {""})
        if not 2 <= n <= MAX_LABELS or any(same_division(codes, other) for other in known):
            continue
        known.append(codes)
        found[f"{OF_OBS}{name}"] = texts
        if len(found) == MAX_COLUMNS:
            break
    return found


def _measured(column: pd.Series) -> bool:
    """Return whether a column has decimals, or too many numbers to be labels."""
    if not pd.api.types.is_float_dtype(column.dtype):
        return False
    return column.nunique() > MAX_LABELS or not _whole(column)


def _whole(column: pd.Series) -> bool:
    numbers = column.dropna().to_numpy(dtype=float)
    return bool(((np.abs(numbers) < LARGEST) & (numbers == np.floor(numbers))).all())


def _codes(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the label of every cell as a number and as one line of text."""
    if isinstance(column.dtype, pd.CategoricalDtype) and column.cat.categories.dtype == float:
        column = column.astype(float)
    if pd.api.types.is_float_dtype(column.dtype) and _whole(column):
        column = column.astype("Int64")
    texts = column.astype(object).where(column.notna(), "").map(str).to_numpy(object)
    codes, labels = pd.factorize(texts)
    lines = np.array([" ".join(label.split()) for label in labels], dtype=object)
    return codes, lines[codes] if len(lines) else texts
