"""Convergence, and estimate against truth."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from cgmm.report import text
from cgmm.report.data import Results
from cgmm.report.figures.svg import Figure, about, drawing, el, label, polyline, spread, ticks, tip
from cgmm.report.truth import known_truth


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
        parts.append(el("line", x1=left, x2=w - 16, y1=sy(value), y2=sy(value), class_="grid"))
        parts.append(
            label(text.fixed(value, digits), left - 8, sy(value), anchor="end", class_="tick")
        )
    for step in ticks(0, len(values) - 1, 6):
        if float(step).is_integer():
            parts.append(
                label(text.fixed(step, 0), sx(step), h - 26, anchor="middle", class_="tick")
            )
    parts.append(label("step", w - 16, h - 8, anchor="end", class_="tick"))
    parts.append(
        el(
            "path",
            d=polyline([sx(i) for i in range(len(values))], [sy(v) for v in values]),
            class_="line",
        )
    )
    if len(values) <= 120:
        for i, v in enumerate(values):
            parts.append(
                el(
                    "circle",
                    tip(f"step {i}: {v:.6g}"),
                    cx=sx(i),
                    cy=sy(v),
                    r=2.6,
                    class_="fill ink",
                )
            )
    return Figure(
        key="convergence",
        title="How the fit settled",
        svg=drawing(
            parts,
            width=w,
            height=h,
            title="Objective per step",
            text=f"From {history[0]:.6g} to {history[-1]:.6g} in {len(history)} steps.",
            key="convergence",
        ),
        reading=(
            "Each step improves the fit; the curve should rise and then lie flat. A curve that is "
            "still rising at its right end has not settled."
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

    def sx(value: float) -> float:
        return left + (np.clip(value, -limit, limit) + limit) / (2 * limit) * side

    def sy(value: float) -> float:
        return top + (limit - np.clip(value, -limit, limit)) / (2 * limit) * side

    parts: list[Markup] = []
    for value in range(-int(limit), int(limit) + 1):
        name = f"×{2**value}" if value >= 0 else f"×1/{2**-value}"
        kind = "zero" if value == 0 else "grid"
        parts += [
            el("line", x1=sx(value), x2=sx(value), y1=top, y2=top + side, class_=kind),
            el("line", x1=left, x2=left + side, y1=sy(value), y2=sy(value), class_=kind),
            label(name, sx(value), top + side + 14, anchor="middle", class_="tick"),
            label(name, left - 8, sy(value), anchor="end", class_="tick"),
        ]
    parts += [
        el("path", d=f"M{sx(-limit)},{sy(-limit)}L{sx(limit)},{sy(limit)}", class_="identity"),
        label("true factor", left + side, top + side + 32, anchor="end", class_="head"),
        label("found", left + 8, top + 12, class_="head"),
    ]
    width = left + side + 190
    both = sorted(both, key=lambda k: -k.found)
    places = spread([sy(k.found) for k in both], 15.0, top + 6, top + side - 6)
    column = left + side + 26
    for row, place in zip(both, places, strict=True):
        i = row.subs[0]
        x, y = sx(row.truth), sy(row.found)
        hover = f"{row.name}: true {text.fold(row.truth)}, found {text.fold(row.found)}"
        children: list[Markup] = [tip(hover)]
        if row.has_interval:
            children.append(
                el(
                    "line",
                    x1=x,
                    x2=x,
                    y1=sy(row.ci_low),
                    y2=sy(row.ci_high),
                    class_="ci",
                    stroke=results.subpopulations[i].colour,
                )
            )
        children += [
            el("circle", cx=x, cy=y, r=5.5, fill=results.subpopulations[i].colour),
            el(
                "path",
                d=f"M{x + 7:.1f},{y:.1f}L{column - 20:.1f},{place:.1f}H{column - 4:.1f}",
                class_="leader faint",
            ),
            label(text.short(row.name, 22), column, place),
        ]
        parts.append(el("g", *children, class_="mark", **about(row.subs)))
    return Figure(
        key="truth-plot",
        title="Found against true factors",
        svg=drawing(
            parts,
            width=width,
            height=top + side + 44,
            title="Estimated against true factors",
            text="One dot per simulated subpopulation; on the diagonal, the truth was found.",
            key="truth-plot",
        ),
        reading=(
            "These data were simulated, so the true factors are known. A dot on the diagonal line "
            "means the truth was found; upright lines are 95% intervals over donors."
        ),
    )
