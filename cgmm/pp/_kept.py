"""How many cells of each label quality control keeps, in each condition."""

from __future__ import annotations

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
    tables = []
    condition = obs["condition"].astype(str).to_numpy(object) if "condition" in obs else None
    for name in obs.columns if condition is not None else ():
        column = obs[name]
        if name in OF_SHEET or pd.api.types.is_float_dtype(column.dtype):
            continue
        labels = column.astype(object).where(column.notna(), "").map(str)
        there = set(labels.unique()) - {""}
        if not 2 <= len(there) <= MAX_LABELS:
            continue
        counts = (
            pd.DataFrame({"label": labels.to_numpy(object), "condition": condition, "kept": keep})
            .loc[lambda table: table["label"] != ""]
            .groupby(["label", "condition"])["kept"]
            .agg(["size", "sum"])
            .reset_index()
        )
        counts.insert(0, "column", str(name))
        counts.columns = pd.Index(COLUMNS)
        tables.append(counts)
    if not tables:
        return pd.DataFrame({name: [] for name in COLUMNS})
    found = pd.concat(tables, ignore_index=True)
    whole = dict.fromkeys(COLUMNS[3:], np.int64)
    return found.astype(whole | dict.fromkeys(COLUMNS[:3], object))
