"""A config is filled and checked; each mistake is answered with a sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.workflow.conftest import ROOT, Project
from workflow.config import check_encoding, check_values, load
from workflow.validation import SettingsError


def test_the_demo_loads(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_parquet_needs_pyarrow_where_jobs_run(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write()
    monkeypatch.chdir(project.folder)
    monkeypatch.setattr("workflow.config.find_spec", lambda name: None)
    settings = project.settings | {"parquet": True}
    with pytest.raises(SettingsError, match=r"`parquet: true` needs pyarrow.*pip install"):
        load(settings)
    assert load(settings, packages_are_here=False)[0]["parquet"]


@pytest.mark.parametrize(
    ("keys", "value", "words"),
    [
        (("n_component",), 3, "unknown key `n_component`"),
        (("fit", "n_component"), 3, "did you mean `n_components`?"),
        (("comparisons", 0, "sorce"), "x", "did you mean `source`?"),
        (("markers",), "no.tsv", "config: the marker table no.tsv does not exist"),
        (("markers",), "{x}.tsv", "`markers` has braces"),
        (("comparisons", 0, "markers"), "no.tsv", "comparison drug: the marker table no.tsv"),
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
def test_a_mistake_in_the_config_is_named(
    project: Project, problems: Callable[[], str], keys: tuple, value: object, words: str
) -> None:
    place: Any = project.settings
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    text = problems()
    assert words in text
    assert "  * " in text


def test_a_missing_part_of_a_comparison_is_named(
    project: Project, problems: Callable[[], str]
) -> None:
    del project.settings["comparisons"][0]["target"]
    assert "`comparisons.0` lacks `target`" in problems()


def test_two_comparisons_cannot_have_one_name(
    project: Project, problems: Callable[[], str]
) -> None:
    again = {"name": "Drug", "source": "after/drug", "target": "before drug"}
    project.settings["comparisons"].append(again)
    assert "two comparisons are called 'drug'" in problems()


def test_conditions_of_a_comparison_must_be_in_one_dataset(
    project: Project, problems: Callable[[], str]
) -> None:
    for row in project.rows:
        row["dataset"] = row["sample"][0]
    assert "never in one dataset" in problems()


def test_a_comparison_that_two_datasets_could_answer_must_name_one(
    project: Project, problems: Callable[[], str]
) -> None:
    for row in project.rows:
        row["dataset"] = "xy"[row["sample"].endswith("1")]
    assert "the datasets y, x all hold both" in problems()
    project.settings["comparisons"][0]["dataset"] = "x"
    assert load(project.settings)[0]["comparisons"][0]["dataset"] == "x"


def test_all_problems_are_reported_at_once(project: Project, problems: Callable[[], str]) -> None:
    project.rows[0]["path"] = "nowhere.h5ad"
    project.rows[1]["sample"] = "b3"
    project.settings["comparisons"][0]["target"] = "later"
    assert problems().count("  * ") == 3


@pytest.mark.parametrize(("given", "seed"), [(None, 0), (0, 0), (7, 7)])
def test_a_seed_that_is_null_is_zero(
    project: Project, monkeypatch: pytest.MonkeyPatch, given: int | None, seed: int
) -> None:
    project.settings["fit"]["random_state"] = given
    project.write()
    monkeypatch.chdir(project.folder)
    assert load(project.settings)[0]["fit"]["random_state"] == seed


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (None, "it is empty"),
        ([1], "not a list of `key: value`"),
        ({"fit": {1: 2}}, "the key 1 is not text"),
        ({"fit": {"rho": float("nan")}}, "a value is nan, which is not a finite number"),
        ({"a": [[[[[[[[[[[1]]]]]]]]]]]}, "levels deep. Write it without YAML aliases"),
    ],
)
def test_values_that_no_schema_sees_are_refused(config: Any, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check_values(config)
    assert words in str(caught.value)


def test_a_config_must_be_in_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    check_encoding(path)  # a file that is not there is found missing elsewhere
    path.write_text("title: Übung", encoding="utf-8")
    check_encoding(path)
    path.write_text("title: Übung", encoding="latin-1")
    with pytest.raises(SettingsError, match="not a text file in UTF-8"):
        check_encoding(path)


def test_a_column_of_the_design_may_stand_in_the_sample_sheet(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for row, sex, donor in zip(project.rows, "fmffmm", "pqrstu", strict=True):
        row |= {"sex": sex, "donor": donor}
    project.settings["donors"] = {"design": "~ condition + sex"}
    project.write()
    monkeypatch.chdir(project.folder)
    _, rows = load(project.settings)
    assert [row["sex"] for row in rows] == list("fmffmm")
    project.settings["donors"] = {}
    with pytest.raises(SettingsError, match="unknown column 'sex'"):
        load(project.settings)


def test_a_column_that_is_not_in_the_sheet_may_stand_in_the_files(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.settings["donors"] = {"design": "~ condition + age"}
    project.write()
    monkeypatch.chdir(project.folder)
    assert load(project.settings)[0]["donors"]["design"] == "~ condition + age"
