"""How long each step of a comparison took, from the benchmark files of the workflow."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

OF_DATASET = ("check", "prepare", "embed", "map")
OF_COMPARISON = ("check_annotation", "check_markers", "check_design", "fit", "summarise")


def runtimes(folder: Path, *, dataset: str, comparison: str) -> dict[str, float]:
    """Return the seconds of every step before the report, from the benchmark files that exist.

    Parameters
    ----------
    folder
        Folder with the benchmark files of the workflow, one folder per rule.
    dataset, comparison
        Names of the dataset and of the comparison.
    """
    found = {}
    steps = [(rule, dataset) for rule in OF_DATASET] + [(r, comparison) for r in OF_COMPARISON]
    for rule, stem in steps:
        path = folder / rule / f"{stem}.tsv"
        if path.is_file():
            table = pd.read_csv(path, sep="\t")
            if len(table) and "s" in table:
                found[rule] = float(table["s"].iloc[0])
    return found
