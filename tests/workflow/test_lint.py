"""Form of the workflow: lint, layout, the graph of the demo, what every rule declares."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.workflow.conftest import ROOT

SNAKEFILE = ROOT / "workflow" / "Snakefile"
RULES = sorted((ROOT / "workflow" / "rules").glob("*.smk"))


def call(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_snakemake_lint_is_content() -> None:
    done = call("snakemake", "--lint")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "good condition" in done.stdout + done.stderr


def test_both_entries_plan_the_same_jobs() -> None:
    plans = []
    for entry in ("Snakefile", "workflow/Snakefile"):
        plan = ("--dry-run", "--quiet", "rules", "--forceall", "--snakefile", entry)
        done = call("snakemake", *plan)
        assert done.returncode == 0, done.stdout + done.stderr
        stats = (done.stdout + done.stderr).split("Job stats:")[1].split("total")[0]
        plans.append(stats)
    assert plans[0] == plans[1]


def test_snakefmt_is_content() -> None:
    done = call("snakefmt", "--check", "Snakefile", "workflow")
    assert done.returncode == 0, done.stdout + done.stderr


def test_snakefile_is_short() -> None:
    assert len((SNAKEFILE).read_text(encoding="utf-8").splitlines()) < 60


@pytest.mark.parametrize("path", RULES, ids=lambda p: p.stem)
def test_every_rule_declares_what_it_needs(path: Path) -> None:
    for block in re.split(r"\n(?=rule )", path.read_text(encoding="utf-8"))[1:]:
        if "\n    output:" not in block:  # a target
            continue
        for part in ("log", "benchmark", "conda", "threads", "resources", "message", "script"):
            assert f"\n    {part}:" in block, (block.splitlines()[0], part)
        assert "mem_mb=" in block
        assert "runtime=" in block


def test_scripts_have_no_future_import() -> None:
    for script in (ROOT / "workflow" / "scripts").glob("*.py"):
        text = script.read_text(encoding="utf-8")
        assert "from __future__" not in text
        assert len(text.splitlines()) < 70


def test_graph_of_the_demo(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    arguments = ("--snakefile", str(SNAKEFILE), "--directory", str(tmp_path))
    done = call("snakemake", *arguments, "-n", "--cores", "2", "--quiet", "host", cwd=tmp_path)
    text = done.stdout + done.stderr
    assert done.returncode == 0, text
    table = text.split("Job stats:")[1].split("total")[0].splitlines()[3:]
    counts = dict(line.split() for line in table if line.strip())
    assert counts == {
        "demo_kang": "1",
        "demo_simulated": "1",
        "all": "1",
        "index": "1",
        "check_annotation": "1",
        "check_markers": "1",
        **dict.fromkeys(("check", "prepare", "embed", "map", "fit", "summarise", "report"), "2"),
    }


@pytest.mark.parametrize("name", ["machine", "slurm"])
def test_profiles_are_accepted(tmp_path: Path, name: str) -> None:
    if name == "slurm":
        pytest.importorskip("snakemake_executor_plugin_slurm")
    shutil.copytree(ROOT / "config", tmp_path / "config")
    profile = ROOT / "workflow" / "profiles" / name
    arguments = ("--snakefile", str(SNAKEFILE), "--directory", str(tmp_path))
    done = call("snakemake", *arguments, "-n", "--workflow-profile", str(profile), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_profile_lets_a_killed_run_go_on() -> None:
    found = sorted((ROOT / "workflow" / "profiles").glob("*/profile.yaml"))
    assert [path.parent.name for path in found] == ["kubernetes", "machine", "slurm"]
    for path in found:
        assert yaml.safe_load(path.read_text(encoding="utf-8"))["rerun-incomplete"] is True


def test_profile_of_one_machine_with_a_gpu(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    text = (ROOT / "workflow/profiles/machine/profile.yaml").read_text(encoding="utf-8")
    settings = re.sub(r"^# (set-resources:|  - )", r"\1", text, flags=re.MULTILINE)
    found = yaml.safe_load(settings)
    assert found["set-resources"] == ["fit:gpu=1", "summarise:gpu=1"]
    assert "gpu=1" in found["resources"]  # so that they take turns
    (tmp_path / "profile.yaml").write_text(settings, encoding="utf-8")
    arguments = ("--snakefile", str(SNAKEFILE), "--directory", str(tmp_path), "-n")
    done = call("snakemake", *arguments, "--workflow-profile", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_sheet_and_config_name_no_absolute_path() -> None:
    for path in (ROOT / "config").iterdir():
        assert not re.search(r"(^|\s)/\w+/", path.read_text(encoding="utf-8")), path
