"""The section with cells on the page: each map with its panels and its words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cgmm.report.page import text
from cgmm.report.sections import map_panels
from cgmm.results.read import Results


@dataclass(frozen=True)
class MapFigure:
    """Panels that belong together, and how to read them."""

    key: str
    title: str
    panels: list[map_panels.Panel]
    reading: str
    note: str = ""


def views(results: Results) -> list[map_panels.Map]:
    """Make the maps that the cells table has coordinates for."""
    made = (map_panels.make_map(results, key) for key in ("UMAP", "PC"))
    return [m for m in made if m is not None]


def map_figures(results: Results, found: list[map_panels.Map]) -> list[MapFigure]:
    """Draw every map.

    Parameters
    ----------
    results
        A checked results folder.
    found
        From :func:`views`.
    """
    made = []
    for view in found:
        made += _umap(results, view) if view.key == "UMAP" else _axes(results, view)
    return made


def _shown(results: Results, view: map_panels.Map) -> str:
    drawn, total = int(np.isfinite(view.xy).all(axis=1).sum()), results.n_cells_total
    if drawn >= total:
        return ""
    return f"{text.count(drawn)} of {text.count(total)} cells drawn, chosen at random. "


def _crowded(left_out: int) -> str:
    if not left_out:
        return ""
    return (
        f"{text.plural(left_out, 'name')} left out for lack of room: choose one in the list "
        "above, or hover."
    )


def _umap(results: Results, view: map_panels.Map) -> list[MapFigure]:
    panels, left_out = map_panels.cell_panels(results, view, ellipses=False)
    return [
        MapFigure(
            key="map-umap",
            title="Where the cells are (UMAP)",
            panels=panels,
            reading=(
                "Each dot is a cell, placed so that similar cells are near each other; left "
                f"{results.source}, right {results.target}, coloured by subpopulation with the "
                "other condition in grey behind. Distances on a UMAP are only a sketch; nothing is "
                "computed from it."
            ),
            note=_shown(results, view) + _crowded(left_out),
        ),
        MapFigure(
            key="map-change",
            title="The same cells, coloured by condition and by what changed",
            panels=[map_panels.both_panel(results, view), *map_panels.change_panels(results, view)],
            reading=(
                "First: the conditions over each other, apart where the state changed. Prevalence: "
                "how much more common (orange) or rarer (blue) cells like this one became. State "
                "shift: how far "
                f"cells of {results.source} like this one moved, in typical spreads within a "
                "subpopulation (SD); stronger is further. Values beyond the bar have the colour of "
                "its end."
            ),
            note=_shown(results, view),
        ),
    ]


def _axes(results: Results, view: map_panels.Map) -> list[MapFigure]:
    panels, left_out = map_panels.cell_panels(results, view, ellipses=True)
    figures = [
        MapFigure(
            key="map-pc",
            title="Where the fit sees them (first two axes)",
            panels=panels,
            reading=(
                "The two main axes of the space in which the fit was made. Ellipses are the fitted "
                "subpopulations; each holds about half of its cells on these axes. The other axes "
                "are not visible, so ellipses that overlap here may be apart there."
            ),
            note=_shown(results, view) + _crowded(left_out),
        )
    ]
    moved, unnamed = map_panels.movement_panel(results, view)
    if moved is not None:
        figures.append(
            MapFigure(
                key="map-moves",
                title="How the subpopulations moved",
                panels=[moved],
                reading=(
                    "Both conditions over each other. Dashed ellipses: "
                    f"{results.source}; solid: {results.target}. Arrows lead from where a "
                    "subpopulation was to where its counterpart is (transfers of at least 10%). "
                    "No arrow: it did not move visibly on these axes."
                ),
                note=_crowded(unnamed),
            )
        )
    return figures
