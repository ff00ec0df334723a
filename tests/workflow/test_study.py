"""A study is laid out so that the workflow takes it as it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cgmm.__main__ import main
from cgmm.study import FILES, lay_out
from tests.workflow.conftest import SETTINGS, rows_of
from workflow.config import load

ROOT = Path(__file__).resolve().parents[2]


def test_the_files_are_taken_by_the_workflow(
    tmp_path: Path, tiny_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = tmp_path / "my study"
    source, target = "before drug", "after/drug"
    assert main(["init", str(study), "--source", source, "--target", target]) == 0
    sheet = study / FILES[1]
    columns = [*sheet.read_text(encoding="utf-8").split(), "obs_column", "obs_value"]
    rows = ["\t".join(row[c] for c in columns) for row in rows_of(tiny_file)]
    sheet.write_text("\n".join(["\t".join(columns), *rows]) + "\n", encoding="utf-8")
    monkeypatch.chdir(study)
    settings, samples = load(yaml.safe_load((study / FILES[0]).read_text(encoding="utf-8")))
    assert settings["comparisons"][0]["source"] == source
    assert len(samples) == 6
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--profile", "profile", "-n", "--quiet", "host"],
        cwd=study,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "summarise" in done.stdout + done.stderr


@pytest.mark.parametrize("name", ['"quoted"', "a: b # c", "naïve 😀", "null", "3"])
def test_any_name_of_a_condition_stays_text(tmp_path: Path, name: str) -> None:
    lay_out(tmp_path, source=name, target="x", code=ROOT)
    (entry,) = yaml.safe_load((tmp_path / FILES[0]).read_text(encoding="utf-8"))["comparisons"]
    assert entry == {"name": "main", "source": name, "target": "x"}
    assert set(entry) <= set(SETTINGS["comparisons"][0])


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / FILES[1]).write_text("mine", encoding="utf-8")
    assert main(["init", str(tmp_path)]) == 1
    assert "samples.tsv exists and is not overwritten" in capsys.readouterr().err
    assert not (tmp_path / FILES[0]).exists()


def test_the_workflow_must_be_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "new"), "--code", str(tmp_path)]) == 1
    assert "Give that folder as --code" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
