"""The table of cells has the declared columns."""

from __future__ import annotations

import anndata as ad
import numpy as np

from cgmm.results.cells import cells_table
from cgmm.tables import CELLS


def test_cells_have_the_declared_columns(fitted: ad.AnnData) -> None:
    fitted.obs["barcode"] = fitted.obs_names
    fitted.obsm["X_umap"] = np.asarray(fitted.obsm["X_pca"][:, :2])
    table = cells_table(fitted, use_rep="X_pca")
    assert tuple(table.columns) == CELLS.names
    assert len(table) == fitted.n_obs
    assert (
        table["shift"]
        .isna()
        .equals((fitted.obs["condition"] == "treated").reset_index(drop=True).rename("shift"))
    )
    for column in CELLS.of_kind("number"):
        assert table[column].dtype == np.float64, column


def test_a_space_of_two_dimensions_has_two_coordinates(fitted: ad.AnnData) -> None:
    fitted.obs["barcode"] = fitted.obs_names
    fitted.obsm["X_umap"] = fitted.obsm["two"] = np.asarray(fitted.obsm["X_pca"][:, :2])
    assert list(cells_table(fitted, use_rep="two").columns)[-3:] == ["UMAP2", "PC1", "PC2"]
