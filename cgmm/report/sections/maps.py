"""Cells and populations: the maps of the cells, and what each population is."""

from __future__ import annotations

import numpy as np

from cgmm.report.claims.claims import Claims
from cgmm.report.page import text
from cgmm.report.page.scatter import ScatterFigure, View
from cgmm.report.sections.cell_colours import colour_figure, colour_island
from cgmm.report.sections.cell_panels import both_panel, cell_panels, change_panels
from cgmm.report.sections.cells import island, make_view
from cgmm.report.sections.components import components_table
from cgmm.report.sections.ellipses import movement_panel
from cgmm.report.sections.marker_dots import marker_figure
from cgmm.report.sections.section import Paragraph, Part, Section, present
from cgmm.results.read import Results


def section(claims: Claims) -> Section:
    """Return the section with the maps of the cells."""
    results = claims.results
    umap, axes = make_view(results, "UMAP"), make_view(results, "PC")
    maps: list[Part] = []
    if umap is not None:
        maps += _umap(results, umap)
    view = umap if umap is not None else axes
    colours = None if view is None else colour_figure(results, view, _drawn(results, view))
    maps += present(colours)
    if axes is not None:
        maps += _axes(results, axes)
    components = components_table(results)
    nothing = Paragraph("The cells table has no coordinates to draw.", "absent")
    return Section(
        key="maps",
        title="Cells and populations",
        parts=present(*(maps or [nothing]), marker_figure(results), components),
        questions=[("t-components", "What is each population?")] if components else [],
        island={
            "cells": island(results, [one for one in (umap, axes) if one is not None]),
            **colour_island(colours, len(results.cells)),
        },
    )


def _drawn(results: Results, view: View) -> str:
    """Write how many cells are drawn, where some are not."""
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


def _umap(results: Results, view: View) -> list[ScatterFigure]:
    panels, left_out = cell_panels(results, view, with_ellipses=False)
    return [
        ScatterFigure(
            key="map-umap",
            title="Where the cells are (UMAP)",
            panels=panels,
            reading=(
                "Each dot is a cell, placed so that similar cells are near each other; left "
                f"{results.source}, right {results.target}, coloured by population with the "
                "other condition in grey behind. Distances on a UMAP are only a sketch; nothing is "
                "computed from it."
            ),
            note=_drawn(results, view) + _crowded(left_out),
        ),
        ScatterFigure(
            key="map-change",
            title="The same cells, coloured by condition and by what changed",
            panels=[both_panel(results, view), *change_panels(results, view)],
            reading=(
                "First: the conditions over each other, apart where the state changed. Prevalence: "
                "how much more common (orange) or rarer (blue) cells like this one became. State "
                "shift: how far "
                f"cells of {results.source} like this one moved, in typical spreads within a "
                "population (SD); stronger is further. Values beyond the bar have the colour of "
                "its end."
            ),
            note=_drawn(results, view),
        ),
    ]


def _axes(results: Results, view: View) -> list[ScatterFigure]:
    panels, left_out = cell_panels(results, view, with_ellipses=True)
    figures = [
        ScatterFigure(
            key="map-pc",
            title="Where the fit sees them (first two axes)",
            panels=panels,
            reading=(
                "The two main axes of the space in which the fit was made. Ellipses are the "
                "populations; each holds about half of its cells on these axes. The other axes "
                "are not visible, so ellipses that overlap here may be apart there."
            ),
            note=_drawn(results, view) + _crowded(left_out),
        )
    ]
    moved, unnamed = movement_panel(results, view)
    if moved is not None:
        figures.append(
            ScatterFigure(
                key="map-moves",
                title="How the populations moved",
                panels=[moved],
                reading=(
                    "Both conditions over each other. Dashed ellipses: "
                    f"{results.source}; solid: {results.target}. Arrows lead from where a "
                    "population was to where its counterpart is (transfers of at least 10%). "
                    "No arrow: it did not move visibly on these axes."
                ),
                note=_crowded(unnamed),
            )
        )
    return figures
