"""The workflow from one file to the report: seconds and peak memory of every step.

python benchmarks/whole_study.py [cells ...] [--genes 6000] [--scale auto] [--cores 2]

Simulated counts with about 2,000 stored values per cell, in one file: sixteen donors, eight in each
condition, twelve kinds of cells, of which one doubles and one changes its state.  "s" are wall
seconds, "CPU s" processor seconds (both from Snakemake's benchmark files), "MB" is the peak of
resident memory of the step.  The last row is the whole run, with Snakemake itself.
"""

from __future__ import annotations

import argparse
import csv
import resource
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp
import yaml
from _common import publish
from _project import Study
from scale_front import Appended

CELLS = (100_000, 300_000)
KINDS, DONORS, AT_ONCE = 12, 16, 2500
CONDITIONS = ("before", "after")
HEAD = "sample\tpath\tcondition\tdonor\tobs_column\tobs_value"


def condition_of(donor: np.ndarray) -> np.ndarray:
    """Return 0 for donors of the first condition and 1 for donors of the second."""
    return (donor >= DONORS // 2).astype(int)


def write_counts(path: Path, n_cells: int, n_genes: int) -> float:
    """Write simulated counts block by block; return the stored values per cell."""
    import anndata as ad

    rng = np.random.default_rng(0)
    base = rng.gamma(0.7, 0.9, n_genes)
    own = rng.normal(0, 0.8, (KINDS, n_genes)) * (rng.random((KINDS, n_genes)) < 0.15)
    rates = np.stack([base * np.exp(own)] * 2)
    rates[1, 0, : n_genes // 20] *= 3
    shares = np.ones((2, KINDS))
    shares[1, 1] = 2
    shares /= shares.sum(axis=1, keepdims=True)
    donor = np.repeat(np.arange(DONORS), -(-n_cells // DONORS))[:n_cells]
    kind = np.zeros(n_cells, dtype=int)
    for d in range(DONORS):
        of = donor == d
        share = rng.dirichlet(60 * shares[condition_of(np.array([d]))[0]])
        kind[of] = rng.choice(KINDS, int(of.sum()), p=share)
    names = pd.Categorical.from_codes(donor, [f"s{i:02d}" for i in range(DONORS)])
    obs = pd.DataFrame({"sample": names}, index=[f"cell{i}" for i in range(n_cells)])
    ad.AnnData(obs=obs, var=pd.DataFrame(index=[f"gene{i}" for i in range(n_genes)])).write(path)
    n_values = 0
    with h5py.File(path, "a") as file:
        file.pop("X", None)
        rows = Appended(file.create_group("X"), n_genes)
        for start in range(0, n_cells, AT_ONCE):
            here = slice(start, min(start + AT_ONCE, n_cells))
            mean = rates[condition_of(donor[here]), kind[here]]
            block = sp.csr_matrix(rng.poisson(mean * rng.lognormal(0, 0.3, (len(mean), 1))))
            n_values += block.nnz
            rows.append(block.astype(np.float32))
        rows.close()
    return n_values / n_cells


def new_study(folder: Path, counts: Path, scale: str) -> Study:
    """Lay out a study of the file."""
    rows = [
        f"s{d:02d}\t{counts}\t{CONDITIONS[d >= DONORS // 2]}\tD{d:02d}\tsample\ts{d:02d}"
        for d in range(DONORS)
    ]
    (folder / "samples.tsv").write_text("\n".join([HEAD, *rows, ""]), encoding="utf-8")
    ends = dict(zip(("source", "target"), CONDITIONS, strict=True))
    settings = {"samples": "samples.tsv", "comparisons": [{"name": "drug", **ends}], "scale": scale}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return Study(folder)


def steps_of(folder: Path) -> list[str]:
    """Return a row for every step that ran, the longest first."""
    found = []
    for path in (folder / "logs" / "benchmarks").rglob("*.tsv"):
        with path.open() as file:
            (row,) = csv.DictReader(file, delimiter="\t")
        name = path.relative_to(folder / "logs" / "benchmarks").parts[0].removesuffix(".tsv")
        found.append((name, float(row["s"]), float(row["cpu_time"]), float(row["max_rss"])))
    found.sort(key=lambda row: -row[1])
    return [f"  {name:14}{s:9.1f}{cpu:9.1f}{mb:9.0f}" for name, s, cpu, mb in found]


def measured(n_cells: int, n_genes: int, scale: str, cores: int) -> list[str]:
    """Return the lines of a study of a number of cells."""
    with tempfile.TemporaryDirectory(prefix="whole-study-") as place:
        folder = Path(place)
        per_cell = write_counts(folder / "counts.h5ad", n_cells, n_genes)
        study = new_study(folder, folder / "counts.h5ad", scale)
        began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        status, said = study.run("--cores", str(cores), "--quiet", "all")
        wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        if status:
            sys.exit(f"The run failed:\n{said[-2000:]}")
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        title = f"{n_cells:,} cells, {per_cell:,.0f} values each"
        head = f"  {'step':14}{'s':>9}{'CPU s':>9}{'MB':>9}"
        rows = steps_of(folder)
        most = max(float(row.split()[-1]) for row in rows)
        return [title, head, *rows, f"  {'all':14}{wall:9.1f}{cpu:9.1f}{most:9.0f}", ""]


def main() -> None:
    """Measure every number of cells."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cells", nargs="*", type=int, default=list(CELLS))
    parser.add_argument("--genes", type=int, default=6000)
    parser.add_argument("--scale", choices=("auto", "memory", "lazy"), default="auto")
    parser.add_argument("--cores", type=int, default=2)
    args = parser.parse_args()
    lines = [line for n in args.cells for line in measured(n, args.genes, args.scale, args.cores)]
    title = f"From one file to the report: {DONORS} donors, {args.genes} genes, {args.cores} cores"
    publish("whole_study", title, lines)


if __name__ == "__main__":
    main()
