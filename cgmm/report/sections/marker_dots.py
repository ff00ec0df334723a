"""Dot plot of the marker genes: which genes tell the populations apart."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from markupsafe import Markup

from cgmm._utils.labels import breadth
from cgmm._utils.markers import leading_markers, markers_each
from cgmm.report.page import text
from cgmm.report.page.svg import (
    NARROW,
    NOTHING,
    WIDTH,
    Figure,
    drawing,
    el,
    label,
    names_width,
    tip,
)
from cgmm.results.read import Results, each

STEP = 21.0  # between populations
MAX_COLUMN = 30.0  # between genes
LETTER = 6.4
SHADES = 6  # of the legend
LEGEND_LINE = 20.0
LEGEND = (0.25, 0.5, 1.0)  # fractions of cells
NARROW_ROW = 17.0
MAX_NARROW_GENES = 45
NO_FRACTION = 0.5  # size of every dot where no fraction is known


class _Dots(NamedTuple):
    """The genes that are drawn, and what each population has of them."""

    chosen: list[tuple[str, str]]  #: population and gene
    of: dict[tuple[str, str], Any]  #: row of the table by gene and population
    fractions: bool


def marker_figure(results: Results) -> Figure | None:
    """Draw the marker genes of all populations; None where there are none."""
    table = results.tables["markers"]
    names = [p.name for p in results.populations]
    dots = _dots(table, names, markers_each(len(names)))
    if not dots.chosen:
        return None
    one, several = results.features
    what = f"how high the mean is, from the lowest (light) to the highest population, per {one}"
    return Figure(
        key="markers",
        title=f"Which {several} tell the populations apart",
        svg=_wide(results, dots),
        narrow=_narrow(results, _dots(table, names, max(1, MAX_NARROW_GENES // len(names)))),
        reading=(
            (
                f"Size: the fraction of cells that express the {one}. Colour: {what}. "
                if dots.fractions
                else f"Colour: {what}. "
            )
            + f"The {several} of a population stand together; both conditions count equally. A "
            "population that is one kind of cell has dark dots in its own part only. These "
            f"{several} were chosen because they differ between populations: they say what a "
            "population is, not what changed."
        ),
        note="markers.tsv has up to five of each population.",
    )


def _dots(table: pd.DataFrame, names: list[str], n_genes: int) -> _Dots:
    if table.empty:
        return _Dots([], {}, False)
    chosen = leading_markers(table, names, n_genes)
    rows = {(row.gene, row.name): row for row in each(table)}
    return _Dots(chosen, rows, bool(table["fraction"].notna().any()))


def _dot(dots: _Dots, gene: str, name: str, x: float, y: float, r: float, *, hover: bool) -> Markup:
    """Draw the dot of a gene in a population, `r` the radius for all cells; empty without data."""
    row = dots.of.get((gene, name))
    if row is None or not np.isfinite(row.scaled_mean):
        return NOTHING
    part = row.fraction if dots.fractions else NO_FRACTION
    radius = r * math.sqrt(part) if part > 0 else 0.0
    if radius < 0.4:
        return NOTHING
    share = f", {text.percent(part)} of cells" if dots.fractions else ""
    return el(
        "circle",
        tip(f"{gene} in {name}: mean {text.fixed(row.mean, 2)}{share}") if hover else NOTHING,
        cx=x,
        cy=y,
        r=radius,
        class_="heat marker",
        fill_opacity=_opacity(float(row.scaled_mean)),
    )


def _wide(results: Results, dots: _Dots) -> Markup:
    """Draw a row per population and a column per gene."""
    names = [p.name for p in results.populations]
    left = names_width(names, 24) + 14
    column = min(MAX_COLUMN, (WIDTH - left - 8) / len(dots.chosen))
    size = min(11.0, column)
    top = max(breadth(gene) for _, gene in dots.chosen) * size * 0.62 + 14
    height = top + STEP * len(names)
    parts: list[Markup] = []
    last = ""
    for j, (of, gene) in enumerate(dots.chosen):
        x = left + column * (j + 0.5)
        if of != last:
            parts.append(_start(x - column / 2, top, height, vertical=True))
            last = of
        place = f"translate({x + size * 0.35:.1f},{top - 6:.1f}) rotate(-90)"
        index = results.index_of(of)
        gene_class = "mark" if results.features[0] == "marker" else "gene mark"
        parts.append(
            el("text", gene, transform=place, font_size=size, class_=gene_class, data_s=index)
        )
    for i, population in enumerate(results.populations):
        y = top + STEP * (i + 0.5)
        name = label(results.short(population.name, 24), left - 8, y, anchor="end", font_size=12.0)
        r = min(column, STEP) / 2 - 0.4
        row = [
            _dot(dots, gene, population.name, left + column * (j + 0.5), y, r, hover=True)
            for j, (_, gene) in enumerate(dots.chosen)
        ]
        parts.append(el("g", name, *row, class_="mark", data_s=population.index))
    parts += _legend(dots, left, height + 18, min(column, STEP) / 2 - 0.4, lines=1)
    return _drawing(parts, WIDTH, height + 34, dots)


def _narrow(results: Results, dots: _Dots) -> Markup:
    """Draw a row per gene and a column per population, for a phone."""
    names = [results.short(p.name, 18) for p in results.populations]
    left = max(breadth(gene) for _, gene in dots.chosen) * 7.2 + 12
    column = min(MAX_COLUMN, (NARROW - left - 30) / len(names))
    size = max(min(11.0, column), 7.0)
    top = max(map(breadth, names)) * size * 0.66 + 16
    parts: list[Markup] = []
    last = ""
    height = top + NARROW_ROW * len(dots.chosen)
    for i, (of, gene) in enumerate(dots.chosen):
        y = top + NARROW_ROW * (i + 0.5)
        if of != last:
            parts.append(_start(y - NARROW_ROW / 2, left, NARROW - 24, vertical=False))
            last = of
        parts.append(label(gene, left - 6, y, anchor="end", font_size=11.0))
    r = min(column, NARROW_ROW) / 2 - 0.4
    for j, population in enumerate(results.populations):
        x = left + column * (j + 0.5)
        place = f"translate({x + size * 0.35:.1f},{top - 6:.1f}) rotate(-90)"
        marks = [el("text", names[j], transform=place, font_size=size)]
        marks += [
            _dot(dots, gene, population.name, x, top + NARROW_ROW * (i + 0.5), r, hover=False)
            for i, (_, gene) in enumerate(dots.chosen)
        ]
        parts.append(el("g", *marks, class_="mark", data_s=population.index))
    parts += _legend(dots, 8.0, height + 18, r, lines=2)
    return _drawing(parts, NARROW, height + 34 + LEGEND_LINE, dots)


def _start(at: float, begin: float, end: float, *, vertical: bool) -> Markup:
    """Draw the line before the genes of a population."""
    path = f"M{at:.1f},{begin:.1f}V{end:.1f}" if vertical else f"M{begin:.1f},{at:.1f}H{end:.1f}"
    return el("path", d=path, class_="grid")


def _legend(dots: _Dots, x: float, y: float, r: float, *, lines: int) -> list[Markup]:
    """Explain sizes and colours, in one line or in two."""
    parts: list[Markup] = []
    start = x
    for share in LEGEND if dots.fractions else ():
        radius = r * math.sqrt(share)
        parts.append(el("circle", cx=x + r, cy=y, r=radius, class_="marker-size"))
        words = f"{100 * share:.0f}%" + " of cells" * (share == LEGEND[-1])
        parts.append(label(words, x + 2 * r + 5, y, class_="tick"))
        x += 2 * r + 16 + LETTER * len(words)
    if lines == 2 and dots.fractions:
        x, y = start, y + LEGEND_LINE
    parts.append(label("mean: lowest", x, y, class_="tick"))
    x += LETTER * 12.5
    for i in range(SHADES):
        opacity = _opacity(i / (SHADES - 1))
        place = {"x": x + 10 * i, "y": y - 5, "width": 10.0, "height": 10}
        parts.append(el("rect", **place, class_="heat", fill_opacity=opacity))
    parts.append(label("highest", x + 10 * SHADES + 5, y, class_="tick"))
    return parts


def _opacity(scaled: float) -> float:
    """Return the strength of the colour of a scaled mean; zero is still visible."""
    return round(0.06 + 0.94 * scaled, 2)


def _drawing(parts: list[Markup], width: float, height: float, dots: _Dots) -> Markup:
    return drawing(
        parts,
        width=width,
        height=height,
        title="Marker genes of the populations",
        text=f"Dots for {len(dots.chosen)} genes in every population; markers.tsv has the numbers.",
        key="markers",
    )
