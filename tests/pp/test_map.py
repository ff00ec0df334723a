"""The map for display: of some of many cells, and the same when it is made later."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

from cgmm._utils.neighbours import fuzzy_graph, nearest
from cgmm.pp import _map, embed
from cgmm.pp._map import display_map
from cgmm.simulate import counts


def test_a_map_of_many_cells_is_of_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_map, "MAP_CELLS", 100)
    adata = ad.AnnData(np.zeros((400, 1), dtype=np.float32))
    adata.obs["sample"] = np.repeat(["large", "small"], [360, 40])
    adata.obsm["X_pca"] = np.random.default_rng(0).normal(size=(400, 5)).astype(np.float32)
    assert _map.display_map(adata, use_rep="X_pca", n_dims=5) == 100
    there = np.isfinite(adata.obsm["X_umap"]).all(axis=1)
    assert there[:360].sum() == 90
    assert there[360:].sum() == 10
    again = adata.copy()
    _map.display_map(again, use_rep="X_pca", n_dims=5)
    np.testing.assert_array_equal(again.obsm["X_umap"], adata.obsm["X_umap"])


def test_a_map_made_later_is_that_of_embed() -> None:
    adata = counts(n_cells=200, n_genes=120, n_donors=2, conditions=("a", "b"), paired=True)
    adata.X = np.log1p(adata.X.toarray())
    later = adata.copy()
    facts = embed(adata, n_pcs=5, n_dims=4, random_state=3)
    without = embed(later, n_pcs=5, n_dims=4, random_state=3, with_map=False)
    assert "X_umap" not in later.obsm
    assert without == facts | {"n_cells_on_map": None}
    n = display_map(later, use_rep=facts["use_rep"], n_dims=facts["n_dims"], random_state=3)
    assert n == facts["n_cells_on_map"] == adata.n_obs
    np.testing.assert_array_equal(later.obsm["X_umap"], adata.obsm["X_umap"])


def test_a_map_is_that_of_scanpy() -> None:
    import scanpy as sc

    points = np.random.default_rng(1).normal(size=(150, 4)).astype(np.float32)
    adata = ad.AnnData(np.zeros((150, 1), dtype=np.float32), obsm={"X_pca": points})
    display_map(adata, use_rep="X_pca", n_dims=4, random_state=5)
    other = adata.copy()
    other.obsp["connectivities"] = fuzzy_graph(*nearest(points, 15))
    of_graph = {"connectivities_key": "connectivities", "distances_key": "distances"}
    other.uns["neighbors"] = of_graph | {"params": {"method": "umap", "use_rep": "X_pca"}}
    sc.tl.umap(other, maxiter=_map.UMAP_STEPS, random_state=5)
    np.testing.assert_array_equal(adata.obsm["X_umap"], other.obsm["X_umap"])
