"""Who became whom: the flow (alluvial) figure and the transfer heatmap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from cgmm.report.claims.cell_counts import counted, unlisted
from cgmm.report.page import text
from cgmm.report.page.grid import Grid, rise
from cgmm.report.page.svg import NOTHING, WIDTH, Figure, drawing, el, label, spread, tip
from cgmm.report.page.table import Cell, Column, Row, Table, any_finite, interval, number, words
from cgmm.results.read import Results, Subpopulation, each

TOP, LEFT, RIGHT, BAR = 34.0, 250.0, WIDTH - 250.0, 12.0
MIN_DRAWN = 0.02
NOTEWORTHY = 0.01


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


def flow_figure(results: Results) -> Figure:
    """Alluvial figure of shares before and after, joined by ribbons from the count of cells.

    A ribbon k -> l ends with width ``t_l R_kl``, the cells of l that came from k, and starts with
    the part of ``s_k`` that became them: all ribbons of k widen by its net factor.
    """
    n = max(
        sum(s.source is not None for s in results.subpopulations),
        sum(s.target is not None for s in results.subpopulations),
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
            title=f"Flow of subpopulations from {results.source} to {results.target}",
            text="Bars are subpopulations, as high as their share of cells; ribbons join what "
            "became what. The tables below have the numbers.",
            key="flow",
        ),
        reading=(
            f"Left: the subpopulations of {results.source}. Right: those of {results.target}. "
            "Bar height is the share of cells, ribbons have the colour of where they begin. A "
            "ribbon that widens: the subpopulation became more common; that narrows: rarer, by its "
            f"net factor. A ribbon that ends at another name: in {results.target} such cells look "
            "like that one. "
            "Within one cell type this may only say that the border between two subpopulations "
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
    """Say what the figure does not show."""
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
    """One ribbon per transfer, the widest below the others; how many are too thin to be drawn."""
    order = {s.name: s.index for s in results.subpopulations}
    transfers = counted(results)
    rows = transfers.assign(
        i=transfers["source"].map(order).astype(int), j=transfers["target"].map(order).astype(int)
    ).sort_values(["i", "j"], kind="stable")
    drawn: list[tuple[float, Markup]] = []
    hidden = 0
    for row in each(rows):
        if row.source not in left or row.target not in right:
            continue
        a, b = left[row.source], right[row.target]
        leaving = a.height * float(np.nan_to_num(row.counted_share))
        arriving = b.height * float(np.nan_to_num(row.share_of_target))
        y0, y1 = TOP + a.top + a.used, TOP + b.top + b.used
        a.used += leaving
        b.used += arriving
        if max(np.nan_to_num(row.counted_share), row.share_of_target) < MIN_DRAWN:
            hidden += 1
            continue
        hover = (
            f"{row.source} → {row.target}: {text.percent(row.counted_share)} of what became of "
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
    """Path from the heights ``a`` to ``b`` on the left to ``c`` to ``d`` on the right."""
    x0, x1 = LEFT + BAR, RIGHT - BAR
    mid = (x0 + x1) / 2
    return (
        f"M{x0:.1f},{a:.1f}C{mid:.1f},{a:.1f} {mid:.1f},{c:.1f} {x1:.1f},{c:.1f}"
        f"L{x1:.1f},{d:.1f}C{mid:.1f},{d:.1f} {mid:.1f},{b:.1f} {x0:.1f},{b:.1f}Z"
    )


def _bars(
    nodes: dict[str, _Node], condition: str, height: float, n: int, *, leftwards: bool
) -> list[Markup]:
    """Bars of one side, with names beside them that do not overlap."""
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


def heatmap_figure(results: Results) -> Figure:
    """Transfer matrix; three readings of the same coupling, switched by buttons."""
    rows = [s for s in results.subpopulations if s.source is not None]
    columns = [s for s in results.subpopulations if s.target is not None]
    n = max(len(rows), len(columns))
    cell = float(np.clip(620 / max(n, 1), 13, 46))
    names = [text.short(s.name) for s in (*rows, *columns)]
    source, target = text.short(results.source, 16), text.short(results.target, 16)
    size = 12.0 if cell >= 15 else 10.5
    longest = max(map(len, names), default=4)
    grid = Grid(
        left=min(28 + longest * size * 0.56, 210),
        top=min(34 + rise(cell, names, size), 170),
        width=cell,
        height=cell,
        n_rows=len(rows),
        n_columns=len(columns),
    )
    keyed = {(r.source, r.target): r for r in each(results.tables["transfers"])}
    parts: list[Markup] = [
        label(
            f"{text.short(results.source, 14)} ↓",
            grid.left - 8,
            grid.top - 12,
            anchor="end",
            class_="head",
        ),
        label(f"← {text.short(results.target, 14)}", grid.right + 8, grid.top - 12, class_="head"),
        *grid.row_names([(text.short(s.name), s.index) for s in rows], size),
        *grid.column_names([(text.short(s.name), s.index) for s in columns], size),
        *grid.background(),
    ]
    for i, a in enumerate(rows):
        for j, b in enumerate(columns):
            if (a.name, b.name) in keyed:
                parts.append(_transfer(grid, i, j, a, b, keyed[a.name, b.name]))
    return Figure(
        key="transfers-map",
        title="Transfers in numbers",
        svg=drawing(
            parts,
            width=grid.right + 110,
            height=grid.bottom + 12,
            title="Transfer heatmap",
            text="Rows are source subpopulations, columns target subpopulations; each cell is the "
            "percentage of the row that corresponds to the column. The table below has all values.",
            key="transfers-map",
        ),
        reading=(
            f"Each row is a subpopulation of {results.source}, each column one of "
            f"{results.target}. Numbers are percent; the buttons say of what. "
            f"{_modes_explained(results)} Strong colour on the diagonal: it goes on under the same "
            "name."
        ),
        controls=_modes(f"of {source}", f"of {target}", "of all cells"),
    )


def _modes_explained(results: Results) -> str:
    came = "counted cell by cell" if results.counts_cells else "from the same match"
    return (
        f"Of {results.source}: where a row goes, by the match of whole subpopulations (a row adds "
        f"up to 100). Of {results.target}: where the cells of a column came from, {came} (a column "
        f"adds up to 100). Of all cells: part of all cells in {results.source}, by the match, not "
        "normalised."
    )


def _transfer(
    grid: Grid, i: int, j: int, source: Subpopulation, target: Subpopulation, row: Any
) -> Markup:
    """One cell of the heatmap, nothing where all three readings round to nothing."""
    values = [float(np.nan_to_num(v)) for v in (row.share_of_source, row.share_of_target, row.mass)]
    if max(values) < 0.0005:
        return NOTHING
    hover = (
        f"{source.name} → {target.name}: {text.percent(values[0])} goes there by the match "
        f"({text.percent(values[2])} of all cells); {text.percent(values[1])} of the destination "
        "came from here"
    )
    ink = text.percent(values[0]).replace("%", "") if values[0] >= 0.005 else ""
    return grid.cell(
        i,
        j,
        hover,
        ink if grid.width >= 30 else None,
        strength=min(values[0], 1.0),
        size=min(12.0, grid.width * 0.34),
        corner=2,
        fill="heat",
        data_s=source.index,
        data_t=target.index,
        data_v="|".join(f"{v:.4f}" for v in values),
    )


def _modes(*words: str) -> Markup:
    """Buttons that switch between readings of the numbers; the first is on."""
    buttons = [
        el(
            "button",
            word,
            type="button",
            data_mode=mode,
            aria_pressed="true" if mode == 0 else "false",
        )
        for mode, word in enumerate(words)
    ]
    return Markup(
        '<span class="modes js-only" role="group" aria-label="Percent of">{}</span>'
    ).format(Markup("").join(buttons))


MIN_LISTED = 0.001


def arrivals_table(results: Results) -> Table:
    """One row per target subpopulation."""
    rows = []
    for row in each(results.tables["arrivals"]):
        subs = {results.index_of(row.name)}
        if results.has(row.main_source):
            subs.add(results.index_of(row.main_source))
        cells = [
            words(row.name),
            number(row.share_target, text.percent),
            words(row.main_source, "no convincing origin"),
            number(row.share_from_main_source, text.percent),
            number(row.inflow, text.ratio),
            words(row.status, "has an origin"),
            number(row.n_cells, text.count),
        ]
        rows.append(Row(cells, tuple(sorted(subs))))
    return Table(
        key="t-arrivals",
        caption=f"Where every subpopulation of {results.target} comes from",
        columns=[
            Column("Subpopulation", number=False),
            Column(
                f"Share in {text.short(results.target, 16)}",
                f"Part of the cells in {results.target} that belong to it",
            ),
            Column("Main origin", f"Where most of it came from in {results.source}", number=False),
            Column("Part from it", "Part of its cells that came from the main origin"),
            Column("Inflow", "Weight factor on arriving, as the match (coupling) sees it"),
            Column(
                "Status",
                f"new: no subpopulation of {results.source} can be its origin",
                number=False,
            ),
            Column("Cells", "Number of cells, each counted by its degree of membership"),
        ],
        rows=rows,
        file="arrivals.tsv",
        open=False,
    )


def _transfer_notes(results: Results, n_listed: int, *, with_interval: bool) -> list[str]:
    table = results.tables["transfers"]
    if table.empty:
        return ["No mass was matched, so there are no transfers."]
    reading = (
        f"“Of {results.source}” and “of all” are read from the match of whole subpopulations. "
        f"“Of {results.target}” "
    )
    reading += (
        f"and “counted, of {results.source}”, the ribbons of the flow figure, are counted cell by "
        "cell; where borders between neighbours lie elsewhere, match and count differ."
        if results.counts_cells
        else "follows from it (Bayes' rule)."
    )
    interval_of = f"The interval is of the part of {results.source}, from "
    notes = [
        reading,
        "Transfers have no intervals here."
        if not with_interval
        else f"{interval_of}drawing cells, not donors, and too narrow."
        if results.cells_only
        else f"{interval_of}refits to donors drawn anew.",
    ]
    left = len(table) - n_listed
    if left:
        notes.append(
            f"{text.plural(left, 'transfer')} under 0.1% of both sides "
            f"{'is' if left == 1 else 'are'} in transfers.tsv only."
        )
    return notes


def transfers_table(results: Results) -> Table:
    """All transfers with mass."""
    table = counted(results)
    with_interval = any_finite(table["ci_low"])
    listed = table.loc[
        (table["share_of_source"] >= MIN_LISTED) | (table["share_of_target"] >= MIN_LISTED)
    ]
    rows = []
    source, target = text.short(results.source, 16), text.short(results.target, 16)
    for row in each(listed):
        cells: list[Cell] = [
            words(row.source),
            words(row.target),
            number(row.share_of_source, text.percent),
            number(row.share_of_target, text.percent),
            number(row.mass, text.percent),
        ]
        if with_interval:
            cells.insert(3, interval(row.ci_low, row.ci_high, text.percent_range))
        if results.counts_cells:
            cells.insert(len(cells) - 2, number(row.counted_share, text.percent))
        rows.append(Row(cells, (results.index_of(row.source), results.index_of(row.target))))
    columns = [
        Column("From", number=False),
        Column("To", number=False),
        Column(
            f"Of {source}", "Part of the subpopulation on the left that goes here, by the match"
        ),
        Column(
            f"Of {target}",
            "Part of the destination's cells that came from the subpopulation on the left",
        ),
        Column("Of all", f"Part of all cells in {results.source} that goes here, by the match"),
    ]
    if with_interval:
        columns.insert(3, Column("95% interval", "Of the number before it"))
    if results.counts_cells:
        meaning = "Part of what the subpopulation on the left became that lies here: the ribbons"
        columns.insert(len(columns) - 2, Column(f"Counted, of {source}", meaning))
    return Table(
        key="t-transfers",
        caption=f"Transfers from {results.source} to {results.target}",
        columns=columns,
        rows=rows,
        file="transfers.tsv",
        open=False,
        notes=_transfer_notes(results, len(listed), with_interval=with_interval),
    )
