"""A sample sheet is read and checked; each mistake is answered with a sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.workflow.conftest import Project
from workflow.config import load
from workflow.sheet import grouped, read_sheet
from workflow.validation import SettingsError


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows[0].update(path="nowhere.h5ad"), "the file nowhere.h5ad does not exist"),
        (lambda rows: rows[0].update(path="."), "is a folder"),
        (lambda rows: rows[0].update(path="lab.yaml"), "is not an h5ad file"),
        (lambda rows: rows[0].update(sample="b2"), "the sample name 'b2' is used 2 times"),
        (lambda rows: rows[0].update(sample="b 2"), "letters, digits"),
        (lambda rows: rows[0].update(condition=""), "lacks `condition`"),
        (lambda rows: rows[0].update(donor=""), "some samples have a donor and others do not"),
        (lambda rows: rows[0].update(obs_value=""), "belong together"),
        (lambda rows: rows[0].update(obs_value=rows[1]["obs_value"]), "name the same cells"),
        (lambda rows: rows[0].update(doner="x"), "unknown column 'doner'; did you mean 'donor'?"),
        (lambda rows: [row.pop("condition") for row in rows], "the column 'condition' is missing"),
        (lambda rows: rows.clear(), "is missing"),
    ],
)
def test_a_mistake_in_the_sheet_is_named(
    project: Project, problems: Callable[[], str], change: Any, words: str
) -> None:
    change(project.rows)
    assert words in problems()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"sample,path,condition\na,b,c\n", "not separated by tabs"),
        (b"sample\tpath\tcondition\n", "lists no sample"),
        (b"", "is missing"),
        (b"sample\tpath\tcondition\na\tb\tc\td\n", "4 fields but the header 3"),
        (b"sample\tpath\tcondition\tpath\na\tb\tc\td\n", "twice in the header"),
        ("sample\tpath\tcondition\na\tb\tç\n".encode("latin-1"), "not a text file in UTF-8"),
    ],
)
def test_a_file_that_is_no_table_is_refused(
    project: Project, monkeypatch: pytest.MonkeyPatch, content: bytes, words: str
) -> None:
    project.write()
    (project.folder / "samples.tsv").write_bytes(content)
    monkeypatch.chdir(project.folder)
    with pytest.raises(SettingsError, match=words):
        load(project.settings)


def test_a_sheet_from_a_spreadsheet_is_read(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write()
    sheet = project.folder / "samples.tsv"
    text = sheet.read_text(encoding="utf-8").replace("\n", "\r\n")
    sheet.write_bytes(b"\xef\xbb\xbf" + b"# a remark\r\n" + text.encode())
    monkeypatch.chdir(project.folder)
    assert load(project.settings)[1][0]["sample"] == "b1"


def test_every_column_is_there_after_reading(tmp_path: Path) -> None:
    path = tmp_path / "samples.tsv"
    path.write_text("sample\tpath\tcondition\n# a remark\na\t~/a.h5ad\tx\n", encoding="utf-8")
    (row,) = read_sheet(path)
    assert row["path"] == str(Path("~/a.h5ad").expanduser())
    assert row | {"path": ""} == {
        **dict.fromkeys(("path", "donor", "batch", "obs_column", "obs_value"), ""),
        "sample": "a",
        "condition": "x",
        "dataset": "data",
    }


def test_groups_keep_the_order_of_the_rows() -> None:
    rows = [{"a": "y", "n": "1"}, {"a": "x", "n": "2"}, {"a": "y", "n": "3"}]
    assert grouped(rows, "a") == {"y": [rows[0], rows[2]], "x": [rows[1]]}
