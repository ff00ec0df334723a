"""Section on who became whom: the alluvial figure; heatmap and tables are in `transfers`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from cgmm.report.claims.cell_counts import unlisted
from cgmm.report.claims.claims import Claims
from cgmm.report.page import text
from cgmm.report.page.svg import NOTHING, WIDTH, Figure, drawing, el, label, spread, tip
from cgmm.report.sections.section import Paragraph, Section
from cgmm.report.sections.transfers import arrivals_table, heatmap_figure, transfers_table
from cgmm.results.read import Population, Results, each

TOP, LEFT, RIGHT, BAR = 34.0, 250.0, WIDTH - 250.0, 12.0
MIN_DRAWN = 0.02
NOTEWORTHY = 0.01


def section(claims: Claims) -> Section:
    """Return the section on who became whom."""
    results = claims.results
    about = (
        "Populations of the two conditions are matched by similarity; each may grow, shrink and "
        "change its state. No single cell is followed. One population “became” another when its "
        f"cells in {results.source}, after the change that all cells share, would look like the "
        f"cells of the other in {results.target}."
    )
    return Section(
        key="flow",
        title="Who became whom",
        parts=[
            Paragraph(about),
            flow_figure(results),
            heatmap_figure(results),
            transfers_table(results),
            arrivals_table(results),
        ],
    )


@dataclass
class _Node:
    sub: Population
    share: float
    top: float = 0.0
    height: float = 0.0
    used: float = 0.0


def _nodes(results: Results, side: str, height: float, gap: float) -> dict[str, _Node]:
    nodes = {}
    for sub in results.populations:
        present = sub.source if side == "source" else sub.target
        share = sub.share_source if side == "source" else sub.share_target
        if present is not None:
            nodes[sub.name] = _Node(sub, float(np.nan_to_num(share)))
    total = sum(n.share for n in nodes.values()) or 1.0
    room = height - gap * (len(nodes) - 1)
    y = 0.0
    for node in nodes.values():
        node.top, node.height = y, max(room * node.share / total, 1.0)
        y += node.height + gap
    return nodes


def flow_figure(results: Results) -> Figure:
    """Draw shares before and after, joined by ribbons from the count of cells.

    A ribbon k -> l ends with the width ``t_l R_kl``, the cells of l that came from k. At the
    source, ``s_k`` is divided among the ribbons of k in the same proportions. All ribbons of k
    therefore widen by its net factor.
    """
    n = max(
        sum(s.source is not None for s in results.populations),
        sum(s.target is not None for s in results.populations),
    )
    height = float(max(340, 22 * n))
    gap = 4.0 if n <= 30 else 2.0
    left = _nodes(results, "source", height, gap)
    right = _nodes(results, "target", height, gap)
    ribbons, hidden = _ribbons(results, left, right)
    parts = [
        label(text.short(results.source, 30), LEFT + BAR, 12, anchor="end", class_="head"),
        label(text.short(results.target, 30), RIGHT - BAR, 12, class_="head"),
        *ribbons,
        *_bars(left, results.source, height, n, leftwards=True),
        *_bars(right, results.target, height, n, leftwards=False),
    ]
    return Figure(
        key="flow",
        title=f"Flow from {results.source} to {results.target}",
        svg=drawing(
            parts,
            width=WIDTH,
            height=TOP + height + 10,
            title=f"Flow of populations from {results.source} to {results.target}",
            text="Bars are populations, as high as their share of cells; ribbons join what "
            "became what. The tables below have the numbers.",
            key="flow",
        ),
        reading=(
            f"Left: the populations of {results.source}. Right: the populations of "
            f"{results.target}. "
            "Bar height is the share of cells; a ribbon has the colour of the bar where it begins. "
            "A ribbon is as wide, at either end, as its part of the bar. A ribbon that ends at "
            "another name: in "
            f"{results.target} its cells look like the population of that name. "
            "Within one cell type this may only say that the border between two populations "
            f"lies elsewhere.{_counting(results)}"
        ),
        note=_left_out(results, hidden),
    )


def _counting(results: Results) -> str:
    if not results.counts_cells:
        return ""
    return (
        f" Ribbons are counted cell by cell: each cell of {results.target} counts for the cells of "
        f"{results.source} that it resembles most, once the change of state is allowed for."
    )


def _left_out(results: Results, hidden: int) -> str:
    """Write what the figure does not show."""
    notes = []
    if hidden:
        one = hidden == 1
        notes.append(
            f"{text.plural(hidden, 'ribbon')} of less than {MIN_DRAWN:.0%} at both ends "
            f"{'is' if one else 'are'} left out."
        )
    missing = unlisted(results)
    if missing >= NOTEWORTHY:
        notes.append(
            f"{text.percent(missing)} of the cells in {results.target} came by pairs too small for "
            "the table of transfers: the bars have gaps there."
        )
    return " ".join(notes)


def _ribbons(
    results: Results, left: dict[str, _Node], right: dict[str, _Node]
) -> tuple[list[Markup], int]:
    """Draw one ribbon per transfer, the widest first; count those that are too thin to draw."""
    order = {s.name: s.index for s in results.populations}
    transfers = results.tables["transfers"]
    rows = transfers.assign(
        i=transfers["source"].map(order).astype(int), j=transfers["target"].map(order).astype(int)
    ).sort_values(["i", "j"], kind="stable")
    drawn: list[tuple[float, Markup]] = []
    hidden = 0
    for row in each(rows):
        if row.source not in left or row.target not in right:
            continue
        a, b = left[row.source], right[row.target]
        leaving = a.height * float(np.nan_to_num(row.share_of_source))
        arriving = b.height * float(np.nan_to_num(row.share_of_target))
        y0, y1 = TOP + a.top + a.used, TOP + b.top + b.used
        a.used += leaving
        b.used += arriving
        if max(np.nan_to_num(row.share_of_source), row.share_of_target) < MIN_DRAWN:
            hidden += 1
            continue
        hover = (
            f"{row.source} → {row.target}: {text.percent(row.share_of_source)} of what became of "
            f"{row.source}, {text.percent(row.share_of_target)} of {row.target} in {results.target}"
        )
        ribbon = el(
            "path",
            tip(hover),
            d=_ribbon(y0, y0 + max(leaving, 0.5), y1, y1 + max(arriving, 0.5)),
            fill=a.sub.colour,
            class_="ribbon mark",
            data_s=a.sub.index,
            data_t=b.sub.index,
        )
        drawn.append((-leaving, ribbon))
    return [ribbon for _, ribbon in sorted(drawn, key=lambda r: r[0])], hidden


def _ribbon(a: float, b: float, c: float, d: float) -> str:
    """Return a path between heights ``a``, ``b`` on the left and ``c``, ``d`` on the right."""
    x0, x1 = LEFT + BAR, RIGHT - BAR
    mid = (x0 + x1) / 2
    return (
        f"M{x0:.1f},{a:.1f}C{mid:.1f},{a:.1f} {mid:.1f},{c:.1f} {x1:.1f},{c:.1f}"
        f"L{x1:.1f},{d:.1f}C{mid:.1f},{d:.1f} {mid:.1f},{b:.1f} {x0:.1f},{b:.1f}Z"
    )


def _bars(
    nodes: dict[str, _Node], condition: str, height: float, n: int, *, leftwards: bool
) -> list[Markup]:
    """Draw the bars of one side, with names beside them that do not overlap."""
    x, out = (LEFT, -1) if leftwards else (RIGHT - BAR, 1)
    outside = x if leftwards else x + BAR
    wanted = [TOP + node.top + node.height / 2 for node in nodes.values()]
    heights = spread(wanted, 15.0 if n <= 40 else 14.5, TOP + 4, TOP + height - 4)
    parts = []
    for node, y, centre in zip(nodes.values(), heights, wanted, strict=True):
        share = text.percent(node.share)
        leader = f"M{outside + out:.1f},{centre:.1f}L{outside + 7 * out:.1f},{y:.1f}"
        bar = el("rect", x=x, y=TOP + node.top, width=BAR, height=node.height, fill=node.sub.colour)
        parts.append(
            el(
                "g",
                tip(f"{node.sub.name}: {share} of the cells in {condition}"),
                bar,
                el("path", d=leader, class_="leader") if abs(centre - y) > 3 else NOTHING,
                label(
                    f"{text.short(node.sub.name, 25)}  {share}",
                    outside + 10 * out,
                    y,
                    anchor="end" if leftwards else "start",
                ),
                class_="mark node",
                data_s=node.sub.index,
            )
        )
    return parts
