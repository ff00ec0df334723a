"""The cells of a comparison as one table."""

from __future__ import annotations

from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from cgmm import get
from cgmm._anndata.keys import DEFAULT_KEY, Keys
from cgmm._anndata.samples import MEASURES, quality_of_cells
from cgmm.get._populations import donor_states, population_column
from cgmm.results.own_labels import own_labels
from cgmm.tables import CELLS, N_PCS


def cells_table(adata: ad.AnnData, *, use_rep: str) -> pd.DataFrame:
    """Return the table :data:`cgmm.tables.CELLS` of a comparison, one row per cell.

    The labels of the user follow (:func:`cgmm.results.own_labels.own_labels`).

    Parameters
    ----------
    adata
        From :func:`cgmm.results.annotate.annotate`, with a map in ``obsm["X_umap"]``.
    use_rep
        Entry of ``obsm`` that was fitted; its first coordinates are written.
    """
    keys = Keys(DEFAULT_KEY)
    obs = adata.obs
    columns: dict[str, Any] = {"barcode": obs["barcode"].astype(str).to_numpy()}
    for name in ("sample", "donor", "condition"):
        columns[name] = obs[name].astype(str).to_numpy() if name in obs else ""
    rows = get.populations(adata)
    labels = obs[population_column(adata)].astype(object)
    population = labels.where(labels.notna(), "").astype(str).to_numpy(object)
    columns["population"] = population
    columns["state"] = obs[keys.component].astype(str).to_numpy()
    factor = dict(zip(rows["name"], rows["log2_net"], strict=True))
    columns["log2_net_factor"] = np.round([factor.get(name, np.nan) for name in population], 4)
    spread = donor_states(adata).shifts.spread
    columns["shift"] = np.round(obs[keys.shift].to_numpy(dtype=float) / spread, 4)
    for i in range(2):
        columns[f"UMAP{i + 1}"] = np.round(adata.obsm["X_umap"][:, i].astype(float), 3)
    for measure, values in quality_of_cells(adata, np.arange(adata.n_obs)).items():
        columns[MEASURES[measure][0]] = np.round(values, 2)
    points = np.asarray(adata.obsm[use_rep], dtype=float)
    for i in range(min(N_PCS, points.shape[1])):
        columns[f"PC{i + 1}"] = np.round(points[:, i], 3)
    known = {name: columns[name] for name in CELLS.names if name in columns}
    shown = ("sample", "donor", "condition", population_column(adata))
    return pd.DataFrame(known | own_labels(adata, shown))
