"""Composition of every donor: one bar of populations per donor and condition."""

from __future__ import annotations

import numpy as np
import pandas as pd
from markupsafe import Markup

from cgmm._utils.colours import ink_on
from cgmm._utils.labels import breadth
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
from cgmm.results.read import Results

BAR, STEP, TOP = 20.0, 26.0, 8.0
BETWEEN = 22.0  # conditions
ACROSS, ACROSS_NARROW = 5, 2  # names of the legend in a line
CELLS = 62.0  # width of the number of cells
NAMED_FROM = 7.4  # width of a letter inside a bar


def composition_figure(results: Results) -> Figure:
    """Draw the shares of the populations of every donor in both conditions as bars."""
    donors = results.has_donors
    return Figure(
        key="composition",
        title="What every donor consists of" if donors else "What both conditions consist of",
        svg=_drawing(results, WIDTH, ACROSS),
        narrow=_drawing(results, NARROW, ACROSS_NARROW),
        reading=(
            "Each bar is all cells of one donor in one condition (right: their number), cut into "
            "populations. Bars of one condition should look alike: a donor whose bar does not is "
            "the first place to look when an interval is wide."
            if donors
            else "Each bar is all cells of a condition, cut into populations."
        ),
    )


def _drawing(results: Results, width: float, across: int) -> Markup:
    """Draw the bars, and below them the legend with so many names in a line."""
    limit = 22 if width == WIDTH else 12
    bars = _bars(results)
    left = names_width([name for _, name, _, _ in bars], limit) + 14
    parts: list[Markup] = []
    y, last = TOP, None
    for condition, name, cells, shares in bars:
        if condition != last:
            y += 0.0 if last is None else BETWEEN - (STEP - BAR)
            parts.append(label(condition, 0, y + 8, class_="head"))
            y += 20
            last = condition
        parts.append(label(text.short(name, limit), left - 10, y + BAR / 2, anchor="end"))
        parts += _bar(results, name, shares, (left, width - CELLS), y, hover=width == WIDTH)
        parts.append(label(cells, width, y + BAR / 2, anchor="end", class_="tick"))
        y += STEP
    legend, height = _legend(results, y + 12, width / across, across)
    return drawing(
        [*parts, *legend],
        width=width,
        height=height,
        title="Composition of every donor",
        text="One bar per donor and condition; parts are populations. The donor table has "
        "every share.",
        key="composition",
    )


def _bars(results: Results) -> list[tuple[str, str, str, pd.Series]]:
    """Return condition, name, words on cells, and shares by population, of every bar."""
    donors = results.tables["donors"]
    made = []
    for side, condition in (("source", results.source), ("target", results.target)):
        own = donors.loc[donors["side"] == side]
        for donor, rows in own.groupby("donor", sort=True):
            shares = rows.groupby("name")["share"].sum()
            cells = rows["n_cells"].max()
            made.append((condition, str(donor), text.count(cells) if cells > 0 else "", shares))
    if made:
        return made
    columns = (("factors", "share_source"), ("arrivals", "share_target"))
    for (table, column), condition in zip(columns, (results.source, results.target), strict=True):
        shares = results.tables[table].set_index("name")[column]
        made.append((condition, "all cells", "", shares))
    return made


def _bar(
    results: Results,
    name: str,
    shares: pd.Series,
    ends: tuple[float, float],
    y: float,
    *,
    hover: bool,
) -> list[Markup]:
    left, end = ends
    total = max(float(np.nansum(shares)), 1.0)
    x, parts = left, []
    for population in results.populations:
        share = float(shares.get(population.name, 0.0))
        width = share / total * (end - left)
        if not width > 0.05:
            continue
        fits, colour = (width - 6) / NAMED_FROM, population.colour
        parts.append(
            el(
                "g",
                tip(f"{name}: {text.percent(share)} {population.name}") if hover else NOTHING,
                el("rect", x=x, y=y, width=width, height=BAR, fill=colour, class_="part"),
                label(population.name, x + 4, y + BAR / 2, class_=f"on-part {ink_on(colour)}")
                if breadth(population.name) <= fits  # a name that is cut may be that of another
                else NOTHING,
                class_="mark",
                data_s=population.index,
            )
        )
        x += width
    return parts


def _legend(results: Results, top: float, step: float, across: int) -> tuple[list[Markup], float]:
    """Write the names of the populations with their colours, and return where they end."""
    parts = []
    for i, population in enumerate(results.populations):
        x, y = (i % across) * step, top + (i // across) * 18.0
        parts.append(
            el(
                "g",
                el("rect", x=x, y=y - 5, width=10, height=10, fill=population.colour),
                label(results.short(population.name, 21), x + 15, y, class_="tick"),
                tip(population.name),
                class_="mark",
                data_s=population.index,
            )
        )
    return parts, top + -(-len(results.populations) // across) * 18.0
