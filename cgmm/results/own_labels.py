"""Columns of the user with labels of cells, such as an annotation, for maps of cells."""

from __future__ import annotations

from collections.abc import Collection

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.keys import DEFAULT_KEY
from cgmm.tables import OF_OBS

MAX_LABELS, MAX_COLUMNS = 60, 12
NOT_LABELS = ("barcode", "n_genes", "n_counts")


def own_labels(adata: ad.AnnData, shown: Collection[str]) -> dict[str, np.ndarray]:
    """Return the columns of ``obs`` that hold labels, each as text of shape (n_cells,).

    A column counts with 2 to 60 labels (text, whole numbers or truth values), if it does not divide
    the cells as a column does that stands before it. The first twelve are returned.

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
        if name in (*shown, *NOT_LABELS) or of_cgmm or pd.api.types.is_float_dtype(column.dtype):
            continue
        codes, texts = _codes(column)
        n = len(set(texts) - {""})
        if not 2 <= n <= MAX_LABELS or any(_same(codes, other) for other in known):
            continue
        known.append(codes)
        found[f"{OF_OBS}{name}"] = texts
        if len(found) == MAX_COLUMNS:
            break
    return found


def _codes(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the label of every cell as a number and as one line of text."""
    texts = column.astype(object).where(column.notna(), "").map(str).to_numpy(object)
    codes, labels = pd.factorize(texts)
    lines = np.array([" ".join(label.split()) for label in labels], dtype=object)
    return codes, lines[codes] if len(lines) else texts


def _same(codes: np.ndarray, other: np.ndarray) -> bool:
    """Return whether two columns divide the cells alike, whatever their labels."""
    n = len(np.unique(codes))
    if n != len(np.unique(other)):
        return False
    return len(np.unique(codes.astype(np.int64) * (int(other.max()) + 1) + other)) == n
