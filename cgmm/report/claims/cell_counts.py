"""Who became whom by the count of cells, beside what the match of whole subpopulations says.

Transfers say where a source subpopulation goes by the match (the coupling). Where the cells of a
target subpopulation came from is another reading: in a fit by :func:`cgmm.tl.fit` every target
cell is counted for the source cells it resembles most, once movement is allowed for
(:mod:`cgmm.automatic.origins`). Factors are made of the count. The two agree where the borders
between subpopulations lie alike in both conditions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cgmm.report.claims.states import NEW
from cgmm.results.read import Results
from cgmm.transport.coupling import counted_transfers, misplaced

DISAGREE = 0.5  # part of a subpopulation that the two readings put in different places


@dataclass(frozen=True)
class Disagreement:
    """A subpopulation whose match and count point to different places."""

    name: str
    matched: str
    matched_share: float
    counted: str
    counted_share: float


def counted(results: Results) -> pd.DataFrame:
    """Transfers with what the count of cells makes of them.

    Parameters
    ----------
    results
        A checked results folder.

    Returns
    -------
    The transfers, with the columns ``arrives`` (part of all target cells that came along the
    pair) and ``counted_share`` (part of what the source subpopulation became that lies in the
    target subpopulation; NaN when nothing came from it).
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
    """Name subpopulations of which match and count put more than half in different places.

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
    """Part of all target cells that came along pairs which the table of transfers leaves out."""
    arrivals = results.tables["arrivals"]
    known = arrivals.loc[arrivals["status"] != NEW, "share_target"].sum()
    return float(max(known - counted(results)["arrives"].sum(), 0.0))
