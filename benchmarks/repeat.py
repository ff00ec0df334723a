"""The same tables again: two runs, two numbers of threads, two Python stacks.

python benchmarks/repeat.py [another Python] [--cells 600]

On each stack the workflow runs three times on the same file: twice on two cores, once on one core
(with NPROC and OMP_NUM_THREADS to match). Tables of one stack must agree in every byte. Between
stacks every column of numbers gets its largest difference, in units of the largest value of the
column, and words are counted that differ.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from _common import publish
from _project import new_study, write_data


def run(base: Path, name: str, data: Path, python: str, cores: int) -> dict[str, bytes]:
    """Run the workflow in a folder of its own; its tables."""
    study = new_study(base / name, data, python=python)
    threads = {"OMP_NUM_THREADS": str(cores), "NPROC": str(cores)}
    status, text = study.run("--cores", str(cores), **threads)
    if status != 0:
        raise SystemExit(text)
    return study.tables()


def table(name: str, content: bytes) -> pd.DataFrame:
    """Read a table; text stays text."""
    packed = "gzip" if name.endswith(".gz") else None
    return pd.read_csv(io.BytesIO(content), sep="\t", compression=packed, keep_default_na=False)


def compared(name: str, one: bytes, two: bytes) -> str:
    """Describe how two tables of different stacks differ, in one line."""
    if one == two:
        return f"{name:42} the same bytes"
    a, b = table(name, one), table(name, two)
    if a.shape != b.shape or list(a) != list(b):
        return f"{name:42} shapes {a.shape} and {b.shape}"
    worst, where, words = 0.0, "", 0
    for column in a:
        x, y = (pd.to_numeric(f[column], errors="coerce").to_numpy(float) for f in (a, b))
        if np.isnan(x).all() and np.isnan(y).all():
            words += int((a[column].astype(str) != b[column].astype(str)).sum())
            continue
        words += int((np.isnan(x) != np.isnan(y)).sum())
        gap = np.nan_to_num(np.abs(x - y)).max() / (np.nanmax(np.abs(x)) or 1)
        if gap > worst:
            worst, where = gap, str(column)
    return f"{name:42} {worst:.1e} ({where or 'no number differs'}); words that differ: {words}"


def main() -> None:
    """Run all, compare all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("other", nargs="?", help="the Python of another stack")
    parser.add_argument("--cells", type=int, default=600)
    options = parser.parse_args()
    lines, firsts = [], []
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        data = write_data(base / "cells.h5ad", n_cells=options.cells)
        for number, python in enumerate(filter(None, (sys.executable, options.other))):
            first, *others = (
                run(base, f"{number}-{i}", data, python, cores) for i, cores in enumerate((2, 2, 1))
            )
            for words, tables in zip(("a second run", "one core"), others, strict=True):
                same = sum(first[key] == tables.get(key) for key in first)
                lines.append(
                    f"stack {number + 1}, {words}: {same} of {len(first)} tables the same bytes"
                )
            firsts.append(first)
    if len(firsts) == 2:
        lines += ["", "stack 1 and stack 2: largest difference by the largest value of its column"]
        lines += [compared(key, firsts[0][key], firsts[1][key]) for key in firsts[0]]
    publish("repeat", f"The same tables again, {options.cells} cells, six samples", lines)


if __name__ == "__main__":
    main()
