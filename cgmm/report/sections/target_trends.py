"""Several targets: the change along an order, and targets against each other."""

from __future__ import annotations

from typing import Any

import numpy as np
from markupsafe import Markup

from cgmm.report.claims.targets import TargetClaims
from cgmm.report.page import text
from cgmm.report.page.svg import Figure, drawing, el, label, polyline, ticks, tip
from cgmm.report.page.table import Column, Row, Table, interval, number, words
from cgmm.report.sections.section import Paragraph, Section, present
from cgmm.results.read import each
from cgmm.results.read_targets import SharedPopulation

ACROSS, W, H, GAP = 4, 204.0, 168.0, 12.0
MAX_PANELS = 60


def section(claims: TargetClaims) -> Section | None:
    """Return the section on the trend; None without an order."""
    results = claims.results
    if not results.scores:
        return None
    sentence = str(results.meta.get("trend_sentence") or "")
    return Section(
        key="trend",
        title="Along the order of the conditions",
        link="Trend",
        parts=[
            Paragraph(_order_words(claims)),
            *([Paragraph(sentence)] if sentence else []),
            *present(trend_figure(claims)),
            trend_table(claims),
        ],
    )


def pairs(claims: TargetClaims) -> Section | None:
    """Return the section on targets against each other; None when it was not asked for."""
    table = claims.results.tables["target_pairs"]
    if table.empty:
        return None
    rows = [
        Row(
            [
                words(f"{row.target} against {row.source}"),
                words(row.name),
                number(row.log2_net, text.fold),
                interval(row.ci_low, row.ci_high, text.fold_range, row.reason or "not estimated"),
                number(row.p, text.probability, "not tested"),
                number(row.q, text.probability, "not tested"),
            ]
        )
        for row in each(table)
    ]
    made = Table(
        key="t-target-pairs",
        caption="Every two targets",
        columns=[
            Column("Targets", number=False),
            Column("Population", number=False),
            Column("Factor", "Share in the later target over the share in the earlier one"),
            Column("95% interval", "Over donors"),
            Column("p"),
            Column("q", "Benjamini-Hochberg over all rows of this table"),
        ],
        rows=rows,
        file="target_pairs",
    )
    return Section(
        key="pairs",
        title="Targets against each other",
        parts=[
            Paragraph(
                "Factors are counted over cells per donor, as against the source. Donors that are "
                "in both targets are compared with themselves."
            ),
            made,
        ],
    )


def _order_words(claims: TargetClaims) -> str:
    scores = claims.results.scores
    order = sorted(scores, key=lambda name: scores[name])
    listed = ", ".join(f"{name} ({scores[name]:g})" for name in order)
    return (
        f"A line is fitted to the log-odds of the share of every donor against the number of its "
        f"condition: {listed}. The factor is the share on the line at the highest number over the "
        "share at the lowest."
    )


def trend_table(claims: TargetClaims) -> Table:
    """Tabulate the trend of every population."""
    table = claims.results.tables["trends"].set_index("name")
    rows = []
    for population in claims.results.populations:
        if population.name not in table.index:
            continue
        row: Any = table.loc[population.name]
        shares = (
            f"{text.percent(row['share_first'])} → {text.percent(row['share_last'])}"
            if np.isfinite(row["share_first"])
            else ""
        )
        rows.append(
            Row(
                [
                    words(population.name),
                    words(shares, "not estimated"),
                    number(row["log2_trend"], text.fold),
                    interval(
                        row["ci_low"],
                        row["ci_high"],
                        text.fold_range,
                        row["reason"] or "not estimated",
                    ),
                    number(row["p"], text.probability, "not tested"),
                    number(row["q"], text.probability, "not tested"),
                    words("yes" if str(row["monotone"]) == "True" else "no"),
                ],
                (population.index,),
            )
        )
    return Table(
        key="t-trends",
        caption="Trend of every population",
        columns=[
            Column("Population", number=False),
            Column("Share on the line", "At the lowest and at the highest number", number=False),
            Column("Factor", "From the lowest to the highest number"),
            Column("95% interval", "Over donors"),
            Column("p"),
            Column("q", "Benjamini-Hochberg over the populations"),
            Column("Every step the same way", "Of the mean log-odds of the donors", number=False),
        ],
        rows=rows,
        file="trends",
    )


def trend_figure(claims: TargetClaims) -> Figure | None:
    """Draw the share of every population in every donor against the order of the conditions."""
    results = claims.results
    found = [row for row in results.meta.get("shares") or [] if row.get("name")]
    if not found:
        return None
    populations = results.populations[:MAX_PANELS]
    parts = [
        _panel(claims, population, [r for r in found if r["name"] == population.name], place)
        for place, population in enumerate(populations)
    ]
    lines = -(-len(populations) // ACROSS)
    more = len(results.populations) - len(populations)
    return Figure(
        key="targets-trends",
        title="Every donor in every condition",
        svg=drawing(
            parts,
            width=ACROSS * (W + GAP) - GAP,
            height=lines * (H + 16),
            title="Share of each population in every donor, by condition",
            text="One panel per population; each dot is a donor. The table has the trend.",
            key="targets-trends",
        ),
        reading=(
            "One panel per population, one dot per donor; the height is the share of the donor's "
            "cells. Conditions are in their order, with equal distances. Thin lines join the same "
            "donor, the thick line joins the means of the donors. The scale differs from panel to "
            "panel."
        ),
        note=f"{more} rarer populations are left out." if more > 0 else "",
    )


def _panel(
    claims: TargetClaims, population: SharedPopulation, rows: list[dict[str, Any]], place: int
) -> Markup:
    scores = claims.results.scores
    order = sorted(scores, key=lambda name: scores[name])
    x, y = (place % ACROSS) * (W + GAP), (place // ACROSS) * (H + 16)
    bottom, top = y + H - 24, y + 30
    high = max((float(row["share"]) for row in rows), default=1.0) * 1.05 or 1.0
    centres = {name: x + 52 + (W - 72) * i / max(len(order) - 1, 1) for i, name in enumerate(order)}

    def at(share: float) -> float:
        return bottom - share / high * (bottom - top)

    parts: list[Markup] = [
        el("rect", x=x, y=y, width=W, height=H, rx=5, class_="panel"),
        label(text.short(population.name, 26), x + 8, y + 13, class_="panel-title"),
    ]
    for i, name in enumerate(order):
        parts.append(
            label(
                text.short(name, 10),
                centres[name] + (12 if i == len(order) - 1 else 0),
                bottom + (20 if i % 2 and len(order) > 3 else 10),
                anchor="end" if i == len(order) - 1 else "middle",
                class_="tick small",
            )
        )
    for value in ticks(0.0, high, 3):
        parts.append(el("line", x1=x + 40, x2=x + W - 8, y1=at(value), y2=at(value), class_="grid"))
        parts.append(label(f"{100 * value:.3g}%", x + 37, at(value), anchor="end", class_="tick"))
    donors: dict[str, dict[str, float]] = {}
    for row in rows:
        donors.setdefault(str(row["donor"]), {})[str(row["condition"])] = float(row["share"])
    for donor, own in donors.items():
        seen = [name for name in order if name in own]
        path = polyline([centres[n] for n in seen], [at(own[n]) for n in seen])
        if len(seen) > 1:
            parts.append(el("path", tip(donor), d=path, class_="pair", stroke=population.colour))
    for name in order:
        for donor, own in donors.items():
            if name in own:
                parts.append(
                    el(
                        "circle",
                        tip(f"{donor}, {name}: {text.percent(own[name])}"),
                        cx=centres[name],
                        cy=at(own[name]),
                        r=3.0,
                        class_="donor",
                        stroke=population.colour,
                        fill=population.colour,
                        fill_opacity=0.55,
                        data_donor=donor,
                    )
                )
    means = {n: np.mean([own[n] for own in donors.values() if n in own] or [np.nan]) for n in order}
    known = [n for n in order if np.isfinite(means[n])]
    line = polyline([centres[n] for n in known], [at(float(means[n])) for n in known])
    parts.append(el("path", d=line, class_="fitted"))
    return el("g", *parts, class_="mark", data_s=population.index)
