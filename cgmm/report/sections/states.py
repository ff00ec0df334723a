"""Section on states: which parts of each population gained and which lost."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from cgmm._utils.labels import short_names
from cgmm.report.claims.claims import Claims
from cgmm.report.page import text
from cgmm.report.page.svg import STEP, WIDTH, Figure, drawing, el, label, names_width, ticks, tip
from cgmm.report.page.table import Column, Row, Table, any_finite, interval, number, words
from cgmm.report.sections.section import Paragraph, Section, present
from cgmm.results.read import Results, each
from cgmm.thresholds import ALPHA

TOP = 44.0
MIN_STATES = 2


def section(claims: Claims) -> Section | None:
    """Return the section on states; None when no population has two of them."""
    results = claims.results
    several = _several(results)
    if not several:
        return None
    return Section(
        key="states",
        title="States inside populations",
        link="States",
        parts=present(
            Paragraph(
                "The fit divides large populations into parts, here called states. Where a border "
                "between two states lies is a choice of the fit, so a state is no population of "
                "its own: read which parts of a population gained and which lost, as shares of the "
                "population."
            ),
            Paragraph(_how_tested(results)),
            states_figure(results, several),
            states_table(results),
        ),
        questions=[("states", "Which states inside a population gained?")],
    )


def _several(results: Results) -> list[str]:
    """Name the populations with two states or more, in the order of the page."""
    counts = results.tables["states"]["population"].value_counts()
    return [p.name for p in results.populations if counts.get(p.name, 0) >= MIN_STATES]


def _how_tested(results: Results) -> str:
    """Say how shares were compared, and where they could not be."""
    table = results.tables["states"]
    own = table[table["population"].isin(_several(results))]
    if not any_finite(own["ci_low"]):
        return "There are no intervals here; the table has the reasons."
    made = (
        "Over donors the same borders cut the cells of both conditions, after the common move of "
        "the population is taken out. The figure has the q-value of a share that changed clearly."
    )
    if own["ci_low"].isna().any():
        made += " Where a state has no interval, the table has the reason."
    return made


def states_figure(results: Results, populations: list[str]) -> Figure:
    """Draw the share of every state of its population in both conditions."""
    table = results.tables["states"]
    short = short_names(table["name"].astype(str), 27)
    rows: list[tuple[str, Any]] = []
    for name in populations:
        own = table.loc[table["population"] == name].sort_values("share_source", ascending=False)
        rows += [(name, row) for row in each(own)]
    left, right = names_width([row.name for _, row in rows]) + 10, WIDTH - 200.0
    bottom = TOP + STEP * len(rows)
    limit = max(max(row.share_source, row.share_target) for _, row in rows)

    def x(share: float) -> float:
        return left + share / limit * (right - left)

    shown = f"{text.short(results.source, 12)} → {text.short(results.target, 12)}"
    parts: list[Markup] = [
        label("share of the population", left, 12, class_="head"),
        label(shown, right + 24, 12, class_="head"),
    ]  # fmt: skip
    for value in ticks(0.0, limit, 5):
        parts.append(el("line", x1=x(value), x2=x(value), y1=TOP - 6, y2=bottom, class_="grid"))
        parts.append(label(text.percent(value), x(value), 32, anchor="middle", class_="tick"))
    for i, (name, row) in enumerate(rows):
        y = TOP + STEP * (i + 0.5)
        parts.append(_row(results, (name, short[row.name]), row, y, x, right))
    return Figure(
        key="states",
        title="Shares of states inside their population",
        svg=drawing(
            parts,
            width=WIDTH,
            height=bottom + 14,
            title="States inside populations",
            text="One row per state: its share of the population in both conditions. The table "
            "below has every value.",
            key="states",
        ),
        reading=(
            "Rows of one colour are the states of one population. Hollow: share of the population "
            f"in {results.source}; filled: in {results.target}. The shares of a population add up "
            "to 100% in each condition, so the change of the whole population is taken out."
        ),
    )


def _row(
    results: Results, names: tuple[str, str], row: Any, y: float, x: Any, right: float
) -> Markup:
    name, shown = names
    population = results.populations[results.index_of(name)]
    colour = population.colour
    before, after = x(row.share_source), x(row.share_target)
    shares = f"{text.percent(row.share_source)} → {text.percent(row.share_target)}"
    clear = f", q {text.probability(row.q)}" if row.q < ALPHA else ""
    return el(
        "g",
        tip(f"{row.name}, a state of {name}: {shares} of the population{clear}"),
        el("rect", x=0, y=y - 12, width=WIDTH, height=24, class_="row-hit"),
        label(shown, x(0) - 10, y, anchor="end"),
        el("line", x1=before, x2=after, y1=y, y2=y, class_="stem", stroke=colour),
        el("circle", cx=before, cy=y, r=5, class_="donor source", stroke=colour),
        el("circle", cx=after, cy=y, r=5.5, fill=colour),
        label(shares + clear, right + 24, y, class_="value"),
        class_="mark row",
        data_s=population.index,
    )


def states_table(results: Results) -> Table:
    """List the states of every population."""
    rows = [
        Row(
            [
                words(row.name),
                words(row.population, "none"),
                number(row.share_source, text.percent),
                number(row.share_target, text.percent),
                number(row.log2_within, text.fold, "no cell left"),
                interval(row.ci_low, row.ci_high, text.fold_range, row.reason or "not estimated"),
                number(row.q, text.probability, "not tested"),
                number(row.purity, text.percent, "not known"),
                words(row.counterpart, "same name"),
            ],
            (results.index_of(row.population),) if results.has(row.population) else (),
        )
        for row in each(results.tables["states"])
    ]
    return Table(
        key="t-states",
        caption="States of every population",
        columns=[
            Column("State", number=False),
            Column("Population", "Population of most of its cells", number=False),
            Column(f"Share in {text.short(results.source, 16)}", "Of the population"),
            Column(f"Share in {text.short(results.target, 16)}", "Of the population"),
            Column(
                "Change inside",
                "Of the share: of a typical donor where there is an interval, else the ratio of "
                "the two shares",
            ),
            Column("95% interval", "Over donors"),
            Column("q", "Benjamini-Hochberg over the states that were tested"),
            Column("Purity", "Part of its cells that belong to the population"),
            Column(
                "Matched to",
                f"Its match in {text.short(results.target, 16)}, where it is of another type",
                number=False,
            ),
        ],
        rows=rows,
        file="states.tsv",
        open=False,
    )
