"""Section on sensitivity: every factor under other choices of the fit."""

from __future__ import annotations

import numpy as np
import pandas as pd
from markupsafe import Markup

from cgmm.report.claims.claims import Claims
from cgmm.report.claims.finding import Finding
from cgmm.report.claims.sensitivity import CHOICES, sensitivity_sentence
from cgmm.report.page import text
from cgmm.report.page.svg import Figure, FoldAxis, drawing, el, label, names_width, tip
from cgmm.report.page.table import Column, Row, Table, number, words
from cgmm.report.sections.section import Paragraph, Section, present
from cgmm.results.read import Results, each
from cgmm.thresholds import MIN_CHANGE

WIDTH, STEP, TOP = 860.0, 30.0, 44.0
RIGHT = WIDTH - 236.0  # "under 0.01–over 1000, not settled" stands beside it
MAX_FOLD = 5.0
LANES = {"seed": -4.5, "rho": -4.5, "partition": 5.5}


def section(claims: Claims) -> Section:
    """Return the section on other choices of the fit."""
    results = claims.results
    figure, words = sensitivity_figure(claims), sensitivity_sentence(results)
    absent = (
        "Factors of annotated populations are counted from your labels, so settings of the fit do "
        "not change them."
        if results.annotated
        else "No other settings were tried for this fit, so nothing can be said about them here."
    )
    return Section(
        key="sensitivity",
        title="Would other settings say the same?",
        link="Sensitivity",
        parts=present(Paragraph(words) if words else None, figure, sensitivity_table(results))
        if figure
        else [Paragraph(absent, "absent")],
        questions=[("sensitivity", "Would other settings say the same?")],
    )


def _reach(table: pd.DataFrame, rows: list[Finding]) -> float:
    values = [*table["log2_net"], *(f.log2_net for f in rows)]
    finite = [abs(v) for v in values if np.isfinite(v)]
    return float(np.clip(np.ceil((max(finite, default=1.0) + MIN_CHANGE) * 2) / 2, 2.0, MAX_FOLD))


def _mark(row: Finding, choice: pd.Series, x: float, y: float) -> Markup:
    value = text.fold(choice["log2_net"]) if np.isfinite(choice["log2_net"]) else "no cell left"
    words = f"{row.name}: {value} with {CHOICES[choice['parameter']]} {choice['value']}"
    if choice["parameter"] != "partition":
        return el("circle", tip(words), cx=x, cy=y + LANES["rho"], r=3.2, class_="along")
    at = y + LANES["partition"]
    return el("path", tip(words), d=f"M{x:.1f},{at - 4.5:.1f}l4.5,4.5l-4.5,4.5l-4.5,-4.5z",
              class_="other")  # fmt: skip


def _words(own: pd.DataFrame, *, settled: bool | None) -> str:
    found = own.loc[np.isfinite(own["log2_net"]), "log2_net"]
    span = text.fold_range(found.min(), found.max()) if len(found) else "no number"
    state = {True: ", settled", False: ", not settled", None: ""}[settled]
    return f"{span}{state}"


def _row(results: Results, row: Finding, own: pd.DataFrame, y: float, x: FoldAxis) -> Markup:
    parts: list[Markup] = [
        el("rect", x=0, y=y - 14, width=WIDTH, height=28, class_="row-hit"),
        label(results.short(row.name, 27), x.start - 12, y, anchor="end"),
    ]
    if np.isfinite(row.log2_net):
        low, high = x(row.log2_net - MIN_CHANGE), x(row.log2_net + MIN_CHANGE)
        parts.append(el("rect", x=low, y=y - 11, width=high - low, height=22, class_="band"))
        at = x(row.log2_net)
        parts.append(
            el(
                "path",
                tip(f"{row.name}: {text.fold(row.log2_net)} in this report"),
                d=f"M{at:.1f},{y - 11:.1f}v22",
                class_="fitted",
            )
        )
    path = own.loc[(own["parameter"] == "rho") & np.isfinite(own["log2_net"])]
    if len(path) > 1:
        ends = x(path["log2_net"].min()), x(path["log2_net"].max())
        lane = y + LANES["rho"]
        parts.append(el("line", x1=ends[0], x2=ends[1], y1=lane, y2=lane, class_="along-line"))
    parts += [_mark(row, choice, x(choice["log2_net"]), y) for _, choice in own.iterrows()]
    parts.append(
        label(
            _words(own, settled=row.settled),
            RIGHT + 24,
            y,
            class_="value unsettled" if row.settled is False else "value",
        )
    )
    return el("g", *parts, class_="mark row", data_s=row.index)


def _axis(x: FoldAxis, bottom: float) -> list[Markup]:
    parts = [
        label("factor under other settings", x.start, 12, class_="head"),
        label("lowest–highest", RIGHT + 24, 12, class_="head"),
    ]
    for value, name in x.doublings():
        kind = "zero" if value == 0 else "grid"
        parts.append(el("line", x1=x(value), x2=x(value), y1=TOP - 6, y2=bottom, class_=kind))
        parts.append(label(name, x(value), 32, anchor="middle", class_="tick"))
    return parts


def sensitivity_figure(claims: Claims) -> Figure | None:
    """Draw the factor of every population under every other choice; None without choices."""
    results = claims.results
    table = results.tables["sensitivity"]
    known = set(table["name"])
    rows = [f for f in claims.verdict.findings if f.name in known]
    if not rows:
        return None
    rows = sorted(rows, key=lambda f: f.settled is not False)
    bottom = TOP + STEP * len(rows)
    x = FoldAxis(names_width([f.name for f in rows]) + 12, RIGHT, _reach(table, rows))
    parts = _axis(x, bottom)
    for i, f in enumerate(rows):
        own = table.loc[table["name"] == f.name]
        parts.append(_row(results, f, own, TOP + STEP * (i + 0.5), x))
    return Figure(
        key="sensitivity",
        title="Every factor under other settings",
        svg=drawing(
            parts,
            width=WIDTH,
            height=bottom + 14,
            title="Factors under other choices",
            text="One row per population: the factor of this report, and the factors at its cells "
            "when populations are found in other ways. The table below has every value.",
            key="sensitivity",
        ),
        reading=(
            "The upright line is the factor of this report, the grey band 1.5-fold around it. "
            "Round dots: populations found by one search alone. Diamonds: found from one "
            "partition of the cells alone, coarser or finer. All inside the band: settled. A mark "
            "outside: do not build on this factor alone. Marks on both sides of ×1: not even the "
            "direction is certain."
        ),
    )


def sensitivity_table(results: Results) -> Table | None:
    """List every factor under every other choice."""
    table = results.tables["sensitivity"]
    if table.empty:
        return None
    rows = []
    for r in each(table):
        cells = [
            words(r.name),
            words(CHOICES.get(r.parameter, r.parameter)),
            words(r.value),
            number(r.log2_net, text.fold, "no cell left"),
            number(r.difference, missing="not comparable"),
        ]
        rows.append(Row(cells, (results.index_of(r.name),)))
    return Table(
        key="t-sensitivity",
        caption="Every factor under other settings",
        columns=[
            Column("Population", number=False),
            Column("What was changed", number=False),
            Column("To", number=False),
            Column("Net factor", "Of the same cells, under the other choice"),
            Column("Difference (log2)", "From the factor of the report; 0.58 is 1.5-fold"),
        ],
        rows=rows,
        file="sensitivity.tsv",
        open=False,
    )
