"""Maps of the cells by donor, sample, batch and the columns of the user; the reader chooses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from cgmm._utils.colours import population_colours
from cgmm._utils.divisions import same_division
from cgmm.pair import SIDES
from cgmm.report.page import text
from cgmm.report.page.scatter import Panel, View, dot_size, draw_cells, encode, overlay
from cgmm.report.sections.cells import NO_SUBPOPULATION, cell_side, pack
from cgmm.results.read import Results
from cgmm.tables import MAX_LABELS, OF_OBS

OF_SHEET = ("donor", "sample")


@dataclass(frozen=True)
class Colouring:
    """Labels of the drawn cells.

    Attributes
    ----------
    name
        What the labels are, such as "donor".
    levels, colours
        The labels, and the colour of each.
    codes
        Position of the label of each cell, 255 for none, shape (n,).
    """

    name: str
    levels: list[str]
    colours: list[str]
    codes: np.ndarray


@dataclass(frozen=True)
class ColourFigure:
    """Source and target cells beside each other, coloured by labels that the reader chooses."""

    macro: ClassVar[str] = "colours"
    colourings: list[Colouring]
    panels: list[Panel]
    counts: list[tuple[str, ...]]
    reading: str
    note: str = ""


def colour_figure(results: Results, view: View, note: str) -> ColourFigure | None:
    """Draw the cells by their donor or by the first column of the user; None without labels.

    Parameters
    ----------
    results
        The results folder.
    view
        The map.
    note
        How many cells are drawn.
    """
    found = colourings(results)
    if not found:
        return None
    side, codes = cell_side(results), found[0].codes
    counts = [
        tuple(text.count(int(((codes == i) & (side == k)).sum())) for k in range(2))
        for i in range(len(found[0].levels))
    ]
    return ColourFigure(
        colourings=found,
        panels=_panels(results, view, found[0]),
        counts=counts,
        reading=(
            "The same places as above, coloured by what came with the files: choose it above the "
            "figure. A click on a label shows its cells alone; its numbers are the cells drawn in "
            f"{results.source} and {results.target}. A donor, a sample or a batch whose cells lie "
            "apart from all others differs as a whole, and what looks like an effect of the "
            "condition may be that difference."
        ),
        note=note + too_many(results),
    )


def too_many(results: Results) -> str:
    """Say that donors or samples are too many for a colour each; empty where they are not.

    Parameters
    ----------
    results
        The results folder.
    """
    names = [c for c in OF_SHEET if c in results.cells and results.cells[c].nunique() > MAX_LABELS]
    many = text.join([f"{name}s" for name in names])
    return f" There are more than {MAX_LABELS} {many}, too many for a colour each." if many else ""


def colourings(results: Results) -> list[Colouring]:
    """Return the columns that tell drawn cells apart: donor, sample, and those of the user."""
    cells = results.cells
    own = [str(c) for c in cells.columns if str(c).startswith(OF_OBS)]
    known = [cells[c].astype(str) for c in ("condition", "donor") if c in cells]
    found: list[Colouring] = []
    for column in (*(c for c in OF_SHEET if c in cells), *own):
        labels = cells[column].astype(str)
        if column == "sample" and any(same_division(labels, other) for other in known):
            continue
        made = _colouring(results, column.removeprefix(OF_OBS), labels)
        if made is not None:
            found.append(made)
    return found


def _colouring(results: Results, name: str, labels: pd.Series) -> Colouring | None:
    sizes = labels[labels != ""].value_counts()
    if not 2 <= len(sizes) <= MAX_LABELS:
        return None
    levels = sorted(map(str, sizes.index), key=_natural)
    place = {level: i for i, level in enumerate(levels)}
    codes = labels.map(place).fillna(NO_SUBPOPULATION).to_numpy(dtype=np.int64)
    colours = population_colours(len(levels))
    if all(results.has(level) for level in levels):  # the same cells have the same colour
        colours = [results.populations[results.index_of(level)].colour for level in levels]
    return Colouring(name, levels, colours, codes)


def _natural(level: str) -> list[tuple[int, str]]:
    """Return the key that sorts "donor2" before "donor10"."""
    parts = re.split(r"([0-9]+)", level)
    return [(int(part), "") if i % 2 else (-1, part.lower()) for i, part in enumerate(parts)]


def _panels(results: Results, view: View, shown: Colouring) -> list[Panel]:
    side, place = cell_side(results), view.place(view.xy)
    good = np.isfinite(place).all(axis=1)
    order = np.random.default_rng(2).permutation(len(place))
    panels = []
    for number, which in enumerate(SIDES):
        condition = (results.source, results.target)[number]
        own = order[good[order] & (side[order] == number)]
        own = own[shown.codes[own] != NO_SUBPOPULATION]
        colours = [shown.colours[i] for i in shown.codes[own]]
        image = encode(draw_cells(place[own], colours, dot_size(len(place)), 0.75))
        alt = f"Scatter of {condition} cells on {view.axes[0]} and {view.axes[1]}"
        panels.append(
            Panel(condition, alt, image, overlay([], view.axes), map_key=view.key, show=which)
        )
    return panels


def colour_island(figure: ColourFigure | None, n_cells: int) -> dict[str, object]:
    """Return the labels for the script of the page; empty without a figure.

    Parameters
    ----------
    figure
        The figure.
    n_cells
        Number of drawn cells.
    """
    if figure is None:
        return {}
    made = [
        {"levels": c.levels, "colours": c.colours, "codes": pack(c.codes.astype("<u1"))}
        for c in figure.colourings
    ]
    return {"colourings": made, "dot": round(float(np.sqrt(dot_size(n_cells))), 3)}
