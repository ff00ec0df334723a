"""A recipe is read from a page that may come from anybody, and refused when its shape is wrong."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cgmm.results.recipe import COLUMNS, code_digest, make_recipe, packages, read_recipe
from tests.results.conftest import page_of


def test_a_recipe_comes_back_from_its_page(recipe: dict[str, Any], tmp_path: Path) -> None:
    assert read_recipe(page_of(recipe, tmp_path)) == recipe


def test_a_recipe_holds_what_a_comparison_was_made_from(recipe: dict[str, Any]) -> None:
    assert recipe["config"]["samples"] == "samples.tsv"
    assert recipe["config"]["fit"] == {"rho": None, "random_state": 0}
    assert "title" not in recipe["config"]["comparisons"][0]
    assert [row["sample"] for row in recipe["samples"]] == ["s0", "s1", "s2", "s3"]
    assert all(set(row) == {*COLUMNS, "sha256"} for row in recipe["samples"])
    assert recipe["python"] == platform.python_version()
    assert recipe["packages"]["numpy"] == np.__version__
    assert list(packages()) == sorted(packages())


def test_a_recipe_holds_the_marker_table_and_names_its_file() -> None:
    table = [["T", "CD3D", "+"]]
    made = make_recipe(
        comparison={"name": "drug"}, settings={}, samples=[], checked=[], about={}, markers=table
    )
    assert made["markers"] == table
    assert made["config"]["comparisons"] == [{"name": "drug", "markers": "markers.tsv"}]


def test_a_checksum_of_the_code_changes_with_the_code(tmp_path: Path) -> None:
    (tmp_path / "cgmm").mkdir()
    (tmp_path / "cgmm" / "a.py").write_text("x = 1")
    first = code_digest(tmp_path)
    (tmp_path / "notes.txt").write_text("not code of module or workflow")
    (tmp_path / "cgmm" / "__pycache__").mkdir()
    (tmp_path / "cgmm" / "__pycache__" / "a.pyc").write_text("x")
    assert code_digest(tmp_path) == first
    (tmp_path / "cgmm" / "a.py").write_text("x = 2")
    assert code_digest(tmp_path) != first


def test_a_page_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cgmm.results.recipe.MAX_PAGE", 10)
    (tmp_path / "x.html").write_text("<" * 11)
    with pytest.raises(ValueError, match=r"x\.html is larger than"):
        read_recipe(tmp_path / "x.html")


def spoiled(recipe: dict[str, Any], how: str) -> object:
    row = recipe["samples"][0]
    if how == "no object":
        return [1]
    if how == "format":
        recipe["format"] = 99
    elif how == "no samples":
        recipe["samples"] = "x"
    elif how == "no checksum":
        del row["sha256"]
    elif how == "another line":
        row["donor"] = "D1\nevil\t/etc/passwd"
    elif how == "another line, in Unicode":
        row["donor"] = "D1\u2028evil"
    elif how == "a column":
        row["donor"] = "D1\tx"
    elif how == "a number":
        row["donor"] = 7
    elif how == "no table of markers":
        recipe["markers"] = "x"
    elif how == "a short row of markers":
        recipe["markers"] = [["T", "CD3D"]]
    elif how == "a tab in markers":
        recipe["markers"] = [["T", "CD3D\tx", "+"]]
    elif how == "an option of pip":
        recipe["packages"]["--index-url"] = "1"
    elif how == "a link for pip":
        recipe["packages"]["numpy"] = "1 @ file:///x"
    return recipe


@pytest.mark.parametrize(
    "how",
    [
        "no object",
        "no table of markers",
        "a short row of markers",
        "a tab in markers",
        "format",
        "no samples",
        "no checksum",
        "another line",
        "another line, in Unicode",
        "a column",
        "a number",
        "an option of pip",
        "a link for pip",
    ],
)
def test_a_spoiled_recipe_is_refused(recipe: dict[str, Any], tmp_path: Path, how: str) -> None:
    page = page_of(spoiled(recipe, how), tmp_path)
    with pytest.raises(ValueError, match=r"drug\.html cannot be used: .*unchanged copy"):
        read_recipe(page)


@pytest.mark.parametrize("content", [b"", b"<html></html>", b"\x89HDF\r\n\x1a\n" * 9, b"<" * 5000])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.html").write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.html holds no recipe"):
        read_recipe(tmp_path / "x.html")


@pytest.mark.parametrize("text", ["{", "[" * 100_000, '{"format": 1'])
def test_damaged_json_is_refused(tmp_path: Path, text: str) -> None:
    page = tmp_path / "x.html"
    page.write_text(f'<script id="recipe">{text}</script>', encoding="utf-8")
    with pytest.raises(ValueError, match=r"x\.html (is damaged|cannot be used)"):
        read_recipe(page)
