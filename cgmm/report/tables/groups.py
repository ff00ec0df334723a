"""Tables of the components, and of what was found against the truth of a simulation."""

from __future__ import annotations

from cgmm.report import text
from cgmm.report.data import Results, each
from cgmm.report.tables.base import Cell, Column, Row, Table, interval, number, without, words
from cgmm.report.truth import Known, known_truth


def components(results: Results) -> Table | None:
    """Names, sizes and markers of all components."""
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
        caption="What each subpopulation is",
        columns=[
            Column("Subpopulation", number=False),
            Column("Condition", number=False),
            Column("Share"),
            Column(
                "Fitted weight",
                "Weight in the fitted mixture, which the match pulls; quote the share",
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


def _inside(known: Known) -> Cell:
    if not (known.has_interval and known.comparable):
        return Cell("no interval", None, note=True)
    return words("yes" if known.ci_low <= known.truth <= known.ci_high else "no")


def truth(results: Results) -> Table | None:
    """Found against true factors."""
    known = known_truth(results)
    if not known:
        return None
    rows = [
        Row(
            [
                words(k.name),
                number(k.truth, text.fold, "gone"),
                number(k.found, text.fold, "not found under this name"),
                number(k.found - k.truth, missing="not comparable"),
                interval(k.ci_low, k.ci_high, text.fold_range, "no interval"),
                _inside(k),
                number(len(k.subs), lambda v: f"{v:.0f}"),
            ],
            k.subs,
        )
        for k in known
    ]
    return Table(
        key="t-truth",
        caption="Found against true factors (simulated data)",
        columns=[
            Column("Subpopulation", number=False),
            Column("True factor"),
            Column("Found"),
            Column("Difference (log2)"),
            Column("95% interval"),
            Column("Truth inside", number=False),
            Column("Pieces", "Subpopulations that the fit cut it into; several are pooled"),
        ],
        rows=rows,
        file="truth",
    )
