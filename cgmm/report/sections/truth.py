"""Section on the truth of simulated data: estimates against true factors."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from cgmm._utils.labels import spread
from cgmm.report.claims.claims import Claims
from cgmm.report.claims.truth import Known, known_truth, truth_sentence
from cgmm.report.page import text
from cgmm.report.page.svg import NOTHING, Figure, FoldAxis, about, drawing, el, label, tip
from cgmm.report.page.table import Cell, Column, Row, Table, interval, number, words
from cgmm.report.sections.section import Paragraph, Section, present
from cgmm.results.read import Results

SAME = 0.01  # log2 factors that are drawn at one place
SIDESTEP = 7.0


def section(claims: Claims) -> Section | None:
    """Return the section on the truth of simulated data; None for other data."""
    results = claims.results
    if not results.meta.get("truth"):
        return None
    return Section(
        key="truth",
        title="Was the truth found?",
        link="Truth",
        parts=present(
            Paragraph(truth_sentence(results)), truth_figure(results), truth_table(results)
        ),
    )


def truth_figure(results: Results) -> Figure | None:
    """Draw estimates against the simulated truth."""
    both = [k for k in known_truth(results) if k.comparable]
    if not both:
        return None
    side, left, top = 360.0, 56.0, 14.0
    reach = max(max(abs(k.truth), abs(k.found)) for k in both)
    limit = float(np.ceil(max(reach, 0.9) * 1.08 * 2) / 2)
    x, y = FoldAxis(left, left + side, limit), FoldAxis(top + side, top, limit)
    parts = _truth_axes(x, y)
    both = sorted(both, key=lambda k: -k.found)
    places = spread(np.array([y(k.found) for k in both]), 15.0, top + 6, top + side - 6)
    for row, place, aside in zip(both, places, _aside(both), strict=True):
        colour = results.populations[row.subs[0]].colour
        parts.append(_truth_mark(row, x, y, place, aside, colour))
    return Figure(
        key="truth-plot",
        title="Found against true factors",
        svg=drawing(
            parts,
            width=left + side + 190,
            height=top + side + 44,
            title="Estimated against true factors",
            text="One dot per simulated population; on the diagonal, the truth was found.",
            key="truth-plot",
        ),
        reading=(
            "These data were simulated, so the true factors are known. A dot on the diagonal line "
            "means the truth was found; upright lines are 95% intervals over donors. Dots with the "
            "same truth are drawn side by side."
        ),
    )


def _aside(rows: list[Known]) -> list[float]:
    """Return how far each dot is moved sideways, so that dots of one true value stay visible."""
    alike = [[i for i, other in enumerate(rows) if abs(other.truth - k.truth) < SAME] for k in rows]
    return [SIDESTEP * (same.index(i) - (len(same) - 1) / 2) for i, same in enumerate(alike)]


def _truth_axes(x: FoldAxis, y: FoldAxis) -> list[Markup]:
    parts: list[Markup] = []
    for value, name in x.doublings():
        kind = "zero" if value == 0 else "grid"
        parts += [
            el("line", x1=x(value), x2=x(value), y1=y.end, y2=y.start, class_=kind),
            el("line", x1=x.start, x2=x.end, y1=y(value), y2=y(value), class_=kind),
            label(name, x(value), y.start + 14, anchor="middle", class_="tick"),
            label(name, x.start - 8, y(value), anchor="end", class_="tick"),
        ]
    return [
        *parts,
        el("path", d=f"M{x.start},{y.start}L{x.end},{y.end}", class_="identity"),
        label("true factor", x.end, y.start + 32, anchor="end", class_="head"),
        label("found", x.start + 8, y.end + 12, class_="head"),
    ]


def _truth_mark(
    row: Known, x: FoldAxis, y: FoldAxis, place: float, aside: float, colour: str
) -> Markup:
    """Draw one simulated population, with a line to its name at the height `place`."""
    across, up, column = x(row.truth) + aside, y(row.found), x.end + 26
    leader = f"M{across + 7:.1f},{up:.1f}L{column - 20:.1f},{place:.1f}H{column - 4:.1f}"
    interval = {"y1": y(row.ci_low), "y2": y(row.ci_high)} if row.has_interval else None
    return el(
        "g",
        tip(f"{row.name}: true {text.fold(row.truth)}, found {text.fold(row.found)}"),
        el("line", x1=across, x2=across, **interval, class_="ci", stroke=colour)
        if interval
        else NOTHING,
        el("circle", cx=across, cy=up, r=5.5, fill=colour),
        el("path", d=leader, class_="leader faint"),
        label(text.short(row.name, 22), column, place),
        class_="mark",
        **about(row.subs),
    )


def _inside(known: Known) -> Cell:
    if not (known.has_interval and known.comparable):
        return Cell("no interval", None, note=True)
    return words("yes" if known.ci_low <= known.truth <= known.ci_high else "no")


def truth_table(results: Results) -> Table | None:
    """List estimates and true factors."""
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
            Column("Population", number=False),
            Column("True factor"),
            Column("Found"),
            Column("Difference (log2)"),
            Column("95% interval"),
            Column("Truth inside", number=False),
            Column("Pieces", "Populations that the fit cut it into; several are pooled"),
        ],
        rows=rows,
        file="truth",
    )
