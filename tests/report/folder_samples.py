"""Tables of samples for made-up results folders, in step with their donors."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

MEASURES = {"genes": (7.0, 0.35), "counts": (8.0, 0.5), "mitochondrial": (1.2, 0.4)}
COLUMNS = {"genes": "n_genes", "counts": "n_counts", "mitochondrial": "pct_mt"}


def sample_names(donor: pd.Series, condition: pd.Series) -> np.ndarray:
    """One sample per donor and condition; without donors one per condition."""
    return np.array(
        [f"{d}_{c}" if d else f"pbmc_{c}" for d, c in zip(donor, condition, strict=True)],
        dtype=object,
    )


def sample_tables(cells: pd.DataFrame, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    """Add the samples and their quality to a table of cells; return the tables of samples."""
    cells["sample"] = sample_names(cells["donor"], cells["condition"])
    for measure, (mean, spread) in MEASURES.items():
        cells[COLUMNS[measure]] = np.round(
            np.exp(rng.normal(mean, spread, len(cells))), measure == "mitochondrial"
        )
    groups = cells.groupby(["condition", "donor", "sample"], sort=True)
    samples = groups.size().rename("n_cells").reset_index()
    order = samples.sort_values(["condition", "donor"], kind="stable")
    n = len(order)
    few, mt = np.arange(n) * 3 + 5, np.arange(n)[::-1] + 2
    samples = pd.DataFrame({
        "sample": order["sample"], "condition": order["condition"], "donor": order["donor"],
        "batch": [f"b{i % 2 + 1}" for i in range(n)], "n_cells": order["n_cells"],
        "n_cells_read": order["n_cells"] + few + mt, "n_few_genes": few, "n_mitochondrial": mt,
    })  # fmt: skip
    quality = [
        (name, own["condition"].iloc[0], measure, len(own),
         *np.quantile(own[COLUMNS[measure]], [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1]))
        for measure in MEASURES for name, own in cells.groupby("sample", sort=True)
    ]  # fmt: skip
    columns = ["sample", "condition", "measure", "n_cells", "lowest", "p5", "p25", "median",
               "p75", "p95", "highest"]  # fmt: skip
    shares = pd.crosstab(cells["sample"], cells["population"], normalize="index")
    pairs = [
        (a, b, np.sqrt(np.square(np.sqrt(shares.loc[a]) - np.sqrt(shares.loc[b])).sum() / 2),
         0.2 + 0.8 * (a.rsplit("_", 1)[1] != b.rsplit("_", 1)[1]))
        for a, b in combinations(samples["sample"], 2)
    ]  # fmt: skip
    return {
        "samples": samples,
        "sample_quality": pd.DataFrame(quality, columns=columns),
        "sample_distances": pd.DataFrame(
            pairs, columns=["sample", "other", "composition", "state"]
        ),
    }
