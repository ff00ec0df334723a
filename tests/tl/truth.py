"""The true subpopulations of simulated counts, and the genes of their programme."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd

import cgmm as cg

TYPES = ("Alpha", "Beta", "Gamma", "Delta", "Epsilon", "Zeta")


def true_mixtures(adata: ad.AnnData) -> dict[str, cg.GaussianMixture]:
    """The Gaussians of the true subpopulations, in the order of TYPES."""
    sides = {}
    for condition in ("control", "treated"):
        rows = (adata.obs["condition"] == condition).to_numpy()
        types = adata.obs["cell_type"].astype(str).to_numpy()[rows]
        z = np.asarray(adata.obsm["X_pca"], dtype=float)[rows]
        sides[condition] = cg.GaussianMixture(
            np.array([(types == t).mean() for t in TYPES]),
            np.stack([z[types == t].mean(axis=0) for t in TYPES]),
            np.stack([np.cov(z[types == t].T) + 1e-3 * np.eye(z.shape[1]) for t in TYPES]),
        )
    return sides


def programme_of(adata: ad.AnnData) -> pd.DataFrame:
    table = cg.get.genes(adata)
    return table[table["gene"].str.startswith("RESP")]
