"""Scatters of the cells: by population, by condition, and by what changed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from cgmm._utils.colours import CONDITION_COLOURS, diverging, mix
from cgmm.pair import SIDES
from cgmm.report.page import text
from cgmm.report.page.scatter import (
    Name,
    Panel,
    View,
    colour_bar,
    dot_size,
    draw_cells,
    encode,
    overlay,
    place_names,
)
from cgmm.report.sections.cells import cell_index, cell_side
from cgmm.report.sections.ellipses import ellipses
from cgmm.results.read import Results

BAR_STEPS = 9
MAX_LOG2 = 2.0  # a factor of four or more has the strongest colour, so that one cannot hide others
OTHER_CONDITION = "#8a8a8a"


def cell_panels(results: Results, view: View, *, with_ellipses: bool) -> tuple[list[Panel], int]:
    """Draw source and target cells side by side on the same axes, coloured by population.

    Returns
    -------
    panels
        Two panels.
    left_out
        Number of names left out for lack of room, in the panel that leaves out more.
    """
    index, side = cell_index(results), cell_side(results)
    place = view.place(view.xy)
    palette = [s.colour for s in results.populations]
    good = np.isfinite(place).all(axis=1)
    panels, left_out = [], 0
    order = np.random.default_rng(0).permutation(len(place))
    size = dot_size(len(order))
    for number, which in enumerate(SIDES):
        condition = (results.source, results.target)[number]
        own = order[good[order] & (side[order] == number) & (index[order] < len(palette))]
        others = order[good[order] & (side[order] == 1 - number)]
        image = draw_cells(place[others], [OTHER_CONDITION] * len(others), size, 0.10)
        colours = [palette[i] for i in index[own]]
        image.alpha_composite(draw_cells(place[own], colours, size, 0.75))
        parts = ellipses(results, which, view) if with_ellipses else []
        labels, missing = place_names(_medians(results, place, index, own))
        left_out = max(left_out, missing)
        panels.append(
            Panel(
                title=f"{condition}: {text.count(len(own))} cells drawn",
                alt=f"Scatter of {condition} cells on {view.axes[0]} and {view.axes[1]}, "
                "coloured by population",
                image=encode(image),
                overlay=overlay([*parts, *labels], view.axes),
                map_key=view.key,
                show=which,
            )
        )
    return panels, left_out


def _medians(
    results: Results, place: np.ndarray, index: np.ndarray, cells: np.ndarray
) -> list[Name]:
    """Put the name of every population at the median of its cells among `cells`."""
    names = []
    for sub in results.populations:
        own = cells[index[cells] == sub.index]
        if len(own):
            x, y = np.median(place[own], axis=0)
            names.append(Name(sub.name, sub.index, float(x), float(y), float(len(own))))
    return names


def both_panel(results: Results, view: View) -> Panel:
    """Draw the cells of both conditions in one panel, coloured by condition."""
    side = cell_side(results)
    place = view.place(view.xy)
    good = np.isfinite(place).all(axis=1)
    order = np.random.default_rng(1).permutation(len(place))
    shown = order[good[order] & (side[order] < 2)]
    colours = [CONDITION_COLOURS[i] for i in side[shown]]
    image = draw_cells(place[shown], colours, dot_size(len(order)), 0.6)
    return Panel(
        title=f"{results.source} grey, {results.target} teal",
        alt=f"Scatter of the cells of both conditions on {view.axes[0]} and {view.axes[1]}, "
        "coloured by condition",
        image=encode(image),
        overlay=overlay([], view.axes),
        map_key=view.key,
        show="all",
    )


def change_panels(results: Results, view: View) -> list[Panel]:
    """Draw every cell by its net factor, and source cells by how far they moved."""
    side = cell_side(results)
    made = [
        _coloured(
            view,
            values=_column(results, "log2_net_factor"),
            shown=side < 2,
            colour=diverging,
            title="Prevalence (net factor)",
            ends=lambda limit: (text.fold(-limit), text.fold(limit)),
            low=-1.0,
            show="all",
        ),
        _coloured(
            view,
            values=_column(results, "shift"),
            shown=side == 0,
            colour=_purple,
            title=f"State shift, {results.source} cells",
            ends=lambda limit: ("0", f"{text.fixed(limit, 1)} SD"),
            low=0.0,
            show="source",
        ),
    ]
    return [panel for panel in made if panel is not None]


def _column(results: Results, name: str) -> np.ndarray:
    """Return a column of the cells table as numbers, NaN where there is no such column."""
    if name not in results.cells.columns:
        return np.full(len(results.cells), np.nan)
    return pd.to_numeric(results.cells[name], errors="coerce").to_numpy(dtype=float)


def _purple(value: float, limit: float) -> str:
    return mix((0xC9, 0xC9, 0xC4), (0x9C, 0x33, 0xB8), float(np.clip(value / limit, 0, 1)))


def _coloured(
    view: View,
    *,
    values: np.ndarray,
    shown: np.ndarray,
    colour: Callable[[float, float], str],
    title: str,
    ends: Callable[[float], tuple[str, str]],
    low: float,
    show: str,
) -> Panel | None:
    """Draw cells by a number, with a legend that runs from ``low * limit`` to ``limit``."""
    place = view.place(view.xy)
    keep = np.flatnonzero(np.isfinite(place).all(axis=1) & shown & np.isfinite(values))
    if not len(keep):
        return None
    keep = keep[np.argsort(np.abs(values[keep]), kind="stable")]
    limit = float(max(np.percentile(np.abs(values[keep]), 98), 1.0 if low < 0 else 1e-9))
    limit = min(limit, MAX_LOG2) if low < 0 else limit
    colours = [colour(float(v), limit) for v in values[keep]]
    steps = [colour(float(v), limit) for v in np.linspace(low, 1.0, BAR_STEPS) * limit]
    return Panel(
        title=title,
        alt=title,
        image=encode(draw_cells(place[keep], colours, dot_size(len(place)), 0.8)),
        overlay=overlay(colour_bar(steps, *ends(limit)), view.axes),
        map_key=view.key,
        show=show,
    )
