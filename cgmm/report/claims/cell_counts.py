"""Who became whom by the count of cells, compared with the match of whole subpopulations.

The match is the coupling: it pairs whole subpopulations, and transfers are read from it. The count
assigns single cells: in a fit by :func:`cgmm.tl.fit` every target cell counts for the source cells
that it resembles most, after these were moved (:mod:`cgmm.automatic.origins`). Factors are computed
from the count. Match and count agree where the borders between subpopulations are the same in both
conditions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cgmm.report.claims.states import NEW
from cgmm.results.read import Results
from cgmm.transport.coupling import counted_transfers, misplaced

DISAGREE = 0.5  # part of a subpopulation that match and count assign differently


@dataclass(frozen=True)
class Disagreement:
    """A subpopulation that match and count assign to different target subpopulations."""

    name: str
    matched: str
    matched_share: float
    counted: str
    counted_share: float


def counted(results: Results) -> pd.DataFrame:
    """Return the transfers, with two columns by the count of cells.

    Parameters
    ----------
    results
        A checked results folder.

    Returns
    -------
    The transfers, with the columns ``arrives`` (fraction of all target cells that came along the
    pair) and ``counted_share`` (of the target cells that came from the source subpopulation, the
    fraction in the target subpopulation; NaN when no cell came from the source subpopulation).
    """
    tables = results.tables
    into = dict(
        zip(tables["arrivals"]["component"], tables["arrivals"]["share_target"], strict=True)
    )
    became = dict(
        zip(tables["factors"]["component"], tables["factors"]["share_target"], strict=True)
    )
    table = tables["transfers"]
    arrives, share = counted_transfers(
        table["share_of_target"].to_numpy(float),
        table["target_component"].map(into).to_numpy(float),
        table["source_component"].map(became).to_numpy(float),
    )
    return table.assign(arrives=arrives, counted_share=share)


def disagreements(results: Results) -> list[Disagreement]:
    """Return the subpopulations of which match and count assign more than half differently.

    Parameters
    ----------
    results
        A checked results folder.
    """
    table = counted(results)
    table = table.loc[np.isfinite(table["counted_share"])]
    found = []
    for name, rows in table.groupby("source", sort=False):
        by_match = rows.loc[rows["share_of_source"].idxmax()]
        by_count = rows.loc[rows["counted_share"].idxmax()]
        apart = misplaced(rows["share_of_source"], rows["counted_share"])
        if apart > DISAGREE and by_match["target"] != by_count["target"]:
            found.append(
                Disagreement(
                    str(name),
                    str(by_match["target"]),
                    float(by_match["share_of_source"]),
                    str(by_count["target"]),
                    float(by_count["counted_share"]),
                )
            )
    return found


def unlisted(results: Results) -> float:
    """Return the fraction of target cells that came along pairs without a row in transfers.tsv."""
    arrivals = results.tables["arrivals"]
    known = arrivals.loc[arrivals["status"] != NEW, "share_target"].sum()
    return float(max(known - counted(results)["arrives"].sum(), 0.0))
