"""A recipe goes into a page and comes out as files; nothing else of a page has an effect."""

from __future__ import annotations

import csv
import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from cgmm.report.page.render import json_island
from cgmm.rerun import extract, main
from cgmm.results.recipe import code_digest, make_recipe, packages, read_recipe

NAMES = ('</script><script>alert("1")</script>', "a & b <!-- ", '"quoted"', "naïve\u00a0T 😀")


def recipe_of(folder: Path) -> dict[str, Any]:
    """A dataset of four samples, two files that are there and one that the demo makes."""
    paths = ("a.h5ad", "b c.h5ad", "results/demo/x.h5ad", "a.h5ad")
    for name in paths[:2]:
        (folder / name).write_bytes(name.encode())
    rows = [
        {"sample": f"s{i}", "path": path, "condition": name, "donor": f"D{i}", "dataset": "data"}
        for i, (path, name) in enumerate(zip(paths, NAMES, strict=True))
    ]
    digest = {p: hashlib.sha256(p.encode()).hexdigest() for p in paths}
    entry = {"name": "drug", "source": NAMES[0], "target": NAMES[1], "title": None}
    return make_recipe(
        comparison=entry,
        settings={"n_dims": 4, "fit": {"rho": None, "random_state": 0}},
        samples=rows,
        # the check goes file by file, and so in another order
        checked=[{"sample": r["sample"], "sha256": digest[r["path"]]} for r in reversed(rows)],
        about={"command": "snakemake", "git_commit": None, "code_sha256": code_digest(Path.cwd())},
    )


def page_of(recipe: object, folder: Path) -> Path:
    page = folder / "drug.html"
    text = f'<script type="application/json" id="recipe">{json_island(recipe)}</script>'
    body = '<!doctype html><p>x</p><script id="island">{"a":1}</script>'
    page.write_text(body + text + "<script>1</script>", encoding="utf-8")
    return page


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    made = recipe_of(tmp_path)
    monkeypatch.chdir(tmp_path)
    return made


def test_what_goes_in_comes_out(recipe: dict[str, Any], tmp_path: Path) -> None:
    page = page_of(recipe, tmp_path)
    assert read_recipe(page) == recipe
    done = extract(page, tmp_path / "again")
    assert (done.n_checked, done.n_made) == (2, 1)
    config = yaml.safe_load((tmp_path / "again" / "config.yaml").read_text(encoding="utf-8"))
    assert config["fit"] == {"rho": None, "random_state": 0}
    assert config["comparisons"] == [{"name": "drug", "source": NAMES[0], "target": NAMES[1]}]
    assert config["samples"] == "samples.tsv"
    with (tmp_path / "again" / "samples.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [row["sample"] for row in rows] == ["s0", "s1", "s2", "s3"]
    assert [row["condition"] for row in rows] == list(NAMES)
    assert rows[2]["path"] == "results/demo/x.h5ad"
    assert [Path(row["path"]) for row in rows[:2]] == [tmp_path / "a.h5ad", tmp_path / "b c.h5ad"]
    lines = (tmp_path / "again" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert lines == [f"{name}=={number}" for name, number in packages().items()]


def test_data_that_moved_are_found_by_name(recipe: dict[str, Any], tmp_path: Path) -> None:
    page = page_of(recipe, tmp_path)
    (tmp_path / "store").mkdir()
    for name in ("a.h5ad", "b c.h5ad"):
        (tmp_path / name).rename(tmp_path / "store" / name)
    with pytest.raises(ValueError, match=r"a\.h5ad is missing.*--data") as caught:
        extract(page, tmp_path / "again")
    assert "b c.h5ad is missing" in str(caught.value)
    assert not (tmp_path / "again").exists()
    assert extract(page, tmp_path / "again", data=tmp_path / "store").n_checked == 2


def test_another_file_is_named_and_nothing_is_written(
    recipe: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "b c.h5ad").write_bytes(b"other")
    page = page_of(recipe, tmp_path)
    with pytest.raises(ValueError, match=r"b c\.h5ad is not the file that the report was made"):
        extract(page, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_files_that_are_there_stay(recipe: dict[str, Any], tmp_path: Path) -> None:
    page = page_of(recipe, tmp_path)
    (tmp_path / "samples.tsv").write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError, match=r"samples\.tsv exists and is not overwritten"):
        extract(page, tmp_path)
    assert (tmp_path / "samples.tsv").read_text(encoding="utf-8") == "mine"
    assert not (tmp_path / "config.yaml").exists()


def test_differences_are_told(recipe: dict[str, Any], tmp_path: Path) -> None:
    page = page_of(recipe, tmp_path)
    same = extract(page, tmp_path / "same", code=Path(__file__).parents[2])
    assert same.different == []
    recipe["packages"]["numpy"] = "1.0"
    recipe["code_sha256"] = "0"
    found = extract(page_of(recipe, tmp_path), tmp_path / "other").different
    assert len(found) == 2
    assert found[0].startswith("the code:")
    assert found[1] == f"numpy: 1.0 in the report, {packages()['numpy']} here"


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
    elif how == "an option of pip":
        recipe["packages"]["--index-url"] = "1"
    elif how == "a link for pip":
        recipe["packages"]["numpy"] = "1 @ file:///x"
    return recipe


@pytest.mark.parametrize(
    "how",
    [
        "no object",
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
        extract(page, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_config_cannot_choose_where_to_write_or_make_objects(
    recipe: dict[str, Any], tmp_path: Path
) -> None:
    recipe["config"] |= {"samples": "/etc/passwd", "n_dims": "!!python/object/apply:os.getcwd []"}
    extract(page_of(recipe, tmp_path), tmp_path / "again")
    assert sorted(p.name for p in (tmp_path / "again").iterdir()) == [
        "config.yaml",
        "requirements.txt",
        "samples.tsv",
    ]
    config = yaml.safe_load((tmp_path / "again" / "config.yaml").read_text(encoding="utf-8"))
    assert config["samples"] == "samples.tsv"
    assert config["n_dims"] == "!!python/object/apply:os.getcwd []"


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


def test_from_the_command_line(
    recipe: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = page_of(recipe, tmp_path)
    assert main([str(page), "--to", "again"]) == 0
    said = capsys.readouterr().out
    assert "2 found, their checksums are right" in said
    assert "snakemake --directory again --configfile again/config.yaml" in said
    assert main([str(page), "--to", "again"]) == 1
    assert "Nothing was written. again/config.yaml exists" in capsys.readouterr().err
    assert main(["nowhere.html", "--to", "new"]) == 1
    assert "nowhere.html" in capsys.readouterr().err


def test_as_a_module(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cgmm.rerun", "nowhere.html", "--to", str(tmp_path / "x")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("Nothing was written.")
