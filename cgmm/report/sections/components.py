"""Table of what each population is."""

from __future__ import annotations

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
                words(r.cell_type, "no annotation"),
                number(r.cell_type_purity, text.percent, "no annotation"),
                words(r.markers, "not computed"),
            ],
            (results.index_of(r.name),) if results.has(r.name) else (),
        )
        for r in each(table)
    ]
    made = Table(
        key="t-components",
        caption="What each population is",
        columns=[
            Column("Population", number=False),
            Column("Condition", number=False),
            Column("Share"),
            Column(
                "Fitted weight",
                "Weight in the fitted mixture, pulled towards the other condition; quote the share",
            ),
            Column("Cells"),
            Column("Cell type", "Majority annotation of its cells", number=False),
            Column("Purity", "Share of its cells with that annotation"),
            Column("Marker genes", number=False),
        ],
        rows=rows,
        file="components.tsv",
        open=False,
    )
    annotated = (table["cell_type"].astype(str) != "").any()
    return made if annotated else without(made, "Cell type", "Purity")
