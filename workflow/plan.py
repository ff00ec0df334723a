"""What a run is expected to take: minutes of one core and memory of each comparison.

The numbers are fitted to run times of the workflow (CPU seconds and peaks of memory in
logs/benchmarks: 2,700 to 20,000 cells; benchmarks/results/scale-py311.txt: up to a million). A
machine that does other work at the same time takes longer.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import sqrt
from pathlib import Path
from typing import Any

MAX_SECONDS = 30  # for reading the headers of all files
# prints the number of cells of each file; obs is one array in old files, and names of cells can
# be values with a mask
COUNT = """
import sys, h5py
for path in sys.argv[1:]:
    with h5py.File(path, "r") as file:
        obs = file["obs"]
        index = obs if isinstance(obs, h5py.Dataset) else obs[obs.attrs.get("_index", "_index")]
        print(len(index["values"] if isinstance(index, h5py.Group) else index))
"""
SMALL = 50_000  # cells; above, memory grows more slowly, because the fit draws cells


def seconds_of_dataset(n_cells: int) -> float:
    """Return the CPU seconds of the steps check, prepare and embed."""
    return 8 + 8e-4 * n_cells


def seconds_of_comparison(n_cells: int) -> float:
    """Return the CPU seconds of the steps fit, summarise and report."""
    return 20 + 0.26 * sqrt(n_cells) + 7 + 4.5e-4 * n_cells + 3


def gigabytes(n_cells: int) -> float:
    """Return the peak of memory of the largest step."""
    return 0.55 + 1.2e-5 * min(n_cells, SMALL) + 2e-6 * max(n_cells - SMALL, 0)


def is_dry_run(arguments: Sequence[str]) -> bool:
    """Return whether a command line asks for a plan only."""
    letters = [a for a in arguments if a.startswith("-") and not a.startswith("--")]
    return bool({"--dry-run", "--dryrun"} & set(arguments)) or any(
        a[1:].isalpha() and a.endswith("n") for a in letters
    )


def plan(
    comparisons: Mapping[str, Mapping[str, Any]],
    datasets: Mapping[str, Sequence[Mapping[str, str]]],
) -> list[str]:
    """Return one line per comparison: cells, minutes of one core, memory.

    Parameters
    ----------
    comparisons
        The comparisons of the config by name, each with its dataset.
    datasets
        Rows of the sample sheet by dataset.
    """
    lines = []
    for name, comparison in comparisons.items():
        rows = datasets[comparison["dataset"]]
        of_all = cells_of(rows)
        own = cells_of([r for r in rows if r["condition"] in _ends(comparison)])
        if of_all is None or own is None:
            lines.append(
                f"{name}: no estimate, because a file is made first or is no h5ad file on this disk"
            )
            continue
        minutes = (seconds_of_dataset(of_all) + seconds_of_comparison(own)) / 60
        lines.append(
            f"{name}: up to {own:,} cells, about {max(minutes, 1):.0f} min on one core and "
            f"{gigabytes(of_all):.1f} GB"
        )
    return lines


def _ends(comparison: Mapping[str, Any]) -> tuple[str, str]:
    return comparison["source"], comparison["target"]


def cells_of(rows: Sequence[Mapping[str, str]]) -> int | None:
    """Return the number of cells in the files of some samples; None when it is not known.

    A file that holds several samples counts whole for each condition that it has.
    """
    counts = _cells_of_files(tuple(dict.fromkeys(row["path"] for row in rows)))
    return None if counts is None else sum(counts)


@lru_cache
def _cells_of_files(paths: tuple[str, ...]) -> list[int] | None:
    """Return the number of cells of h5ad files, read by a process that may crash or hang."""
    if not all(path.endswith(".h5ad") and Path(path).is_file() for path in paths):
        return None
    command = [sys.executable, "-c", COUNT, *paths]
    try:
        done = subprocess.run(command, capture_output=True, check=True, timeout=MAX_SECONDS)
        return [int(number) for number in done.stdout.split()]
    except (OSError, ValueError, subprocess.SubprocessError):
        return None  # the step `check` says what is wrong with a file
