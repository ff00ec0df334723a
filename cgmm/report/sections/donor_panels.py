"""Small panels, one per population, with a dot for every donor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from cgmm.report.claims.claims import Claims
from cgmm.report.claims.donor_shares import donor_pairs
from cgmm.report.claims.finding import Finding
from cgmm.report.page import text
from cgmm.report.page.svg import Figure, drawing, el, label, ticks, tip
from cgmm.results.read import Results, each

ACROSS, W, H, GAP = 5, 160.0, 138.0, 12.0
SEEN_FROM = 0.25  # SD; a shorter shift is not visible, and donors have no position along it


@dataclass(frozen=True)
class _Panel:
    """One population: its values by side and donor, and where they are drawn."""

    finding: Finding
    rows: pd.DataFrame
    x: float
    y: float
    low: float
    high: float

    @property
    def bottom(self) -> float:
        return self.y + H - 18

    def at(self, value: float) -> float:
        """Height of a value."""
        span = self.bottom - (self.y + 24)
        return self.bottom - (value - self.low) / (self.high - self.low) * span


def donors_figure(claims: Claims) -> Figure | None:
    """Draw the share of every population in every donor, source left, target right."""
    results = claims.results
    pairs = donor_pairs(results).rename(columns={"share": "value"})
    if pairs.empty:
        return None
    shared = bool(results.shared_donors())
    findings = [f for f in claims.verdict.findings if np.isfinite(f.share_source)]

    def words(row: Any) -> str:
        cells = text.count(row.n_cells) if np.isfinite(row.n_cells) else "its"
        return f"{text.percent(row.value)} of {cells} cells"

    return Figure(
        key="donors-panels",
        title="Every donor: share of its cells",
        svg=_multiples(
            results,
            _panels(results, findings, pairs, from_zero=True),
            key="donors-panels",
            title="Share of each population in every donor",
            what="The donor table has the values.",
            tick=lambda v: f"{100 * v:.3g}%",
            words=words,
        ),
        reading=(
            f"One panel per population, one dot per donor; hollow left in {results.source}, "
            f"filled right in {results.target}; height is the share of that donor's cells that "
            "belong to it. "
            f"{'Lines join the same donor. ' if shared else ''}A change is convincing when nearly "
            "all donors go the same way. The scale differs from panel to panel."
        ),
    )


def positions_figure(claims: Claims) -> Figure | None:
    """Draw where every donor lies along the shift of every population that moved."""
    results = claims.results
    table = results.tables["donor_shifts"].rename(columns={"position_sd": "value"})
    table = table.loc[np.isfinite(table["value"])]
    findings = [
        f
        for f in claims.verdict.findings
        if f.shift_sd >= SEEN_FROM and f.name in set(table["name"].astype(str))
    ]
    if not findings:
        return None
    return Figure(
        key="donors-shifts",
        title="Every donor: distance along the shift (SD)",
        svg=_multiples(
            results,
            _panels(results, findings, table, from_zero=False),
            key="donors-shifts",
            title="Position of every donor along the shift of each population",
            what="The table of positions has the values.",
            tick=lambda v: f"{v + 0.0:g}",
            words=lambda row: f"{text.fixed(row.value)} SD along the shift",
        ),
        reading=(
            "One panel per population that moved visibly, one dot per donor: how far that "
            f"donor's cells lie along the shift, in SD. Donors of {results.source} (hollow) lie "
            f"about zero, donors of {results.target} (filled) about the shift. A filled dot among "
            "the hollow ones is a donor who did not respond."
        ),
    )


def _panels(
    results: Results, findings: list[Finding], table: pd.DataFrame, *, from_zero: bool
) -> list[_Panel]:
    component = {s.index: s.source for s in results.populations}
    made = []
    for place, f in enumerate(findings):
        rows = table.loc[table["component"] == component[f.index]]
        values = rows["value"].to_numpy(dtype=float)
        high = float(np.nanmax(values, initial=0.0)) or 1.0
        low = 0.0 if from_zero else float(np.nanmin(values, initial=0.0))
        pad = 0.08 * (high - low)
        x, y = (place % ACROSS) * (W + GAP), (place // ACROSS) * (H + 18)
        made.append(_Panel(f, rows, x, y, low if from_zero else low - pad, high + pad))
    return made


def _multiples(
    results: Results,
    panels: list[_Panel],
    *,
    key: str,
    title: str,
    what: str,
    tick: Callable[[float], str],
    words: Callable[[Any], str],
) -> Markup:
    shared = set(results.shared_donors())
    parts = [_panel(results, panel, shared, tick, words) for panel in panels]
    lines = -(-len(panels) // ACROSS)
    return drawing(
        parts,
        width=ACROSS * (W + GAP) - GAP,
        height=max(lines, 1) * (H + 18),
        title=title,
        text=f"One panel per population; each dot is one donor. {what}",
        key=key,
    )


def _panel(
    results: Results,
    panel: _Panel,
    shared: set[str],
    tick: Callable[[float], str],
    words: Callable[[Any], str],
) -> Markup:
    x, y = panel.x, panel.y
    colour = results.populations[panel.finding.index].colour
    centres = {"source": x + 62, "target": x + W - 28}
    labels = {"source": results.source, "target": results.target}
    parts: list[Markup] = [
        el("rect", x=x, y=y, width=W, height=H, rx=5, class_="panel"),
        label(results.short(panel.finding.name, 21), x + 8, y + 12, class_="panel-title"),
    ]
    for side, centre in centres.items():
        name = text.short(labels[side], 9)
        parts.append(label(name, centre, panel.bottom + 9, anchor="middle", class_="tick"))
    for value in ticks(panel.low, panel.high, 3):
        at = panel.at(value)
        parts.append(el("line", x1=x + 38, x2=x + W - 8, y1=at, y2=at, class_="grid"))
        parts.append(label(tick(value), x + 35, at, anchor="end", class_="tick"))
    dots: list[Markup] = []
    ends: dict[str, dict[str, tuple[float, float]]] = {}
    for side, centre in centres.items():
        mine = panel.rows.loc[panel.rows["side"] == side].sort_values("donor", kind="stable")
        n = len(mine)
        for k, row in enumerate(each(mine)):
            spot = centre + (0.0 if row.donor in shared else (k - (n - 1) / 2) * min(5.0, 24 / n))
            ends.setdefault(row.donor, {})[side] = (spot, panel.at(row.value))
            dots.append(
                _dot(
                    row.donor,
                    side,
                    (spot, panel.at(row.value)),
                    colour,
                    f"{row.donor}, {labels[side]}: {words(row)}",
                )
            )
    return el("g", *parts, *_links(ends, colour), *dots, class_="mark", data_s=panel.finding.index)


def _dot(donor: str, side: str, spot: tuple[float, float], colour: str, words: str) -> Markup:
    return el(
        "circle",
        tip(words),
        cx=spot[0],
        cy=spot[1],
        r=3.6,
        class_=f"donor {side}",
        stroke=colour,
        fill=colour if side == "target" else None,
        data_donor=donor,
    )


def _links(ends: dict[str, dict[str, tuple[float, float]]], colour: str) -> list[Markup]:
    made = []
    for donor, two in ends.items():
        if len(two) == 2:
            (x0, y0), (x1, y1) = two["source"], two["target"]
            made.append(
                el(
                    "path",
                    tip(donor),
                    d=f"M{x0:.1f},{y0:.1f}L{x1:.1f},{y1:.1f}",
                    class_="pair",
                    stroke=colour,
                    data_donor=donor,
                )
            )
    return made
