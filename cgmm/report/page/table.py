"""Tables of the report: columns, rows, and the kinds of cells that all tables use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from cgmm.report.page import text


@dataclass(frozen=True)
class Cell:
    """One table cell."""

    shown: str
    sort: float | str | None = None
    number: bool = False
    note: bool = False
    href: str = ""
    gene: bool = False  #: a gene, which a click shows in every donor


@dataclass(frozen=True)
class Row:
    """One table row, with the indices of its populations."""

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

    macro: ClassVar[str] = "table"
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
    """Return the cell of a number, written by `how`; words when there is no number."""
    if not text.is_number(value):
        return Cell(missing, None, note=True)
    return Cell(how(float(value)), float(value), number=True)


def words(value: str, missing: str = "none") -> Cell:
    """Return the cell of a text."""
    return Cell(value or missing, (value or missing).lower(), note=not value)


def interval(
    low: Any, high: Any, how: Callable[[float, float], str], missing: str = "not estimated"
) -> Cell:
    """Return the cell of an interval, which sorts by its lower end."""
    if not (text.is_number(low) and text.is_number(high)):
        return Cell(missing, None, note=True)
    return Cell(how(float(low), float(high)), float(low), number=True)


def any_finite(values: Iterable[float]) -> bool:
    """Return whether a column has any finite number."""
    return any(text.is_number(v) for v in values)


def without(table: Table, *names: str) -> Table:
    """Return a table without the columns of these headings."""
    keep = [i for i, c in enumerate(table.columns) if c.name not in names]
    return replace(
        table,
        columns=[table.columns[i] for i in keep],
        rows=[replace(row, cells=[row.cells[i] for i in keep]) for row in table.rows],
    )


def shown_value(value: Any) -> str:
    """Return a setting as text."""
    if value is None or value == "":
        return "not given"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "not available" if not np.isfinite(value) else f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(shown_value(v) for v in value) or "none"
    return str(value)


def key_values(mapping: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Flatten nested settings to (dotted name, value) pairs."""
    if not isinstance(mapping, dict):
        return []
    pairs: list[tuple[str, str]] = []
    for key, value in mapping.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            pairs += key_values(value, f"{name}.")
        elif isinstance(value, list) and any(isinstance(v, dict) for v in value):
            for i, item in enumerate(value):
                pairs += key_values(item, f"{name}[{i}].") if isinstance(item, dict) else []
        else:
            pairs.append((name, shown_value(value)))
    return pairs
