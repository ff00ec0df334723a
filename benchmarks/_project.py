"""A folder with a small study, and the workflow run in it: for measurements of whole runs."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from cgmm._utils.h5ad import write_h5ad
from cgmm.simulate import counts

CODE = Path(__file__).resolve().parents[1]
CONDITIONS = ("before", "after")
SETTINGS = {
    "samples": "samples.tsv",
    "comparisons": [{"name": "drug", "source": "before", "target": "after"}],
    "qc": {"min_genes": 10, "min_cells": 3},
    "n_pcs": 8,
    "n_dims": 5,
    "donors": {"n_bootstrap": 20, "n_permutations": 20},
}


@dataclass(frozen=True)
class Study:
    """A folder in which the workflow runs; `python` is the interpreter that runs it."""

    folder: Path
    python: str = sys.executable

    def command(self, *arguments: str) -> list[str]:
        """Give the command line."""
        own = self.folder / "config.yaml"
        command = [
            self.python,
            "-m",
            "snakemake",
            "--snakefile",
            str(CODE / "workflow" / "Snakefile"),
        ]
        command += ["--directory", str(self.folder), *arguments]
        return [*command, "--configfile", str(own)] if own.is_file() else command

    @contextlib.contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Start it in a process group of its own; nothing of it outlives the block."""
        with (self.folder / "console.txt").open("ab") as console:
            process = subprocess.Popen(
                self.command(*arguments),
                cwd=self.folder,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=os.environ | {"PYTHONPATH": str(CODE)},
            )
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def run(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """Run it to the end; its exit status and all that it said."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"PYTHONPATH": str(CODE)} | environment,
        )
        return done.returncode, done.stdout + done.stderr

    def tables(self) -> dict[str, bytes]:
        """Give every table of the results, by its path."""
        found = sorted((self.folder / "results").rglob("*.tsv*"))
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in found
            if ".part" not in path.name
        }


def new_study(folder: Path, data: Path | None, *, python: str = sys.executable) -> Study:
    """Lay out a study of one file from :func:`write_data`; without a file, the demo."""
    folder.mkdir(parents=True)
    if data is None:
        (folder / "config").mkdir()
        for name in ("config.yaml", "samples.tsv"):
            (folder / "config" / name).write_bytes((CODE / "config" / name).read_bytes())
        return Study(folder, python)
    rows = [
        f"{side}{donor}\t{data}\t{side}\tD{donor:02d}\tsample\t{side}_D{donor:02d}"
        for side in CONDITIONS
        for donor in (1, 2, 3)
    ]
    head = "sample\tpath\tcondition\tdonor\tobs_column\tobs_value"
    (folder / "samples.tsv").write_text("\n".join([head, *rows, ""]), encoding="utf-8")
    (folder / "config.yaml").write_text(yaml.safe_dump(SETTINGS), encoding="utf-8")
    return Study(folder, python)


def write_data(path: Path, *, n_cells: int = 600, n_genes: int = 150) -> Path:
    """Write three simulated donors before and after."""
    adata = counts(n_cells=n_cells, n_genes=n_genes, n_donors=3, conditions=CONDITIONS, paired=True)
    write_h5ad(adata, path)
    return path
