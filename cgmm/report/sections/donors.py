"""Section on donors: their shares, how far their cells moved, and what leaving one out does."""

from __future__ import annotations

from cgmm.report.claims.claims import Claims
from cgmm.report.claims.influence import Influence, donor_sentences
from cgmm.report.page import text
from cgmm.report.page.table import Column, Row, Table, number, words
from cgmm.report.sections.donor_panels import donors_figure, positions_figure
from cgmm.report.sections.section import Paragraph, Part, Section, present
from cgmm.results.read import Results, each


def section(claims: Claims) -> Section:
    """Return the section on donors."""
    results = claims.results
    parts: list[Part] = [
        Paragraph(text.sentence(notice), "notice") for notice in results.donor_notices
    ]
    figure = donors_figure(claims)
    if figure is None:
        parts.append(Paragraph(_no_donors(results), "absent"))
    else:
        parts += [Paragraph(s) for s in donor_sentences(claims.influences, claims.verdict)]
        parts += present(
            figure,
            influence_table(claims.influences),
            positions_figure(claims),
            positions_table(results),
            donors_table(results),
        )
    return Section(
        key="donors",
        title="Donors",
        parts=parts,
        questions=[("donors", "Which donor disagrees?")],
    )


def _no_donors(results: Results) -> str:
    return (
        "No donor column was given, so there is nothing to show per donor, and a change between "
        f"{results.source} and {results.target} cannot be distinguished from a "
        "difference between the people sampled. Add a donor column to config/samples.tsv (at least "
        "three donors per condition) to get intervals over donors and tests."
    )


def donors_table(results: Results) -> Table | None:
    """List the share of every population in every donor."""
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
        caption="Share of every population in every donor",
        columns=[
            Column("Donor", number=False),
            Column("Condition", number=False),
            Column("Population", number=False),
            Column("Share"),
            Column("Cells of the donor"),
        ],
        rows=rows,
        file="donors.tsv",
        open=False,
    )


def positions_table(results: Results) -> Table | None:
    """List where every donor lies along the shift of every population."""
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
            Column("Population", number=False),
            Column(
                "Position (SD)",
                "Along the shift of the population: donors of the source lie about zero",
            ),
            Column("Cells", "Cells of the donor in it, each counted by its degree of membership"),
        ],
        rows=rows,
        file="donor_shifts.tsv",
        open=False,
    )


def influence_table(entries: list[Influence]) -> Table | None:
    """List factors with one donor left out, and the donors who go against the change."""
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
                words(", ".join(e.leaves), "none"),
                words(", ".join(f"{d} ({where})" for d, where in e.outside), "none"),
            ],
            (e.index,),
        )
        for e in entries
    ]
    return Table(
        key="t-influence",
        caption="Which donor matters most, and who disagrees",
        columns=[
            Column("Population", number=False),
            Column("Net factor", "Over all donors"),
            Column("Strongest donor", "Leaving it out moves the factor most", number=False),
            Column("Without it", "Net factor without the strongest donor"),
            Column("Lowest", "Lowest net factor with any one donor left out"),
            Column("Highest", "Highest net factor with any one donor left out"),
            Column("Against", "Donors who alone point the other way", number=False),
            Column(
                "Leaves interval",
                "Donors without whom the factor lies outside the interval of all donors",
                number=False,
            ),
            Column(
                "Share outside",
                "Donors whose share lies outside those of all others of the condition by more than "
                "chance (q under 0.01)",
                number=False,
            ),
        ],
        rows=rows,
        file="influence.tsv",
        notes=[
            "A donor goes against a change when its own change (or, measured in one condition "
            "only, its share against the typical share of the other condition) points the other "
            "way."
        ],
    )
