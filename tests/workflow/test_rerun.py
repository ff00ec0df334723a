"""A report alone, and the input files, give the same tables again."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from cgmm.rerun import extract
from cgmm.results.recipe import packages, read_recipe
from tests.workflow.conftest import ROOT, Project

pytestmark = pytest.mark.timeout(1200)


def test_run_again_from_the_report_alone(
    tiny_project: Project, undisturbed: dict[str, bytes], tiny_file: Path, tmp_path: Path
) -> None:
    page = tmp_path / "sent by mail.html"
    page.write_bytes((tiny_project.folder / "reports" / "drug.html").read_bytes())
    recipe = read_recipe(page)
    assert recipe["config"]["fit"]["random_state"] == 1
    assert recipe["packages"] == packages()
    assert "snakemake" in recipe["command"]
    digest = hashlib.sha256(tiny_file.read_bytes()).hexdigest()
    assert {row["sha256"] for row in recipe["samples"]} == {digest}

    done = extract(page, tmp_path / "again", data=tiny_project.folder, code=ROOT)
    assert done.different == []
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(ROOT / "workflow" / "Snakefile"),
    ]
    command += ["--directory", str(done.folder), "--configfile", str(done.folder / "config.yaml")]
    # another number of threads than the first run had
    ran = subprocess.run(
        [*command, "--cores", "1"], capture_output=True, text=True, timeout=900, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert Project(done.folder, ROOT).tables() == undisturbed
    again = read_recipe(done.folder / "reports" / "drug.html")
    for key in ("config", "packages", "code_sha256"):
        assert again[key] == recipe[key]


def test_samples_of_other_conditions_and_the_order_of_rows_come_along(
    tiny_project: Project,
) -> None:
    """All samples of a dataset share one space; their order decides the order of cells."""
    recipe = read_recipe(tiny_project.folder / "reports" / "drug.html")
    assert [row["sample"] for row in recipe["samples"]] == [r["sample"] for r in tiny_project.rows]
