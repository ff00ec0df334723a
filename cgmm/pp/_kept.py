"""How many cells of each label quality control keeps, in each condition."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd

KEPT = "kept_by_label"  # entry of uns of a prepared file
COLUMNS = ("column", "label", "condition", "n_cells_read", "n_cells_kept")
OF_SHEET = ("sample", "condition", "donor", "batch", "barcode")
MAX_LABELS = 200  # a column with more does not name populations


def kept_by_label(obs: pd.DataFrame, keep: np.ndarray) -> pd.DataFrame:
    """Count the cells that were read and those that are kept, by label and condition.

    Parameters
    ----------
    obs
        Table of all cells, with the column condition.
    keep
        Whether each cell is kept, shape (n_cells,), bool.

    Returns
    -------
    DataFrame
        ``COLUMNS``: one row per column of ``obs`` that may hold labels (text, whole numbers, truth
        values; 2 to ``MAX_LABELS`` of them), label and condition. Cells without a label are left
        out. Empty without such a column.
    """
    rows: list[tuple[object, ...]] = []
    if "condition" in obs:
        condition, conditions = pd.factorize(obs["condition"].astype(str).to_numpy(object))
    for name in obs.columns if "condition" in obs else ():
        column = obs[name]
        if name in OF_SHEET or pd.api.types.is_float_dtype(column.dtype):
            continue
        labels = column.astype(object).where(column.notna(), "").map(str)
        there = set(labels.unique()) - {""}
        if not 2 <= len(there) <= MAX_LABELS:
            continue
        codes, names = pd.factorize(labels.to_numpy(object), sort=True)
        at = codes * len(conditions) + condition
        n = len(names) * len(conditions)
        read, kept = np.bincount(at, minlength=n), np.bincount(at[keep], minlength=n)
        rows += [
            (str(name), label, where, read[i], kept[i])
            for i, (label, where) in enumerate(product(names, conditions))
            if label and read[i]
        ]
    found = pd.DataFrame({c: [row[i] for row in rows] for i, c in enumerate(COLUMNS)})
    whole = dict.fromkeys(COLUMNS[3:], np.int64)
    return found.astype(whole | dict.fromkeys(COLUMNS[:3], object))
