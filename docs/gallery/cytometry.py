"""Simulate cells of a flow cytometer: seven markers, six populations, five animals a condition.

    python docs/gallery/cytometry.py data.h5ad

Macrophages infiltrate and microglia become rarer; microglia also raise Ly6C. The file is written
only when it is not there yet, so that a second build of the documentation has nothing to do.
"""

from __future__ import annotations

import sys
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd

MARKERS = ["CD45", "CD11b", "Ly6C", "Ly6G", "CD3", "CD8a", "NK1.1"]
# typical value of each marker, transformed by arcsinh
LEVELS = {
    "Microglia": [2.1, 3.0, 0.5, 0.2, 0.1, 0.1, 0.1],
    "Macrophages": [3.4, 3.4, 2.8, 0.3, 0.1, 0.1, 0.2],
    "Neutrophils": [3.2, 3.6, 1.8, 3.2, 0.1, 0.1, 0.1],
    "CD8 T cells": [3.5, 0.5, 1.2, 0.1, 2.8, 2.9, 0.3],
    "CD4 T cells": [3.5, 0.4, 0.7, 0.1, 2.9, 0.2, 0.2],
    "NK cells": [3.3, 1.6, 0.8, 0.1, 0.2, 0.2, 2.9],
}
BEFORE = np.array([0.70, 0.06, 0.06, 0.06, 0.06, 0.06])
AFTER = np.array([0.35, 0.36, 0.07, 0.09, 0.06, 0.07])
RAISED = {"Microglia": ("Ly6C", 0.8), "NK cells": ("CD11b", 0.6)}
N_ANIMALS, N_CELLS, SPREAD = 5, 600, 0.35


def simulate(seed: int = 0) -> ad.AnnData:
    """Return the cells: ``obs`` has condition, donor, sample and cell_type."""
    rng = np.random.default_rng(seed)
    names = np.array(list(LEVELS))
    blocks, rows = [], []
    for condition, shares in (("mock", BEFORE), ("infected", AFTER)):
        levels = np.array([LEVELS[name] for name in names])
        if condition == "infected":
            for name, (marker, by) in RAISED.items():
                levels[names == name, MARKERS.index(marker)] += by
        for animal in range(N_ANIMALS):
            own = shares * np.exp(rng.normal(0, 0.15, len(shares)))
            labels = rng.choice(len(names), N_CELLS, p=own / own.sum())
            shift = rng.normal(0, 0.05, len(MARKERS))
            blocks.append(levels[labels] + shift + rng.normal(0, SPREAD, (N_CELLS, len(MARKERS))))
            donor = f"{condition}{animal + 1}"
            rows.append(
                pd.DataFrame({"condition": condition, "donor": donor, "cell_type": names[labels]})
            )
    obs = pd.concat(rows, ignore_index=True).assign(sample=lambda table: table["donor"])
    obs.index = [f"cell{i}" for i in range(len(obs))]
    adata = ad.AnnData(
        X=np.concatenate(blocks).astype(np.float32), obs=obs, var=pd.DataFrame(index=MARKERS)
    )
    adata.uns["data_source"] = {
        "text": "Simulated: ten animals, six populations, known changes",
        "licence": "CC0",
        "citation": "",
    }
    return adata


if __name__ == "__main__":
    out = Path(sys.argv[1])
    if not out.is_file():
        out.parent.mkdir(parents=True, exist_ok=True)
        simulate().write_h5ad(out)
