"""Table of what each population is."""

from __future__ import annotations

import numpy as np

from cgmm.report.page import text
from cgmm.report.page.table import Column, Row, Table, number, without, words
from cgmm.results.read import Results, each


def components_table(results: Results) -> Table | None:
    """List names, sizes and markers of all components."""
    table = results.tables["components"]
    if table.empty:
        return None
    label = {"source": results.source, "target": results.target}
    rows = [
        Row(
            [
                words(r.name),
                words(label.get(r.side, r.side)),
                number(r.share, text.percent),
                number(r.weight),
                number(r.n_cells, text.count),
                words(r.cell_type, "none"),
                number(r.cell_type_purity, text.percent, "no annotation"),
                words(r.named_from),
                words(r.raised, "no marker table"),
                words(_score(r.best_type, r.score), "no marker table"),
                words(_score(r.runner_up, r.runner_up_score), "no second type"),
                words(r.markers, "not computed"),
            ],
            (results.index_of(r.name),) if results.has(r.name) else (),
        )
        for r in each(table)
    ]
    made = Table(
        key="t-components",
        caption="What each population is",
        columns=_columns(),
        rows=rows,
        file="components.tsv",
        open=False,
    )
    unused = {
        "Cell type": table["cell_type"],
        "Purity": table["cell_type_purity"].map(lambda v: "" if np.isnan(v) else "there"),
        "Raised": table["best_type"],
        "Best type": table["best_type"],
        "Second type": table["runner_up"],
    }
    return without(made, *(name for name, values in unused.items() if not (values != "").any()))


def _score(kind: str, score: float) -> str:
    return f"{kind} ({text.fixed(score)})" if kind else ""


def _columns() -> list[Column]:
    """Return the headings of the table."""
    return [
        Column("Population", number=False),
        Column("Condition", number=False),
        Column("Share"),
        Column(
            "Fitted weight",
            "Weight in the fitted mixture, pulled towards the other condition; quote the share",
        ),
        Column("Cells"),
        Column("Cell type", "By annotation of most of its cells, or marker table", number=False),
        Column("Purity", "Share of its annotated cells with that annotation"),
        Column("Name from", "What the name rests on", number=False),
        Column(
            "Raised", "Markers of the best type that are higher than in all cells", number=False
        ),
        Column("Best type", "By the marker table, with its score (t)", number=False),
        Column("Second type", "By the marker table, with its score (t)", number=False),
        Column("Marker genes", number=False),
    ]
