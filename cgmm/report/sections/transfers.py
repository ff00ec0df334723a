"""Transfers in numbers: the heatmap, the table of transfers and the table of origins."""

from __future__ import annotations

from typing import Any

import numpy as np
from markupsafe import Markup

from cgmm._utils.labels import breadth
from cgmm.report.page import text
from cgmm.report.page.grid import Grid, reach, rise
from cgmm.report.page.svg import NARROW, NOTHING, Figure, drawing, el, label
from cgmm.report.page.table import Cell, Column, Row, Table, number, words
from cgmm.results.read import Population, Results, each

MIN_WITH_NUMBER = 18.0  # width of a cell, for three digits
HEAD_LETTER, ARROW = 7.8, 2  # width of a letter of the heads; letters of an arrow and its space


def heatmap_figure(results: Results) -> Figure:
    """Draw the transfer matrix; buttons switch between three readings of it."""
    n = max(len(results.tables["factors"]), len(results.tables["arrivals"]), 1)
    source, target = text.short(results.source, 16), text.short(results.target, 16)
    cell = float(np.clip(620 / n, 13, 46))
    return Figure(
        key="transfers-map",
        title="Transfers in numbers",
        svg=_matrix(results, cell, letters=24, size=12.0 if cell >= 15 else 10.5, width=None),
        narrow=_matrix(results, min(250 / n, 46), letters=14, size=9.5, width=float(NARROW)),
        reading=(
            f"Each row is a population of {results.source}, each column one of "
            f"{results.target}. {_what_is_shown(cell, 250 / n)} "
            f"{_modes_explained(results)} Strong colour on the diagonal: it goes on under the same "
            "name."
        ),
        controls=_modes(f"of {source}", f"of {target}", "of all cells"),
    )


def _what_is_shown(cell: float, on_a_phone: float) -> str:
    if min(cell, on_a_phone) >= MIN_WITH_NUMBER:
        return "Numbers are percent; the buttons say of what."
    if cell >= MIN_WITH_NUMBER:
        return (
            "Numbers are percent, and the buttons say of what; a small screen shows them as "
            "colours alone."
        )
    return (
        "Colour is percent, and the buttons say of what; there is no room for numbers, which are "
        "in the table below and appear when you point at a cell."
    )


def _matrix(
    results: Results, cell: float, *, letters: int, size: float, width: float | None
) -> Markup:
    """Draw the matrix with cells of a size; its width follows from it where none is given."""
    rows = [s for s in results.populations if s.source is not None]
    columns = [s for s in results.populations if s.target is not None]
    short = {s.name: results.short(s.name, letters) for s in (*rows, *columns)}
    longest = max(map(breadth, short.values()), default=4)
    across = [short[s.name] for s in columns]
    names = longest * size * 0.6  # room for the names of the rows
    limit = 14 if width is None else max(4, int(names / HEAD_LETTER) - ARROW)
    head = f"{text.short(results.source, limit)} ↓"
    grid = Grid(
        left=8 + names if width is not None else max(28 + names, 12 + HEAD_LETTER * breadth(head)),
        top=min(34 + rise(cell, list(short.values()), size), 170),
        width=cell,
        height=cell,
        n_rows=len(rows),
        n_columns=len(columns),
    )
    keyed = {(r.source, r.target): r for r in each(results.tables["transfers"])}
    parts: list[Markup] = [
        label(
            head,
            grid.left - 8,
            grid.top - 12,
            anchor="end",
            class_="head",
        ),
        label(f"← {text.short(results.target, 14)}", grid.right + 8, grid.top - 12, class_="head")
        if width is None
        else label(f"{text.short(results.target, 24)} ↓", grid.left, 9, class_="head"),
        *grid.row_names([(short[s.name], s.index) for s in rows], size),
        *grid.column_names([(short[s.name], s.index) for s in columns], size),
        *grid.background(),
    ]
    for i, a in enumerate(rows):
        for j, b in enumerate(columns):
            if (a.name, b.name) in keyed:
                parts.append(_transfer(grid, i, j, a, b, keyed[a.name, b.name]))
    beyond = 8 + (breadth(text.short(results.target, 14)) + ARROW) * HEAD_LETTER
    return drawing(
        parts,
        width=width or max(grid.right + beyond, reach(grid, across, size)) + 6,
        height=grid.bottom + 12,
        title="Transfer heatmap",
        text="Rows are source populations, columns target populations; each cell is the "
        "percentage of the row that corresponds to the column. The table below has all values.",
        key="transfers-map",
    )


def _modes_explained(results: Results) -> str:
    return (
        f"Of {results.source}: of the counterpart of a row, the part in the column (a row adds "
        f"up to 100). Of {results.target}: of the cells of a column, the part that corresponds to "
        f"the row (a column adds up to 100). Of all cells: part of all cells in {results.target}."
    )


def _transfer(
    grid: Grid, i: int, j: int, source: Population, target: Population, row: Any
) -> Markup:
    """Return one cell of the heatmap; nothing where all three readings round to zero."""
    values = [float(np.nan_to_num(v)) for v in (row.share_of_source, row.share_of_target, row.mass)]
    if max(values) < 0.0005:
        return NOTHING
    hover = (
        f"{source.name} → {target.name}: {text.percent(values[0])} of the counterpart of "
        f"{source.name} ({text.percent(values[2])} of all cells), {text.percent(values[1])} of "
        f"{target.name}"
    )
    ink = text.percent(values[0]).replace("%", "") if values[0] >= 0.005 else ""
    return grid.cell(
        i,
        j,
        hover,
        ink if grid.width >= MIN_WITH_NUMBER else None,
        strength=min(values[0], 1.0),
        size=min(12.0, grid.width * (0.34 if grid.width >= 30 else 0.42)),
        corner=2,
        fill="heat",
        data_s=source.index,
        data_t=target.index,
        data_v="|".join(f"{v:.4f}" for v in values),
    )


def _modes(*words: str) -> Markup:
    """Return buttons that switch between readings of the numbers; the first is on."""
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
    """List which source population every target population corresponds to."""
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
            words(row.status, "has an origin"),
            number(row.n_cells, text.count),
        ]
        rows.append(Row(cells, tuple(sorted(subs))))
    return Table(
        key="t-arrivals",
        caption=f"Which population of {results.source} each of {results.target} corresponds to",
        columns=[
            Column("Population", number=False),
            Column(
                f"Share in {text.short(results.target, 16)}",
                f"Part of the cells in {results.target} that belong to it",
            ),
            Column(
                "Main origin", f"What most of it corresponds to in {results.source}", number=False
            ),
            Column("Part from it", "Part of its cells that corresponds to the main origin"),
            Column(
                "Status",
                f"new: no population of {results.source} can be its origin",
                number=False,
            ),
            Column("Cells"),
        ],
        rows=rows,
        file="arrivals.tsv",
        open=False,
    )


def _transfer_notes(results: Results, n_listed: int) -> list[str]:
    table = results.tables["transfers"]
    if table.empty:
        return ["No mass was matched, so there are no transfers."]
    notes = [
        f"Counted over the cells of {results.target}: the population of each, and the population "
        f"in {results.source} that it corresponds to. "
        "The ribbons of the flow figure are these numbers.",
        "Transfers have no intervals: of those that were tried, none held the truth.",
    ]
    left = len(table) - n_listed
    if left:
        notes.append(
            f"{text.plural(left, 'transfer')} under 0.1% of both sides "
            f"{'is' if left == 1 else 'are'} in transfers.tsv only."
        )
    return notes


def transfers_table(results: Results) -> Table:
    """List the transfers of 0.1 % or more of either side."""
    table = results.tables["transfers"]
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
        rows.append(Row(cells, (results.index_of(row.source), results.index_of(row.target))))
    columns = [
        Column("From", number=False),
        Column("To", number=False),
        Column(
            f"Of {source}",
            "Of the cells that correspond to the population on the left, the part in this one",
        ),
        Column(
            f"Of {target}",
            "Of the cells of the population on the right, the part that corresponds to the left",
        ),
        Column("Of all", f"Part of all cells in {results.target} that corresponds in this way"),
    ]
    return Table(
        key="t-transfers",
        caption=f"Transfers from {results.source} to {results.target}",
        columns=columns,
        rows=rows,
        file="transfers.tsv",
        open=False,
        notes=_transfer_notes(results, len(listed)),
    )
