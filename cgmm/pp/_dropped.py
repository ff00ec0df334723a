"""Why quality control drops cells of each sample."""

from __future__ import annotations

import numpy as np
import pandas as pd

DROPPED = "dropped_cells"  # entry of uns of a prepared file


def dropped_cells(obs: pd.DataFrame, keep: np.ndarray, min_genes: int) -> pd.DataFrame:
    """Count the cells that were read, and those dropped for each reason, by sample.

    Parameters
    ----------
    obs
        Table of all cells, with the columns sample, n_genes and n_counts.
    keep
        Whether each cell is kept, shape (n_cells,), bool.
    min_genes
        Cells with fewer genes are dropped.

    Returns
    -------
    DataFrame
        One row per sample: sample, n_cells_read, n_few_genes (fewer genes than ``min_genes``, or no
        counts), n_mitochondrial (enough genes, but too many mitochondrial counts), min_genes.
    """
    few = (obs["n_genes"].to_numpy() < min_genes) | (obs["n_counts"].to_numpy() <= 0)
    frame = pd.DataFrame(
        {
            "sample": obs["sample"].astype(str).to_numpy(object),
            "n_cells_read": 1,
            "n_few_genes": few & ~keep,
            "n_mitochondrial": ~few & ~keep,
        }
    )
    table = frame.groupby("sample", sort=False).sum().astype(np.int64).reset_index()
    return table.assign(min_genes=min_genes)
