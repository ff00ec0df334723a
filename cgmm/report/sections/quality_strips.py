"""Distributions of genes, counts and mitochondrial counts: one strip per sample and measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from cgmm._utils.colours import CONDITION_COLOURS
from cgmm.report.page import text
from cgmm.report.page.svg import NARROW, WIDTH, Figure, drawing, el, label, names_width, ticks, tip
from cgmm.results.read import Results, each

ROW, GAP, TOP = 26.0, 22.0, 44.0
BINS = 28
MIN_DRAWN = 30  # cells of a sample for an outline
HEADS = {
    "genes": "genes",
    "counts": "counts",
    "mitochondrial": "mitochondrial %",
    "doublet score": "doublet score",
}
IN_CELLS = {
    "genes": "n_genes",
    "counts": "n_counts",
    "mitochondrial": "pct_mt",
    "doublet score": "doublet_score",
}
LOGARITHMIC = {"genes", "counts"}


@dataclass(frozen=True)
class _Strip:
    """One measure: where it is drawn, and its scale."""

    measure: str
    start: float
    end: float
    low: float
    high: float
    top: float

    def on_scale(self, values: np.ndarray) -> np.ndarray:
        if self.measure in LOGARITHMIC:
            return np.asarray(np.log10(np.maximum(values, 1.0)))
        return np.asarray(values, dtype=float)

    def at(self, value: float) -> float:
        """Place of a value; beyond the scale at its end."""
        part = (float(self.on_scale(np.array(value))) - self.low) / (self.high - self.low)
        return self.start + min(max(part, 0.0), 1.0) * (self.end - self.start)


def quality_figure(results: Results) -> Figure | None:
    """Draw the distribution of every measure in every sample; None without measures."""
    table = results.tables["sample_quality"]
    samples = [s for s in results.tables["samples"]["sample"] if s in set(table["sample"])]
    measures = [m for m in HEADS if (table["measure"] == m).any()]
    if not samples or not measures:
        return None
    return Figure(
        key="quality",
        title="Genes, counts and mitochondrial share of the cells of every sample",
        svg=_drawing(results, table, samples, [measures], WIDTH),
        narrow=_drawing(results, table, samples, [[m] for m in measures], NARROW),
        reading=(
            "One row per sample, of the cells that were kept. The outline shows where the cells "
            "lie, the thick line holds the middle half of them, the thin line all but the lowest "
            f"and highest 5%, the dot is the median. {results.source} is grey, {results.target} "
            "teal; genes and counts are on a log scale. A sample that lies apart from the others "
            "of its condition, or a condition that lies apart as a whole, can make changes of "
            "shares and states that the treatment did not make."
        ),
    )


def _drawing(
    results: Results,
    table: pd.DataFrame,
    samples: list[str],
    blocks: list[list[str]],
    width: float,
) -> Markup:
    """Draw blocks of measures below each other; the measures of a block stand in a line."""
    limit = 22 if width == WIDTH else 13
    left = names_width(samples, limit) + 14
    conditions = dict(zip(table["sample"], table["condition"], strict=True))
    parts: list[Markup] = []
    height = TOP + ROW * len(samples) + 20
    for block, measures in enumerate(blocks):
        strips = _strips(table, measures, left, width, block * height)
        for strip in strips:
            parts += _axis(strip, strip.top + TOP + ROW * len(samples))
        for i, sample in enumerate(samples):
            rows = table.loc[table["sample"] == sample]
            y = block * height + TOP + ROW * (i + 0.5)
            colour = CONDITION_COLOURS[int(conditions[sample] == results.target)]
            name = label(text.short(sample, limit), left - 12, y, anchor="end")
            parts.append(_row(results, sample, rows, strips, y, colour, name))
    return drawing(
        parts,
        width=width,
        height=height * len(blocks),
        title="Quality of the cells of every sample",
        text="One row per sample. The table of quality has every number.",
        key="quality",
    )


def _strips(
    table: pd.DataFrame, measures: list[str], left: float, width: float, top: float
) -> list[_Strip]:
    width = (width - left - 10 - GAP * (len(measures) - 1)) / len(measures)
    made = []
    for i, measure in enumerate(measures):
        rows = table.loc[table["measure"] == measure]
        start = left + i * (width + GAP)
        low, high = float(np.nanmin(rows["p5"])), float(np.nanmax(rows["p95"]))
        strip = _Strip(measure, start, start + width, 0.0, 1.0, top)
        ends = strip.on_scale(np.array([low, high]))
        pad = 0.12 * max(float(ends[1] - ends[0]), 0.05)
        bounded = 0.0 if measure not in LOGARITHMIC else -np.inf
        at = max(float(ends[0]) - pad, bounded), float(ends[1]) + pad
        made.append(_Strip(measure, start, start + width, *at, top))
    return made


def _axis(strip: _Strip, bottom: float) -> list[Markup]:
    parts = [label(HEADS[strip.measure], strip.start, strip.top + 10, class_="head")]
    for value, words in _marks(strip):
        x = strip.at(value)
        parts.append(el("line", x1=x, x2=x, y1=strip.top + TOP - 4, y2=bottom, class_="grid"))
        parts.append(label(words, x, strip.top + 30, anchor="middle", class_="tick"))
    return parts


def _marks(strip: _Strip) -> list[tuple[float, str]]:
    """Return the values of the scale with a mark, and their words."""
    if strip.measure not in LOGARITHMIC:
        return [(v, f"{v:g}") for v in ticks(strip.low, strip.high, 3)]
    steps: tuple[int, ...] = (1, 2, 5) if strip.high - strip.low < 1.6 else (1,)
    values = [s * 10.0**p for p in range(8) for s in steps]
    inside = [v for v in values if strip.low <= np.log10(v) <= strip.high]
    return [(v, text.count(v)) for v in inside]


def _row(
    results: Results,
    sample: str,
    rows: pd.DataFrame,
    strips: list[_Strip],
    y: float,
    colour: str,
    name: Markup,
) -> Markup:
    of_measure = {row.measure: row for row in each(rows)}
    cells = results.cells
    own = cells.loc[cells["sample"].astype(str) == sample] if "sample" in cells else cells.iloc[:0]
    parts: list[Markup] = [name]
    said = []
    for strip in strips:
        row = of_measure.get(strip.measure)
        if row is None:
            continue
        column = IN_CELLS[strip.measure]
        if column in own and len(own) >= MIN_DRAWN:
            parts.append(_outline(own[column].to_numpy(dtype=float), strip, y, colour))
        parts += _box(row, strip, y, colour)
        said.append(
            f"{HEADS[strip.measure]} {_few(row.median)} ({_few(row.p5)} to {_few(row.p95)})"
        )
    return el("g", tip(f"{sample}: {'; '.join(said)}"), *parts)


def _outline(values: np.ndarray, strip: _Strip, y: float, colour: str) -> Markup:
    """Draw the density of the cells of a sample, on both sides of a line."""
    values = strip.on_scale(values[np.isfinite(values)])
    counts, edges = np.histogram(
        np.clip(values, strip.low, strip.high), BINS, (strip.low, strip.high)
    )
    smooth = np.convolve(np.convolve(counts, [0.25, 0.5, 0.25], "same"), [0.25, 0.5, 0.25], "same")
    if not smooth.max() > 0:
        return Markup("")
    half = smooth / smooth.max() * (ROW / 2 - 2)
    middles = (edges[1:] + edges[:-1]) / 2
    x = strip.start + (middles - strip.low) / (strip.high - strip.low) * (strip.end - strip.start)
    there = half > 0.15
    upper = [f"{a:.1f},{y - h:.1f}" for a, h in zip(x[there], half[there], strict=True)]
    lower = [f"{a:.1f},{y + h:.1f}" for a, h in zip(x[there], half[there], strict=True)][::-1]
    return el("path", d="M" + "L".join(upper + lower) + "z", fill=colour, fill_opacity=0.28)


def _box(row: Any, strip: _Strip, y: float, colour: str) -> list[Markup]:
    def line(a: float, b: float, width: float) -> Markup:
        ends = {"x1": strip.at(a), "x2": strip.at(b), "y1": y, "y2": y}
        return el("line", **ends, stroke=colour, stroke_width=width)

    parts = [line(row.p25, row.p75, 5.0)]
    if np.isfinite([row.p5, row.p95]).all():
        parts.insert(0, line(row.p5, row.p95, 1.4))
    dot = el("circle", cx=strip.at(row.median), cy=y, r=3.4, class_="median")
    return [*parts, dot]


def _few(value: float) -> str:
    return text.count(value) if abs(value) >= 100 else f"{value:.3g}"
