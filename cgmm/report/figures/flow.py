"""Who became whom: the flow (alluvial) figure and the transfer heatmap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from cgmm.report import text
from cgmm.report.data import Results, Subpopulation, each
from cgmm.report.figures.svg import Figure, checkers, drawing, el, label, spread, tip

WIDTH = 860
SMALLEST_DRAWN = 0.02


@dataclass
class _Node:
    sub: Subpopulation
    share: float
    top: float = 0.0
    height: float = 0.0
    used: float = 0.0


def _nodes(results: Results, side: str, height: float, gap: float) -> dict[str, _Node]:
    nodes = {}
    for sub in results.subpopulations:
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


def _ribbon(x0: float, x1: float, a: float, b: float, c: float, d: float) -> str:
    mid = (x0 + x1) / 2
    return (
        f"M{x0:.1f},{a:.1f}C{mid:.1f},{a:.1f} {mid:.1f},{c:.1f} {x1:.1f},{c:.1f}"
        f"L{x1:.1f},{d:.1f}C{mid:.1f},{d:.1f} {mid:.1f},{b:.1f} {x0:.1f},{b:.1f}Z"
    )


def flow(results: Results) -> Figure:
    """Alluvial figure whose ribbons start as wide as the source share and end as the target share.

    A ribbon k -> l starts with width ``s_k T_kl`` and ends with ``t_l R_kl``; a widening ribbon is
    growth, a narrowing one loss, a crossing one transfer.
    """
    n = max(
        sum(s.source is not None for s in results.subpopulations),
        sum(s.target is not None for s in results.subpopulations),
    )
    height = float(max(340, 22 * n))
    top, gap = 34.0, 4.0 if n <= 30 else 2.0
    left = _nodes(results, "source", height, gap)
    right = _nodes(results, "target", height, gap)
    x0, x1, bar = 250.0, WIDTH - 250.0, 12.0
    ribbons: list[tuple[float, Markup]] = []
    transfers = results.tables["transfers"]
    order = {s.name: s.index for s in results.subpopulations}
    rows = transfers.assign(
        i=transfers["source"].map(order).astype(int), j=transfers["target"].map(order).astype(int)
    ).sort_values(["i", "j"], kind="stable")
    hidden = 0
    for row in each(rows):
        if row.source not in left or row.target not in right:
            continue
        a, b = left[row.source], right[row.target]
        leaving = a.height * float(np.nan_to_num(row.share_of_source))
        arriving = b.height * float(np.nan_to_num(row.share_of_target))
        y0, y1 = top + a.top + a.used, top + b.top + b.used
        a.used += leaving
        b.used += arriving
        if max(row.share_of_source, row.share_of_target) < SMALLEST_DRAWN:
            hidden += 1
            continue
        hover = (
            f"{row.source} → {row.target}: {text.percent(row.share_of_source)} of what leaves "
            f"{row.source}, {text.percent(row.share_of_target)} of what arrives in {row.target}"
        )
        ribbons.append(
            (
                -leaving,
                el(
                    "path",
                    tip(hover),
                    d=_ribbon(
                        x0 + bar,
                        x1 - bar,
                        y0,
                        y0 + max(leaving, 0.5),
                        y1,
                        y1 + max(arriving, 0.5),
                    ),
                    fill=a.sub.colour,
                    class_="ribbon mark",
                    data_s=a.sub.index,
                    data_t=b.sub.index,
                ),
            )
        )
    parts = [
        label(text.short(results.source, 30), x0 + bar, 12, anchor="end", class_="head"),
        label(text.short(results.target, 30), x1 - bar, 12, class_="head"),
        *[r for _, r in sorted(ribbons, key=lambda r: r[0])],
    ]
    for nodes, x, side in ((left, x0, "end"), (right, x1 - bar, "start")):
        wanted = [top + node.top + node.height / 2 for node in nodes.values()]
        heights = spread(wanted, 15.0 if n <= 40 else 14.5, top + 4, top + height - 4)
        for node, y, centre in zip(nodes.values(), heights, wanted, strict=True):
            where = results.source if side == "end" else results.target
            at = x - 10 if side == "end" else x + bar + 10
            near = at + 3 if side == "end" else at - 3
            edge = x - 1 if side == "end" else x + bar + 1
            shown = f"{text.short(node.sub.name, 25)}  {text.percent(node.share)}"
            parts.append(
                el(
                    "g",
                    tip(f"{node.sub.name}: {text.percent(node.share)} of the cells in {where}"),
                    el(
                        "rect",
                        x=x,
                        y=top + node.top,
                        width=bar,
                        height=node.height,
                        fill=node.sub.colour,
                    ),
                    el(
                        "path",
                        d=f"M{edge:.1f},{centre:.1f}L{near:.1f},{y:.1f}",
                        class_="leader",
                    )
                    if abs(centre - y) > 3
                    else Markup(""),
                    label(shown, at, y, anchor=side),
                    class_="mark node",
                    data_s=node.sub.index,
                )
            )
    note = (
        f"{text.plural(hidden, 'transfer')} below {SMALLEST_DRAWN:.0%} of both their source and "
        "their target left out here; the table has all."
        if hidden
        else ""
    )
    return Figure(
        key="flow",
        title=f"Flow from {results.source} to {results.target}",
        svg=drawing(
            parts,
            width=WIDTH,
            height=top + height + 10,
            title=f"Flow of subpopulations from {results.source} to {results.target}",
            text="Bars are subpopulations, as high as their share of cells; ribbons are transfers. "
            "The same numbers are in the transfer table below.",
            key="flow",
        ),
        reading=(
            f"Left: the subpopulations of {results.source}. Right: those of {results.target}. "
            "Bar height is the share of cells. A ribbon links what corresponds: if it widens, that "
            "subpopulation became more common; if it narrows, rarer; if it ends at another name, "
            "cells of one state appear as another."
        ),
        note=note,
    )


def heatmap(results: Results) -> Figure:
    """Transfer matrix; three readings of the same coupling, switched by buttons."""
    rows = [s for s in results.subpopulations if s.source is not None]
    columns = [s for s in results.subpopulations if s.target is not None]
    n = max(len(rows), len(columns))
    cell = float(np.clip(620 / max(n, 1), 13, 46))
    longest = max((len(text.short(s.name)) for s in (*rows, *columns)), default=4)
    size = 12.0 if cell >= 15 else 10.5
    margin = min(28 + longest * size * 0.56, 210)
    angle = 40 if cell >= 20 else 60
    rise = float(np.sin(np.radians(angle)))
    top = min(34 + longest * size * 0.56 * rise, 170)
    width = margin + cell * len(columns) + 110
    height = top + cell * len(rows) + 12
    keyed = {(r.source, r.target): r for r in each(results.tables["transfers"])}
    parts: list[Markup] = [
        label(
            f"{text.short(results.source, 14)} ↓", margin - 8, top - 12, anchor="end", class_="head"
        ),
    ]
    for i, sub in enumerate(rows):
        parts.append(
            label(
                text.short(sub.name),
                margin - 8,
                top + cell * (i + 0.5),
                anchor="end",
                class_="mark",
                data_s=sub.index,
                font_size=size,
            )
        )
    for j, sub in enumerate(columns):
        x, y = margin + cell * (j + 0.5), top - 8
        parts.append(
            el(
                "text",
                text.short(sub.name),
                transform=f"translate({x:.1f},{y:.1f}) rotate(-{angle})",
                class_="mark",
                data_s=sub.index,
                font_size=size,
            )
        )
    parts += checkers(margin, top, cell, cell, len(columns), len(rows))
    for i, a in enumerate(rows):
        for j, b in enumerate(columns):
            row = keyed.get((a.name, b.name))
            if row is None:
                continue
            values = [
                float(np.nan_to_num(v))
                for v in (row.share_of_source, row.share_of_target, row.mass)
            ]
            hover = (
                f"{a.name} → {b.name}: {text.percent(values[0])} of what leaves {a.name}, "
                f"{text.percent(values[1])} of what arrives in {b.name}, "
                f"{text.percent(values[2])} of all matched mass"
            )
            if max(values) < 0.0005:
                continue
            x, y = margin + cell * j, top + cell * i
            ink = ""
            if cell >= 30:
                ink = text.percent(values[0]).replace("%", "") if values[0] >= 0.005 else ""
            parts.append(
                el(
                    "g",
                    tip(hover),
                    el(
                        "rect",
                        x=x + 0.5,
                        y=y + 0.5,
                        width=cell - 1,
                        height=cell - 1,
                        rx=2,
                        class_="heat",
                        fill_opacity=round(min(values[0], 1.0), 3),
                    ),
                    label(
                        ink,
                        x + cell / 2,
                        y + cell / 2,
                        anchor="middle",
                        class_="heat-ink" if values[0] > 0.55 else "heat-text",
                        font_size=min(12.0, cell * 0.34),
                    )
                    if cell >= 30
                    else Markup(""),
                    class_="mark cell",
                    data_s=a.index,
                    data_t=b.index,
                    data_v="|".join(f"{v:.4f}" for v in values),
                )
            )
    buttons = "".join(
        str(
            el(
                "button",
                words,
                type="button",
                data_mode=mode,
                aria_pressed="true" if mode == 0 else "false",
            )
        )
        for mode, words in enumerate(("of source", "of target", "raw mass"))
    )
    return Figure(
        key="transfers-map",
        title="Transfers in numbers",
        svg=drawing(
            parts,
            width=width,
            height=height,
            title="Transfer heatmap",
            text="Rows are source subpopulations, columns target subpopulations; each cell is the "
            "percentage of the row's mass going to the column. The table below has every value.",
            key="transfers-map",
        ),
        reading=(
            f"Each row is a subpopulation of {results.source}; the numbers along it say what "
            f"percentage of it corresponds to each subpopulation of {results.target} (a row adds "
            "up to 100). Strong colour on the diagonal means: stayed what it was. The buttons "
            "change what is counted: shares of the target, or raw mass, not normalised."
        ),
        controls=Markup(
            f'<span class="modes js-only" role="group" aria-label="Percent of">{buttons}</span>'
        ),
    )
