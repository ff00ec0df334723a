"""A copy of the workflow in a temporary folder, tiny data, and snakemake run on them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from cgmm._utils.h5ad import write_h5ad
from cgmm.simulate import counts
from workflow.config import load
from workflow.validation import SettingsError

ROOT = Path(__file__).resolve().parents[2]
SETTINGS: dict[str, Any] = {
    "samples": "samples.tsv",
    "comparisons": [{"name": "drug", "source": "before drug", "target": "after/drug"}],
    "qc": {"min_genes": 10, "min_cells": 3},
    "n_pcs": 6,
    "n_dims": 4,
    "fit": {"n_components": 3, "random_state": 1},
    "donors": {"n_bootstrap": 20, "n_permutations": 20},
}
Once = Callable[[str, Callable[[Path], None]], Path]
HEADER = ("sample", "path", "condition", "donor", "obs_column", "obs_value")


@dataclass
class Project:
    """A folder of a lab: config, sample sheet, data; and the code beside it."""

    folder: Path
    code: Path
    settings: dict[str, Any] = field(default_factory=lambda: yaml.safe_load(yaml.dump(SETTINGS)))
    rows: list[dict[str, str]] = field(default_factory=list)

    def write(self) -> None:
        columns = [c for c in HEADER if any(c in row for row in self.rows)] + sorted(
            {c for row in self.rows for c in row} - set(HEADER)
        )
        lines = ["\t".join(columns)]
        lines += ["\t".join(row.get(c, "") for c in columns) for row in self.rows]
        (self.folder / "samples.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (self.folder / "lab.yaml").write_text(yaml.dump(self.settings), encoding="utf-8")

    def command(self, *arguments: str) -> list[str]:
        command = [
            sys.executable,
            "-m",
            "snakemake",
            "--snakefile",
            str(self.code / "workflow" / "Snakefile"),
        ]
        command += ["--directory", str(self.folder), "--configfile", str(self.folder / "lab.yaml")]
        command.append("--rerun-incomplete")  # what a run needs after one that was killed
        return [*command, *arguments]

    def run(
        self,
        *arguments: str,
        write: bool = True,
        where: tuple[str, ...] = ("--cores", "2"),
        largest_file: int | None = None,
        **options: Any,
    ) -> subprocess.CompletedProcess[str]:
        """Run Snakemake; with ``largest_file`` no file may grow beyond that many kilobytes."""
        if write:
            self.write()
        command = self.command(*where, *arguments)
        if largest_file is not None:
            command = ["bash", "-c", f'ulimit -f {largest_file} && exec "$@"', "bash", *command]
        settings: dict[str, Any] = {"cwd": self.folder, "timeout": 1000, "check": False}
        return subprocess.run(command, capture_output=True, text=True, **settings | options)

    def tables(self) -> dict[str, bytes]:
        """Every table of the results, by its path."""
        found = sorted((self.folder / "results").rglob("*.tsv*"))
        return {str(p.relative_to(self.folder)): p.read_bytes() for p in found}

    def planned(self) -> set[str]:
        """Rules that would run now."""
        return set(self.jobs())

    def jobs(self, *arguments: str) -> dict[str, int]:
        """How many jobs of each rule would run now."""
        done = self.run("-n", "--quiet", "host", *arguments)
        text = done.stdout + done.stderr
        assert done.returncode == 0, text
        if "Nothing to be done" in text:
            return {}
        table = text.split("Job stats:")[1].split("total")[0].splitlines()[3:]
        counts = {rule: int(n) for rule, n in (x.split() for x in table if x.strip())}
        counts.pop("all", None)
        return counts


def copy_code(folder: Path) -> Path:
    folder.mkdir()
    for name in ("workflow", "cgmm", "envs"):
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*")
        )
    return folder


@pytest.fixture(scope="session")
def tiny_file(once: Once) -> Path:
    """Three donors before and after, in one file."""

    def make(folder: Path) -> None:
        conditions = ("before drug", "after/drug")
        adata = counts(n_cells=600, n_genes=140, n_donors=3, conditions=conditions, paired=True)
        write_h5ad(adata, folder / "all samples.h5ad")

    return once("data", make) / "all samples.h5ad"


def rows_of(path: Path) -> list[dict[str, str]]:
    return [
        {
            "sample": f"{side}{donor}",
            "path": str(path),
            "condition": condition,
            "donor": f"D{donor:02d}",
            "obs_column": "sample",
            "obs_value": f"{condition}_D{donor:02d}",
        }
        for side, condition in (("b", "before drug"), ("a", "after/drug"))
        for donor in (1, 2, 3)
    ]


@pytest.fixture
def project(tmp_path: Path, tiny_file: Path) -> Project:
    """A project that has not run, on the code as it is."""
    folder = tmp_path / "a lab"
    folder.mkdir()
    return Project(folder, ROOT, rows=rows_of(tiny_file))


@pytest.fixture
def problems(project: Project, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Write the project and return what is said of its config and sample sheet."""

    def found() -> str:
        project.write()
        monkeypatch.chdir(project.folder)
        with pytest.raises(SettingsError) as caught:
            load(project.settings)
        return str(caught.value)

    return found


@pytest.fixture(scope="session")
def tiny_project(once: Once, tiny_file: Path) -> Project:
    """A project that ran from start to end, undisturbed; not to be changed.

    Its data lie in its folder under a relative path, so a copy of the folder has run too. What the
    run said is in ``console.txt``.
    """

    def make(folder: Path) -> None:
        shutil.copy(tiny_file, folder)
        done = Project(folder, ROOT, rows=rows_of(Path(tiny_file.name))).run()
        text = done.stdout + done.stderr
        assert done.returncode == 0, text
        (folder / "console.txt").write_text(text, encoding="utf-8")

    return Project(once("undisturbed", make), ROOT, rows=rows_of(Path(tiny_file.name)))


def copy_of(project: Project, folder: Path, code: Path | None = None) -> Project:
    """Copy a project with all that it made; ``code`` runs it from now on."""
    shutil.copytree(project.folder, folder)
    rows = [dict(row) for row in project.rows]
    return Project(folder, code or project.code, rows=rows)


@pytest.fixture(scope="session")
def undisturbed(tiny_project: Project) -> dict[str, bytes]:
    """The tables of a run that nothing disturbed."""
    return tiny_project.tables()
