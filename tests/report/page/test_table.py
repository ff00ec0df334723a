"""Cells of tables and nested settings."""

from __future__ import annotations

from cgmm.report.page.table import (
    Cell,
    Column,
    Row,
    Table,
    any_finite,
    interval,
    key_values,
    number,
    shown_value,
    without,
    words,
)

NAN = float("nan")


def test_a_missing_number_is_words_and_sorts_as_none():
    assert number(NAN) == Cell("not available", None, note=True)
    assert interval(1.0, NAN, lambda low, high: f"{low}-{high}").sort is None
    assert words("") == Cell("none", "none", note=True)
    assert not any_finite([NAN, NAN])


def test_a_number_sorts_by_its_value():
    assert number(0.5).sort == 0.5
    assert interval(1.0, 2.0, lambda low, high: f"{low}-{high}") == Cell(
        "1.0-2.0", 1.0, number=True
    )
    assert words("B cell").sort == "b cell"


def test_a_column_goes_with_its_cells():
    table = Table("t", "t", [Column("a"), Column("b")], [Row([Cell("1"), Cell("2")])])
    left = without(table, "a", "absent")
    assert [c.name for c in left.columns] == ["b"]
    assert [c.shown for c in left.rows[0].cells] == ["2"]


def test_nested_settings_become_dotted_names():
    nested = {"qc": {"min": 2}, "list": [{"a": None}, {"a": True}], "x": [1.5, "y"]}
    assert key_values(nested) == [
        ("qc.min", "2"), ("list[0].a", "not given"), ("list[1].a", "yes"), ("x", "1.5, y"),
    ]  # fmt: skip
    assert key_values("no mapping") == []
    assert shown_value(NAN) == "not available"
