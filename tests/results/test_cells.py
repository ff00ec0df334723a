"""The table of cells has the declared columns."""

from __future__ import annotations

import anndata as ad
import numpy as np

from cgmm.results.cells import cells_table
from cgmm.tables import CELLS

MEASURED = ("n_genes", "n_counts", "pct_mt", "doublet_score")


def test_cells_have_the_declared_columns(populated: ad.AnnData) -> None:
    populated.obs["barcode"] = populated.obs_names
    populated.obsm["X_umap"] = np.asarray(populated.obsm["X_pca"][:, :2])
    plain = cells_table(populated, use_rep="X_pca")
    for number, name in enumerate(MEASURED):
        populated.obs[name] = number + np.linspace(0, 1, populated.n_obs)
    table = cells_table(populated, use_rep="X_pca")
    assert tuple(table.columns) == CELLS.names
    assert list(plain.columns) == [name for name in CELLS.names if name not in MEASURED]
    np.testing.assert_allclose(table["pct_mt"], populated.obs["pct_mt"], atol=0.0051)
    assert len(table) == populated.n_obs
    assert (
        table["shift"]
        .isna()
        .equals((populated.obs["condition"] == "treated").reset_index(drop=True).rename("shift"))
    )
    for column in CELLS.of_kind("number"):
        assert table[column].dtype == np.float64, column


def test_a_space_of_two_dimensions_has_two_coordinates(populated: ad.AnnData) -> None:
    populated.obs["barcode"] = populated.obs_names
    populated.obsm["X_umap"] = populated.obsm["two"] = np.asarray(populated.obsm["X_pca"][:, :2])
    assert list(cells_table(populated, use_rep="two").columns)[-3:] == ["UMAP2", "PC1", "PC2"]
