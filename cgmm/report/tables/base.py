"""What a table is made of, and the cells that all tables use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from cgmm.report import text


@dataclass(frozen=True)
class Cell:
    """One table cell."""

    shown: str
    sort: float | str | None = None
    number: bool = False
    note: bool = False
    href: str = ""


@dataclass(frozen=True)
class Row:
    """One table row and the subpopulations it is about."""

    cells: list[Cell]
    subs: tuple[int, ...] = ()


@dataclass(frozen=True)
class Column:
    """Heading and its explanation."""

    name: str
    help: str = ""
    number: bool = True


@dataclass(frozen=True)
class Table:
    """A table with its caption."""

    key: str
    caption: str
    columns: list[Column]
    rows: list[Row]
    file: str = ""
    open: bool = True
    notes: list[str] = field(default_factory=list)


def number(
    value: Any, how: Callable[[float], str] = text.fixed, missing: str = "not available"
) -> Cell:
    """Make the cell of a number, written by `how`; words in its place when there is none."""
    if not text.is_number(value):
        return Cell(missing, None, note=True)
    return Cell(how(float(value)), float(value), number=True)


def words(value: str, missing: str = "none") -> Cell:
    """Make the cell of a text."""
    return Cell(value or missing, (value or missing).lower(), note=not value)


def interval(
    low: Any, high: Any, how: Callable[[float, float], str], missing: str = "not estimated"
) -> Cell:
    """Make the cell of an interval, sorted by its lower end."""
    if not (text.is_number(low) and text.is_number(high)):
        return Cell(missing, None, note=True)
    return Cell(how(float(low), float(high)), float(low), number=True)


def any_finite(values: Iterable[float]) -> bool:
    """Whether a column has a number to show at all."""
    return any(text.is_number(v) for v in values)


def without(table: Table, *names: str) -> Table:
    """Leave out columns by their headings."""
    keep = [i for i, c in enumerate(table.columns) if c.name not in names]
    return replace(
        table,
        columns=[table.columns[i] for i in keep],
        rows=[replace(row, cells=[row.cells[i] for i in keep]) for row in table.rows],
    )
