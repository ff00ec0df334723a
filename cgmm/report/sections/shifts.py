"""Section on changes of state: how far each population moved; its genes are in `genes`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from markupsafe import Markup

from cgmm.report.claims.claims import Claims
from cgmm.report.claims.finding import Finding
from cgmm.report.claims.findings import leading_genes
from cgmm.report.page import text
from cgmm.report.page.svg import STEP, WIDTH, Figure, drawing, el, label, names_width, ticks, tip
from cgmm.report.page.table import Column, Row, Table, any_finite, interval, number, words
from cgmm.report.page.text import ARROW, INTERVAL_WORDS, arrow
from cgmm.report.sections.section import Paragraph, Section, present
from cgmm.results.read import Results, each

_CLEAR = ", and not clear without q < 0.05 over donors or where the interval reaches zero"
GENES_FROM = 440.0  # where distances end
LED_BY = 206.0  # from there to the leading genes


def section(claims: Claims) -> Section:
    """Return the section on changes of state."""
    results = claims.results
    return Section(
        key="shifts",
        title=claims.verdict.state_words.shifts_title,
        link="State shifts",
        parts=present(
            shifts_figure(claims)
            or Paragraph("No population has enough cells in both conditions to measure a shift."),
            shifts_table(results),
        ),
    )


def shifts_figure(claims: Claims) -> Figure | None:
    """Draw the distance that every population moved, in spreads within a population."""
    results = claims.results
    rows = [f for f in claims.verdict.findings if np.isfinite(f.shift_sd)]
    if not rows:
        return None
    rows = sorted(rows, key=lambda f: -f.shift_sd)
    top = 40.0
    bottom = top + STEP * len(rows)
    left = names_width([f.name for f in rows]) + 10
    ends = [v for f in rows for v in (f.shift_sd, f.shift_high) if np.isfinite(v)]
    limit = max(1.2, max(ends) * 1.08)
    intervals = any(np.isfinite(f.shift_high) for f in rows)

    def x(value: float) -> float:
        return left + value / limit * (GENES_FROM - left)

    parts: list[Markup] = [
        label("distance moved (SD)", left, 12, class_="head"),
        label(f"SD{' [95% interval]' if intervals else ''}", GENES_FROM + 18, 12, class_="head"),
        label("led by", GENES_FROM + LED_BY, 12, class_="head"),
    ]
    for value in ticks(0.0, limit, 5):
        parts.append(el("line", x1=x(value), x2=x(value), y1=top - 4, y2=bottom + 4, class_="grid"))
        parts.append(label(f"{value:g}", x(value), 30, anchor="middle", class_="tick"))
    for i, f in enumerate(rows):
        parts.append(_shift_row(results, f, top + STEP * (i + 0.5), x, limit))
    return Figure(
        key="shifts-bars",
        title=claims.verdict.state_words.distance_title,
        svg=drawing(
            parts,
            width=WIDTH,
            height=bottom + 26,
            title="State shifts",
            text="One line per population: how far its average cell moved between conditions. "
            "The shift table below has every value.",
            key="shifts-bars",
        ),
        reading=(
            "The dot is how far the mean cell of a population moved, in standard deviations within "
            "a population (1 SD: as far as a cell usually lies from that mean). "
            f"{INTERVAL_WORDS[results.cells_only] if intervals else ''}"
            "Below 0.25 SD is called not visible, up to 0.5 small, up to 1 moderate, above strong"
            f"{_CLEAR if intervals else ''}. "
            f"{results.features[1].capitalize()}: the largest changes of the mean, ↑ higher and "
            f"↓ lower in {results.target}."
        ),
    )


def _shift_row(
    results: Results,
    f: Finding,
    y: float,
    x: Callable[[float], float],
    limit: float,
) -> Markup:
    """Draw one population: distance, interval, leading genes."""
    known = np.isfinite([f.shift_low, f.shift_high]).all()
    hover = f"{f.name}: moved {text.fixed(f.shift_sd)} SD"
    if known:
        hover += f", 95% interval {text.fixed_range(f.shift_low, f.shift_high)}"
    genes = "  ".join(
        f"{g}\u00a0{'↑' if c > 0 else '↓'}"
        for g, c in (leading_genes(results, f.name, 3) if f.state.is_seen else ())
    )
    colour = results.populations[f.index].colour
    parts: list[Markup] = [
        el("rect", x=0, y=y - 12, width=WIDTH, height=24, class_="row-hit"),
        label(results.short(f.name, 27), x(0) - 10, y, anchor="end"),
        el("line", x1=x(0), x2=x(f.shift_sd), y1=y, y2=y, class_="stem", stroke=colour),
        el("circle", cx=x(f.shift_sd), cy=y, r=5.5, fill=colour),
    ]
    words = text.fixed(f.shift_sd)
    if known:
        low, high = x(max(f.shift_low, 0.0)), x(min(f.shift_high, limit))
        ends = f"M{low:.1f},{y - 5:.1f}v10M{low:.1f},{y:.1f}H{high:.1f}M{high:.1f},{y - 5:.1f}v10"
        parts.append(el("path", d=ends, class_="whisker"))
        words += f" {text.bracket(text.fixed_range(f.shift_low, f.shift_high))}"
    parts.append(label(words, GENES_FROM + 18, y, class_="value"))
    parts.append(label(f.state.brief, GENES_FROM + 136, y, class_="tick"))
    if genes:
        parts.append(label(text.short(genes, 30), GENES_FROM + LED_BY, y, class_="genes"))
    return el("g", tip(hover), *parts, class_="mark row", data_s=f.index)


def shifts_table(results: Results) -> Table | None:
    """List the state shift of every population."""
    table = results.tables["shifts"]
    if table.empty:
        return None
    with_interval = any_finite(table["ci_low"])
    rows = []
    for r in each(table):
        moved = r.unbiased_shift_sd if np.isfinite(r.unbiased_shift_sd) else r.mean_shift_sd
        cells = [
            words(r.source),
            number(moved),
            words(ARROW.sub(arrow, r.top_genes), "not computed"),
        ]
        if with_interval:
            cells[2:2] = [
                interval(r.ci_low, r.ci_high, text.fixed_range, "too few donors have its cells"),
                number(r.p, text.probability, "not tested"),
                number(r.q, text.probability, "not tested"),
            ]
        rows.append(Row(cells, (results.index_of(r.source),)))
    columns = [
        Column("Population", number=False),
        Column("Moved (SD)", "Distance of the mean cells, less what noise adds to any distance"),
        Column(f"Top {results.features[1]}", number=False),
    ]
    if with_interval:
        columns[2:2] = [
            Column("95% interval", "Of the distance moved; leaves out 0 where p is under 0.05"),
            Column("p", "Test of no movement, donors as the unit"),
            Column("q", "p corrected for testing many populations (Benjamini-Hochberg)"),
        ]
    note = "" if with_interval else "Shifts have no intervals here. "
    return Table(
        key="t-shifts",
        caption="State shifts",
        columns=columns,
        rows=rows,
        file="shifts.tsv",
        open=False,
        notes=[f"{note}Populations with fewer than 20 cells in a condition have no shift."],
    )
