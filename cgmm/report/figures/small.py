"""Convergence, and estimate against truth."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from cgmm.report import text
from cgmm.report.data import Results
from cgmm.report.figures.svg import (
    NOTHING,
    Figure,
    FoldAxis,
    about,
    drawing,
    el,
    label,
    polyline,
    spread,
    ticks,
    tip,
)
from cgmm.report.truth import Known, known_truth

SAME = 0.01  # log2 factors that are drawn at one place
SIDESTEP = 7.0


def convergence(results: Results) -> Figure | None:
    """Objective at every step of the fit."""
    history = [float(v) for v in results.fit.get("history") or [] if text.is_number(v)]
    if len(history) < 2:
        return None
    values = np.asarray(history)
    w, h, left, top, bottom = 640.0, 240.0, 70.0, 14.0, 40.0
    low, high = min(history), max(history)
    span = high - low or 1.0
    low, high = low - 0.05 * span, high + 0.05 * span

    def sx(step: float) -> float:
        return left + step / max(len(values) - 1, 1) * (w - left - 16)

    def sy(value: float) -> float:
        return top + (high - value) / (high - low) * (h - top - bottom)

    parts: list[Markup] = []
    marks = ticks(low, high, 4)
    digits = next((d for d in range(7) if all(abs(round(m, d) - m) < 1e-9 for m in marks)), 6)
    for value in marks:
        y, name = sy(value), text.fixed(value, digits)
        parts.append(el("line", x1=left, x2=w - 16, y1=y, y2=y, class_="grid"))
        parts.append(label(name, left - 8, y, anchor="end", class_="tick"))
    for step in ticks(0, len(values) - 1, 6):
        if float(step).is_integer():
            name = text.fixed(step, 0)
            parts.append(label(name, sx(step), h - 26, anchor="middle", class_="tick"))
    parts.append(label("step", w - 16, h - 8, anchor="end", class_="tick"))
    parts.append(label("objective (nats per cell)", left, h - 8, class_="tick"))
    xs, ys = [sx(i) for i in range(len(values))], [sy(v) for v in values]
    parts.append(el("path", d=polyline(xs, ys), class_="line"))
    if len(values) <= 120:
        for i, (x, y) in enumerate(zip(xs, ys, strict=True)):
            words = tip(f"step {i}: {values[i]:.6g}")
            parts.append(el("circle", words, cx=x, cy=y, r=2.6, class_="fill ink"))
    return Figure(
        key="convergence",
        title="Objective at every step",
        svg=drawing(
            parts,
            width=w,
            height=h,
            title="Objective per step",
            text=f"From {history[0]:.6g} to {history[-1]:.6g} in {len(history)} steps.",
            key="convergence",
        ),
        reading=(
            "How well the model describes the cells of both conditions (log likelihood, less the "
            "price of matching them). Each step improves it; the curve should rise and then lie "
            "flat."
        ),
    )


def truth(results: Results) -> Figure | None:
    """Estimate against simulated truth."""
    both = [k for k in known_truth(results) if k.comparable]
    if not both:
        return None
    side, left, top = 360.0, 56.0, 14.0
    reach = max(max(abs(k.truth), abs(k.found)) for k in both)
    limit = float(np.ceil(max(reach, 0.9) * 1.08 * 2) / 2)
    x, y = FoldAxis(left, left + side, limit), FoldAxis(top + side, top, limit)
    parts = _truth_axes(x, y)
    both = sorted(both, key=lambda k: -k.found)
    places = spread([y(k.found) for k in both], 15.0, top + 6, top + side - 6)
    for row, place, aside in zip(both, places, _aside(both), strict=True):
        colour = results.subpopulations[row.subs[0]].colour
        parts.append(_truth_mark(row, x, y, place, aside, colour))
    return Figure(
        key="truth-plot",
        title="Found against true factors",
        svg=drawing(
            parts,
            width=left + side + 190,
            height=top + side + 44,
            title="Estimated against true factors",
            text="One dot per simulated subpopulation; on the diagonal, the truth was found.",
            key="truth-plot",
        ),
        reading=(
            "These data were simulated, so the true factors are known. A dot on the diagonal line "
            "means the truth was found; upright lines are 95% intervals over donors. Dots with the "
            "same truth are drawn side by side."
        ),
    )


def _aside(rows: list[Known]) -> list[float]:
    """How far to draw each aside, so that those with the same truth do not hide each other."""
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
    """One simulated subpopulation, with a line to its name at the height `place`."""
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
