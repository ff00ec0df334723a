"""Seconds until Snakemake knows what to do, for growing numbers of comparisons.

python benchmarks/graph.py

Dry runs on empty files: comparisons of one dataset (a control and many treatments, three donors
each), and comparisons in a dataset each. The first line is Snakemake without any workflow.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml
from _common import HERE, publish

SIZES = (2, 20, 200)
SIGNATURE = b"\x89HDF\r\n\x1a\n"


def write_project(folder: Path, size: int, *, datasets: bool) -> None:
    """Write sample sheet and config of a project; its files hold nothing."""
    data = folder / "sample.h5ad"
    data.write_bytes(SIGNATURE)
    rows, comparisons = ["sample\tpath\tcondition\tdonor\tdataset\tobs_column\tobs_value"], []

    def add(condition: str, dataset: str) -> None:
        for donor in ("A", "B", "C"):
            name = f"{dataset}_{condition}_{donor}"
            rows.append(f"{name}\t{data}\t{condition}\t{donor}\t{dataset}\tsample\t{name}")

    for i in range(size):
        dataset = f"d{i}" if datasets else "d"
        if datasets or i == 0:
            add("control", dataset)
        add(f"drug{i}", dataset)
        comparison = {"name": f"c{i}", "source": "control", "target": f"drug{i}"}
        comparisons.append(comparison | {"dataset": dataset})
    (folder / "samples.tsv").write_text("\n".join(rows) + "\n")
    settings = {"samples": "samples.tsv", "comparisons": comparisons}
    (folder / "lab.yaml").write_text(yaml.dump(settings))


def measure(*arguments: str, cwd: Path) -> tuple[float, float]:
    """Wall and processor seconds of a call of Snakemake."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments], cwd=cwd, check=True, capture_output=True
    )
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure every size once, after a call that fills the caches."""
    lines = []
    snakefile = str(HERE.parent / "workflow" / "Snakefile")
    with tempfile.TemporaryDirectory() as base:
        measure("--version", cwd=Path(base))
        wall, cpu = measure("--version", cwd=Path(base))
        lines.append(f"{'snakemake --version':44s} {wall:6.1f} s, processor {cpu:5.1f} s")
        for datasets in (False, True):
            for size in SIZES:
                folder = Path(base) / f"{size}{datasets}"
                folder.mkdir()
                write_project(folder, size, datasets=datasets)
                settings = ("--snakefile", snakefile, "--configfile", "lab.yaml", "--cores", "2")
                wall, cpu = measure(*settings, "-n", "--quiet", "all", cwd=folder)
                what = f"{size} comparisons in {size if datasets else 1} datasets"
                lines.append(f"{what:44s} {wall:6.1f} s, processor {cpu:5.1f} s")
    load = os.getloadavg()[0]
    lines.append(f"(load of the machine at the end: {load:.1f} on {os.cpu_count()} processors)")
    publish("graph", "Dry run: from the command to the list of jobs", lines)


if __name__ == "__main__":
    main()
