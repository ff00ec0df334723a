"""Section on the convergence of the fit."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from cgmm.report.claims.claims import Claims
from cgmm.report.page import text
from cgmm.report.page.svg import Figure, drawing, el, label, polyline, ticks, tip
from cgmm.report.sections.section import Paragraph, Section
from cgmm.results.read import Results


def section(claims: Claims) -> Section:
    """Return the section on the convergence of the fit."""
    fit = claims.results.fit
    status = text.sentence(str(fit.get("status") or "The fit left no status"))
    return Section(
        key="fit",
        title="How the fit converged",
        link="The fit",
        parts=[
            Paragraph(status, f"status {'good' if fit.get('converged', True) else 'bad'}"),
            convergence_figure(claims.results)
            or Paragraph(
                "The history of the objective has fewer than two steps, so there is no curve to "
                "draw.",
                "absent",
            ),
        ],
    )


def convergence_figure(results: Results) -> Figure | None:
    """Draw the objective at every step of the fit."""
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
