"""Section on who became whom: the alluvial figure; heatmap and tables are in `transfers`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from cgmm.report.claims.cell_counts import unlisted
from cgmm.report.claims.claims import Claims
from cgmm.report.page import text
from cgmm.report.page.svg import NARROW, WIDTH, Figure, drawing, el, label, tip
from cgmm.report.sections.section import Paragraph, Section
from cgmm.report.sections.transfers import arrivals_table, heatmap_figure, transfers_table
from cgmm.results.read import Population, Results, each

TOP, BAR, GAP = 34.0, 12.0, 4.0
LINE = 15.5  # height of a name
MIN_DRAWN = 0.02
NOTEWORTHY = 0.01


def section(claims: Claims) -> Section:
    """Return the section on who became whom."""
    results = claims.results
    about = (
        "Populations of the two conditions are matched by similarity, whatever their shares and "
        "even if their states differ. No single cell is followed. "
        f"{'One population “became”' if claims.verdict.tested else 'A population corresponds to'} "
        f"another when its cells in {results.source}, after the difference that all cells share, "
        f"would look like the cells of the other in {results.target}."
    )
    return Section(
        key="flow",
        title=claims.verdict.words.flow_title,
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
    """One population on one side: its bar, and how much of it ribbons have used."""

    sub: Population
    share: float
    top: float = 0.0
    height: float = 0.0
    used: float = 0.0


@dataclass(frozen=True)
class _Frame:
    """Where the bars of both sides stand, and how long and large a name may be."""

    width: float
    left: float
    right: float
    letters: int
    size: float


WIDE = _Frame(WIDTH, 250.0, WIDTH - 250.0, 27, 12.5)
PHONE = _Frame(NARROW, 136.0, NARROW - 136.0, 13, 11.0)


def _nodes(results: Results, side: str) -> dict[str, _Node]:
    nodes = {}
    for sub in results.populations:
        present = sub.source if side == "source" else sub.target
        share = sub.share_source if side == "source" else sub.share_target
        if present is not None:
            nodes[sub.name] = _Node(sub, float(np.nan_to_num(share)))
    return nodes


def _stack(sides: list[dict[str, _Node]]) -> float:
    """Place the bars of both sides below each other; return the height that they take.

    A bar is as high as its share. A bar that is lower than its name keeps the room of the name, so
    that every name stands at its own bar.
    """
    n = max(map(len, sides))
    bars = float(max(300, 11 * n))
    rooms = []
    for nodes in sides:
        total = sum(node.share for node in nodes.values()) or 1.0
        for node in nodes.values():
            node.height = max(bars * node.share / total, 1.0)
        rooms.append({name: max(node.height + GAP, LINE) for name, node in nodes.items()})
    height = max(sum(room.values()) for room in rooms)
    for nodes, room in zip(sides, rooms, strict=True):
        spare = (height - sum(room.values())) / max(len(nodes), 1)
        y = 0.0
        for name, node in nodes.items():
            node.top = y + (room[name] + spare - node.height) / 2
            y += room[name] + spare
    return height


def flow_figure(results: Results) -> Figure:
    """Draw shares before and after, joined by ribbons from the count of cells.

    A ribbon k -> l ends with the width ``t_l R_kl``, the cells of l that came from k. At the
    source, ``s_k`` is divided among the ribbons of k in the same proportions. All ribbons of k
    therefore widen by its net factor.
    """
    wide, hidden = _drawn(results, WIDE)
    narrow, _ = _drawn(results, PHONE)
    return Figure(
        key="flow",
        title=f"Flow from {results.source} to {results.target}",
        svg=wide,
        narrow=narrow,
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


def _drawn(results: Results, frame: _Frame) -> tuple[Markup, int]:
    """Return the drawing, and the number of ribbons that are too thin for it."""
    left, right = _nodes(results, "source"), _nodes(results, "target")
    height = _stack([left, right])
    ribbons, hidden = _ribbons(results, left, right, frame)
    source, target = (text.short(n, frame.letters + 3) for n in (results.source, results.target))
    parts = [
        label(source, frame.left + BAR, 12, anchor="end", class_="head"),
        label(target, frame.right - BAR, 12, class_="head"),
        *ribbons,
        *_bars(results, left, results.source, frame, leftwards=True),
        *_bars(results, right, results.target, frame, leftwards=False),
    ]
    made = drawing(
        parts,
        width=frame.width,
        height=TOP + height + 10,
        title=f"Flow of populations from {results.source} to {results.target}",
        text="Bars are populations, as high as their share of cells; ribbons join "
        "populations that correspond. The tables below have the numbers.",
        key="flow",
    )
    return made, hidden


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
    results: Results, left: dict[str, _Node], right: dict[str, _Node], frame: _Frame
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
            f"{row.source} → {row.target}: {text.percent(row.share_of_source)} of the "
            f"counterpart of {row.source}, {text.percent(row.share_of_target)} of {row.target} "
            f"in {results.target}"
        )
        ribbon = el(
            "path",
            tip(hover),
            d=_ribbon((y0, y0 + max(leaving, 0.5)), (y1, y1 + max(arriving, 0.5)), frame),
            fill=a.sub.colour,
            class_="ribbon mark",
            data_s=a.sub.index,
            data_t=b.sub.index,
        )
        drawn.append((-leaving, ribbon))
    return [ribbon for _, ribbon in sorted(drawn, key=lambda r: r[0])], hidden


def _ribbon(leaving: tuple[float, float], arriving: tuple[float, float], frame: _Frame) -> str:
    """Return a path between two heights on the left and two on the right."""
    (a, b), (c, d) = leaving, arriving
    x0, x1 = frame.left + BAR, frame.right - BAR
    mid = (x0 + x1) / 2
    return (
        f"M{x0:.1f},{a:.1f}C{mid:.1f},{a:.1f} {mid:.1f},{c:.1f} {x1:.1f},{c:.1f}"
        f"L{x1:.1f},{d:.1f}C{mid:.1f},{d:.1f} {mid:.1f},{b:.1f} {x0:.1f},{b:.1f}Z"
    )


def _bars(
    results: Results, nodes: dict[str, _Node], condition: str, frame: _Frame, *, leftwards: bool
) -> list[Markup]:
    """Draw the bars of one side, each with its name and share beside it."""
    x, out = (frame.left, -1) if leftwards else (frame.right - BAR, 1)
    outside = x if leftwards else x + BAR
    parts = []
    for node in nodes.values():
        share = text.percent(node.share)
        parts.append(
            el(
                "g",
                tip(f"{node.sub.name}: {share} of the cells in {condition}"),
                el(
                    "rect",
                    x=x,
                    y=TOP + node.top,
                    width=BAR,
                    height=node.height,
                    fill=node.sub.colour,
                ),
                label(
                    f"{results.short(node.sub.name, frame.letters)}  {share}",
                    outside + 8 * out,
                    TOP + node.top + node.height / 2,
                    anchor="end" if leftwards else "start",
                    font_size=frame.size,
                ),
                class_="mark node",
                data_s=node.sub.index,
            )
        )
    return parts
