"""Fitted populations as ellipses on the first two axes of the fit, with arrows between them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from cgmm._utils.colours import CONDITION_COLOURS
from cgmm.pair import SOURCE, TARGET
from cgmm.report.page import text
from cgmm.report.page.scatter import (
    HALF,
    HEIGHT,
    WIDTH,
    Name,
    Panel,
    View,
    arrow,
    dot_size,
    draw_cells,
    ellipse,
    encode,
    overlay,
    place_names,
)
from cgmm.report.page.svg import el, tip
from cgmm.report.sections.cells import cell_side
from cgmm.results.read import Population, Results, each

MIN_ARROW_SHARE = 0.1
MIN_ARROW_LENGTH = 4.0


class _Gaussian(NamedTuple):
    """A population in one condition, on the first two axes of the fit."""

    sub: Population
    centre: np.ndarray
    covariance: np.ndarray


def _gaussians(results: Results, side: str) -> list[_Gaussian]:
    block = (results.meta.get("components") or {}).get(side) or {}
    means, covariances = block.get("means"), block.get("covariances")
    if not means or not covariances:
        return []
    centre = np.array(means, dtype=float)  # None, of a population without cells, is NaN
    shape = np.array(covariances, dtype=float)
    if centre.ndim != 2 or centre.shape[1] < 2 or shape.shape != (*centre.shape, centre.shape[1]):
        return []
    found = []
    for sub in results.populations:
        k = sub.source if side == SOURCE else sub.target
        if k is not None and 0 <= k < len(centre) and np.isfinite(shape[k]).all():
            found.append(_Gaussian(sub, centre[k, :2], shape[k, :2, :2]))
    return found


def ellipses(results: Results, side: str, view: View) -> list[Markup]:
    """Draw the populations of one condition; empty when report.json has no components."""
    return [
        ellipse(
            one.centre,
            one.covariance,
            view,
            class_=f"ellipse {side} mark",
            stroke=one.sub.colour,
            data_s=one.sub.index,
        )
        for one in _gaussians(results, side)
    ]


def movement_panel(results: Results, view: View) -> tuple[Panel | None, int]:
    """Draw the ellipses of both conditions, with an arrow for every transfer of 10 % or more.

    Returns
    -------
    panel
        None when report.json has no components.
    left_out
        Number of names left out for lack of room.
    """
    source, target = _gaussians(results, SOURCE), _gaussians(results, TARGET)
    if not source or not target:
        return None, 0
    place = view.place(view.xy)
    good = np.isfinite(place).all(axis=1)
    drawn = good & (cell_side(results) < 2)
    colours = [CONDITION_COLOURS[i] for i in cell_side(results)[drawn]]
    image = draw_cells(place[drawn], colours, dot_size(len(place)), 0.16)
    parts = [
        *ellipses(results, SOURCE, view),
        *ellipses(results, TARGET, view),
        *_arrows(results, view, source, target),
    ]
    scale = np.array([WIDTH, HEIGHT]) / (view.high - view.low)
    names = []
    for one in target:
        x, y = view.place(one.centre[None, :])[0]
        across, up = (HALF * scale * np.sqrt(np.diag(one.covariance))).tolist()
        names.append(
            Name(one.sub.name, one.sub.index, x, y, one.sub.share_target, radii=(across, up))
        )
    labels, left_out = place_names(names)
    panel = Panel(
        title=f"{results.source} (dashed, grey cells) to {results.target} (solid, teal cells)",
        alt="Ellipses of the populations of both conditions with arrows for transfers",
        image=encode(image),
        overlay=overlay([*parts, *labels], view.axes),
        map_key=view.key,
        show="all",
    )
    return panel, left_out


def _arrows(
    results: Results, view: View, source: list[_Gaussian], target: list[_Gaussian]
) -> list[Markup]:
    start = {one.sub.name: view.place(one.centre[None, :])[0] for one in source}
    end = {one.sub.name: view.place(one.centre[None, :])[0] for one in target}
    made = []
    for row in each(results.tables["transfers"]):
        wide_enough = row.share_of_source >= MIN_ARROW_SHARE
        if not wide_enough or row.source not in start or row.target not in end:
            continue
        a, b = start[row.source], end[row.target]
        if np.hypot(*(b - a)) < MIN_ARROW_LENGTH:
            continue
        i = results.index_of(row.source)
        made.append(
            el(
                "g",
                tip(f"{row.source} → {row.target}: {text.percent(row.share_of_source)}"),
                *arrow(a, b, results.populations[i].colour, float(row.share_of_source)),
                class_="mark",
                data_s=i,
                data_t=results.index_of(row.target),
            )
        )
    return made
