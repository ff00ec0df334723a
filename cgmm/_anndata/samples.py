"""The samples of a comparison in an AnnData object, and what is known of the quality of cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.checks import column
from cgmm._anndata.sides import rows_of_fit
from cgmm.pair import SIDES

SAMPLE, BATCH = "sample", "batch"
#: measures of a cell, and the columns of ``obs`` that hold them, by cgmm or by scanpy
MEASURES = {
    "genes": ("n_genes", "n_genes_by_counts"),
    "counts": ("n_counts", "total_counts"),
    "mitochondrial": ("pct_mt", "pct_counts_mt"),
    "doublet score": ("doublet_score",),
}


class Samples(NamedTuple):
    """The samples of both conditions.

    Attributes
    ----------
    table
        One row per sample: sample, side, condition, donor, batch, n_cells.
    rows
        Positions of the cells of both conditions, shape (n,).
    of_cell
        Row of the table of each of these cells, shape (n,).
    """

    table: pd.DataFrame
    rows: np.ndarray
    of_cell: np.ndarray


def take_samples(
    adata: ad.AnnData, known: Mapping[str, Any], *, sample_key: str | None = None
) -> Samples:
    """Return the samples of a comparison: sources first, then by donor and name.

    Parameters
    ----------
    adata
        Object with a fit.
    known
        Parameters of the fit (:func:`cgmm.get.params`).
    sample_key
        Column of ``obs`` with the samples; None: "sample" if there is such a column, else the
        donors, else the conditions. A name that occurs in both conditions gets the condition.

    Raises
    ------
    KeyError
        When there is no such column.
    """
    of_fit = rows_of_fit(adata, known)
    rows = np.concatenate([of_fit[side] for side in SIDES])
    side = np.repeat(np.arange(2), [len(of_fit[s]) for s in SIDES])
    donor_key = (known.get("donors") or {}).get("donor_key") or known.get("donor_key")
    if sample_key is None:
        sample_key = SAMPLE if SAMPLE in adata.obs else donor_key

    def texts(name: str | None) -> np.ndarray:
        if name is None:
            return np.full(len(rows), "", dtype=object)
        values = column(adata, name, "sample_key").iloc[rows].astype(object)
        return np.asarray(values.where(values.notna(), "").map(str).to_numpy(object))

    condition = np.array([known[s] for s in SIDES], dtype=object)[side]
    names = condition if sample_key is None else texts(sample_key)
    frame = pd.DataFrame({"side": side, "sample": names, "condition": condition})
    frame["donor"] = texts(donor_key)
    frame["batch"] = texts(BATCH if BATCH in adata.obs else None)
    groups = frame.groupby(["side", "sample"], sort=True, observed=True)
    table = groups[["condition", "donor", "batch"]].agg(_shared).reset_index()
    table["n_cells"] = groups.size().to_numpy()
    order = table.sort_values(["side", "donor", "sample"], kind="stable").index.to_numpy()
    place = np.empty(len(order), dtype=int)
    place[order] = np.arange(len(order))
    of_cell = place[groups.ngroup().to_numpy()]
    table = table.loc[order].reset_index(drop=True)
    twice = table["sample"].duplicated(keep=False) & (table["sample"] != table["condition"])
    table["sample"] = table["sample"].where(~twice, table["sample"] + ", " + table["condition"])
    return Samples(table, rows, of_cell)


def _shared(values: pd.Series) -> str:
    """Return the only value, or all values as a list."""
    return ", ".join(sorted(set(values)))


def quality_of_cells(adata: ad.AnnData, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Return the measures of the quality of cells that ``obs`` holds, each of shape (n,)."""
    found = {}
    for measure, names in MEASURES.items():
        name = next((n for n in names if n in adata.obs), None)
        if name is not None:
            values = pd.to_numeric(adata.obs[name].iloc[rows], errors="coerce")
            numbers = values.to_numpy(dtype=float)
            if np.isfinite(numbers).any():
                found[measure] = numbers
    return found
