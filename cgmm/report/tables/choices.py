"""Table of what other choices would make of each factor."""

from __future__ import annotations

import numpy as np

from cgmm.report import text
from cgmm.report.data import Results, each
from cgmm.report.tables.base import Column, Row, Table, number, words

CHOICES = {"rho": "price of reweighting (rho)", "partition": "partition of the cells"}


def sensitivity(results: Results) -> Table | None:
    """One row per subpopulation and choice."""
    table = results.tables["sensitivity"]
    if table.empty:
        return None
    rows = []
    for r in each(table):
        subs = [results.index_of(r.name)]
        if results.has(r.main_target):
            subs.append(results.index_of(r.main_target))
        cells = [
            words(r.name),
            words(CHOICES.get(r.parameter, r.parameter)),
            words(r.value),
            number(r.log2_net, text.fold, "no cell left"),
            number(r.difference, missing="not comparable"),
            words(r.main_target, "none" if r.log2_net == -np.inf else "other subpopulations"),
            number(r.F),
        ]
        rows.append(Row(cells, tuple(subs)))
    return Table(
        key="t-sensitivity",
        caption="Every factor under other settings",
        columns=[
            Column("Subpopulation", number=False),
            Column("What was changed", number=False),
            Column("To", number=False),
            Column("Net factor", "Of the same cells, under the other choice"),
            Column("Difference (log2)", "From the factor of the report; 1 is twofold"),
            Column(
                "Main counterpart",
                "Where most of it goes by the match; another partition has its own",
                number=False,
            ),
            Column("F", "Total matched mass under the other choice"),
        ],
        rows=rows,
        file="sensitivity.tsv",
        open=False,
    )
