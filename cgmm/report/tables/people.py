"""Tables of donors: their shares, and what leaving one out does."""

from __future__ import annotations

from cgmm.report import text
from cgmm.report.data import Results, each
from cgmm.report.influence import Influence
from cgmm.report.tables.base import Column, Row, Table, number, words


def donors(results: Results) -> Table | None:
    """Shares per donor."""
    table = results.tables["donors"]
    if table.empty:
        return None
    label = {"source": results.source, "target": results.target}
    rows = [
        Row(
            [
                words(r.donor),
                words(label.get(r.side, r.side)),
                words(r.name),
                number(r.share, text.percent),
                number(r.n_cells, text.count),
            ],
            (results.index_of(r.name),) if results.has(r.name) else (),
        )
        for r in each(table)
    ]
    return Table(
        key="t-donors",
        caption="Share of every subpopulation in every donor",
        columns=[
            Column("Donor", number=False),
            Column("Condition", number=False),
            Column("Subpopulation", number=False),
            Column("Share"),
            Column("Cells of the donor"),
        ],
        rows=rows,
        file="donors.tsv",
        open=False,
    )


def positions(results: Results) -> Table | None:
    """Where every donor lies along the shift of every subpopulation."""
    table = results.tables["donor_shifts"]
    if table.empty:
        return None
    label = {"source": results.source, "target": results.target}
    rows = [
        Row(
            [
                words(r.donor),
                words(label.get(r.side, r.side)),
                words(r.name),
                number(r.position_sd, missing="too few cells"),
                number(r.n_cells, text.count),
            ],
            (results.index_of(r.name),),
        )
        for r in each(table)
    ]
    return Table(
        key="t-positions",
        caption="How far the cells of every donor moved",
        columns=[
            Column("Donor", number=False),
            Column("Condition", number=False),
            Column("Subpopulation", number=False),
            Column(
                "Position (SD)",
                "Along the shift of the subpopulation: donors of the source lie about zero",
            ),
            Column("Cells", "Cells of the donor in it, each counted by its degree of membership"),
        ],
        rows=rows,
        file="donor_shifts.tsv",
        open=False,
    )


def influence(entries: list[Influence]) -> Table | None:
    """Factors with one donor left out, and the donors who go against the change."""
    if not entries:
        return None
    rows = [
        Row(
            [
                words(e.name),
                number(e.log2_net, text.fold),
                words(e.donor),
                number(e.without[e.donor], text.fold),
                number(e.low, text.fold),
                number(e.high, text.fold),
                words(", ".join(e.against), "none"),
            ],
            (e.index,),
        )
        for e in entries
    ]
    return Table(
        key="t-influence",
        caption="Which donor matters most, and who disagrees",
        columns=[
            Column("Subpopulation", number=False),
            Column("Net factor", "Over all donors, from the shares in the donor table"),
            Column("Strongest donor", "Leaving it out moves the factor most", number=False),
            Column("Without it", "Net factor without the strongest donor"),
            Column("Lowest", "Lowest net factor with any one donor left out"),
            Column("Highest", "Highest net factor with any one donor left out"),
            Column("Against", "Donors who alone point the other way", number=False),
        ],
        rows=rows,
        file="influence",
        notes=[
            "Computed from donors.tsv and transfers.tsv. A donor goes against a change when its "
            "own ratio (or, measured in one condition only, its share against the mean of the "
            "other condition) points the other way."
        ],
    )
