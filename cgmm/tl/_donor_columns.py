"""Columns of ``obs`` that :func:`cgmm.tl.donors` reads: batches, covariates, numbers of cells."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.checks import check_no_missing, column
from cgmm._anndata.sides import text_of_sides
from cgmm.donors.design import Design
from cgmm.pair import Pair


def batches_of_cells(adata: ad.AnnData, key: str, rows: Pair[np.ndarray]) -> Pair[np.ndarray]:
    """Return the batch of every cell of each side; raise a ValueError when one is missing."""
    check_no_missing(column(adata, key, "batch_key"), np.concatenate(rows), "batch")
    return text_of_sides(adata, key, "batch_key", rows)


def totals_of_units(
    adata: ad.AnnData,
    counts_key: str,
    rows: Pair[np.ndarray],
    donors: Pair[np.ndarray | None],
    plan: Design,
) -> Pair[np.ndarray]:
    """Return the number of all cells, from a column of ``obs``, for each unit of each side.

    Raises
    ------
    KeyError
        When the column is missing.
    ValueError
        When a number is not positive, or when numbers differ within a donor and condition.
    """
    values = pd.to_numeric(column(adata, counts_key, "counts_key"), errors="coerce")
    totals = []
    for side, (own_rows, who) in enumerate(zip(rows, donors, strict=True)):
        numbers = values.to_numpy(float)[own_rows]
        if who is None:
            if not numbers.mean() > 0:
                msg = f"obs[{counts_key!r}] must be a positive number for every cell."
                raise ValueError(msg)
            totals.append(np.full(len(plan.side(side)), numbers.mean()))
            continue
        per_donor = _number_per_donor(numbers, who, counts_key)
        totals.append(per_donor.loc[[u.donor for u in plan.side(side)]].to_numpy(float))
    return Pair(totals[0], totals[1])


def _number_per_donor(numbers: np.ndarray, donors: np.ndarray, counts_key: str) -> pd.Series:
    """Return the number of each donor; raise when it is not the same in all cells of a donor."""
    per_donor = pd.Series(numbers).groupby(np.asarray(donors, dtype=object)).agg(["min", "max"])
    for donor, row in per_donor.iterrows():
        if not (row["min"] == row["max"] and row["min"] > 0):
            msg = (
                f"obs[{counts_key!r}] must be one positive number for all cells of a donor in "
                f"a condition, but donor {donor!r} has {row['min']:g} to {row['max']:g}."
            )
            raise ValueError(msg)
    return per_donor["min"]
