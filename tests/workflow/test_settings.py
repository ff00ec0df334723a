"""Config and sample sheet: defaults, sentences for mistakes, documents that stay true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.workflow.conftest import ROOT, Project
from workflow import document_config
from workflow.settings import SettingsError, digest, load, read_schema, with_defaults

SCHEMAS = ("config", "samples")


def failing(project: Project, monkeypatch: pytest.MonkeyPatch) -> str:
    project.write()
    monkeypatch.chdir(project.folder)
    with pytest.raises(SettingsError) as caught:
        load(project.settings)
    return str(caught.value)


def leaves(schema: dict[str, Any], *, top: bool = True) -> list[dict[str, Any]]:
    found = []
    for key, part in schema.get("properties", {}).items():
        found.append({"key": key, "required": key in schema.get("required", []), **part})
        found += leaves(part, top=False) + leaves(part.get("items", {}), top=False)
    return found


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_valid_closed_and_described(name: str) -> None:
    schema = read_schema(name)
    Draft202012Validator.check_schema(schema)
    for part in [schema, *leaves(schema)]:
        inner = part.get("items", part)
        if "properties" in inner:
            assert inner["additionalProperties"] is False
    for part in leaves(schema):
        assert len(part["description"]) > 10, part
        assert part["required"] or "default" in part, part


def test_committed_config_is_the_defaults() -> None:
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
    filled = with_defaults({}, read_schema("config"))
    assert with_defaults(config, read_schema("config")) == filled
    written = set(config) | {f"{k}.{x}" for k in ("qc", "fit") for x in config.get(k, {})}
    known = set(filled) | {f"{k}.{x}" for k in ("qc", "fit") for x in filled.get(k, {})}
    assert written == known


def test_readme_tables_are_those_of_the_schemas() -> None:
    text = document_config.README.read_text(encoding="utf-8")
    assert document_config.filled(text) == text, "run: python workflow/document_config.py"


def test_demo_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    config, rows = load({})
    assert {c["name"]: c["dataset"] for c in config["comparisons"]} == {
        "kang_ifnb": "kang",
        "simulated": "simulated",
    }
    assert len(rows) == 12


def test_defaults_are_filled_at_every_depth(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write()
    monkeypatch.chdir(project.folder)
    given = yaml.safe_load(yaml.dump(project.settings))
    config, rows = load(project.settings)
    assert project.settings == given
    assert config["qc"] == {"min_genes": 10, "min_cells": 3, "max_pct_mt": None}
    assert config["comparisons"][0]["dataset"] == "data"
    assert rows[0]["batch"] == ""


@pytest.mark.parametrize(
    ("keys", "value", "words"),
    [
        (("n_component",), 3, "unknown key `n_component`"),
        (("fit", "n_component"), 3, "did you mean `n_components`?"),
        (("comparisons", 0, "sorce"), "x", "did you mean `source`?"),
        (("n_pcs",), "many", "`n_pcs` is 'many'"),
        (("n_pcs",), 1, "n_pcs"),
        (("integrate",), "combat", "choose one of: none, harmony"),
        (("integrate",), "harmony", "needs the column `batch`"),
        (("modality",), "atac", "choose one of: rna, cytometry"),
        (("fit", "n_components"), [3], "n_components"),
        (("fit", "rho"), -1, "rho"),
        (("comparisons",), [], "comparisons"),
        (("comparisons",), None, "comparisons"),
        (("comparisons", 0, "target"), "before drug", "source and target are both 'before drug'"),
        (("comparisons", 0, "target"), "After/drug", "has the condition 'After/drug'"),
        (("comparisons", 0, "name"), "../x", "letters, digits"),
        (("comparisons", 0, "name"), "a b", "letters, digits"),
        (("comparisons", 0, "name"), "index", "cannot be called 'index'"),
        (("comparisons", 0, "dataset"), "blood", "no dataset 'blood'"),
        (("samples",), "sample.tsv", "the sample sheet does not exist"),
    ],
)
def test_config_mistakes(
    project: Project, monkeypatch: pytest.MonkeyPatch, keys: tuple, value: object, words: str
) -> None:
    place: Any = project.settings
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    text = failing(project, monkeypatch)
    assert words in text
    assert "  * " in text


def test_missing_part_of_a_comparison(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    del project.settings["comparisons"][0]["target"]
    assert "`comparisons.0` lacks `target`" in failing(project, monkeypatch)


def test_two_comparisons_of_one_name(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    again = {"name": "Drug", "source": "after/drug", "target": "before drug"}
    project.settings["comparisons"].append(again)
    assert "two comparisons are called 'drug'" in failing(project, monkeypatch)


def test_conditions_that_are_never_in_one_dataset(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for row in project.rows:
        row["dataset"] = row["sample"][0]
    assert "never in one dataset" in failing(project, monkeypatch)


def test_comparison_that_two_datasets_could_answer(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for row in project.rows:
        row["dataset"] = "xy"[row["sample"].endswith("1")]
    assert "the datasets y, x all hold both" in failing(project, monkeypatch)
    project.settings["comparisons"][0]["dataset"] = "x"
    assert load(project.settings)[0]["comparisons"][0]["dataset"] == "x"


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
def test_sheet_mistakes(
    project: Project, monkeypatch: pytest.MonkeyPatch, change: Any, words: str
) -> None:
    change(project.rows)
    assert words in failing(project, monkeypatch)


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
def test_sheets_that_are_no_table(
    project: Project, monkeypatch: pytest.MonkeyPatch, content: bytes, words: str
) -> None:
    project.write()
    (project.folder / "samples.tsv").write_bytes(content)
    monkeypatch.chdir(project.folder)
    with pytest.raises(SettingsError, match=words):
        load(project.settings)


def test_sheet_from_a_spreadsheet(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write()
    sheet = project.folder / "samples.tsv"
    text = sheet.read_text(encoding="utf-8").replace("\n", "\r\n")
    sheet.write_bytes(b"\xef\xbb\xbf" + b"# a remark\r\n" + text.encode())
    monkeypatch.chdir(project.folder)
    assert load(project.settings)[1][0]["sample"] == "b1"


def test_every_problem_at_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.rows[0]["path"] = "nowhere.h5ad"
    project.rows[1]["sample"] = "b3"
    project.settings["comparisons"][0]["target"] = "later"
    assert failing(project, monkeypatch).count("  * ") == 3


def test_digest_follows_imports(tmp_path: Path) -> None:
    package = tmp_path / "cgmm"
    package.mkdir()
    (package / "a.py").write_text("from cgmm import b\n")
    (package / "b.py").write_text("def f():\n    from .c import g\n")
    (package / "c.py").write_text("g = 1\n")
    (package / "d.py").write_text("h = 1\n")
    first = digest(tmp_path, "cgmm.a")
    (package / "d.py").write_text("h = 2\n")
    assert digest(tmp_path, "cgmm.a") == first
    (package / "c.py").write_text("g = 1  # the same\n")
    assert digest(tmp_path, "cgmm.a") == first
    (package / "c.py").write_text("g = 2\n")
    assert digest(tmp_path, "cgmm.a") != first
