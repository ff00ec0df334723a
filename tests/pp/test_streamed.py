"""Statistics of blocks of rows are those of all rows at once."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest
import scanpy as sc
import scipy.sparse as sp

from cgmm.pp._embed import principal_components, select_genes
from cgmm.pp._gram import ROWS_IN_SINGLE, products
from cgmm.pp._streamed import components_of_genes, moments_of_genes, variable_genes

da = pytest.importorskip("dask.array")


def made(n_cells: int, n_genes: int) -> ad.AnnData:
    """Logarithms with genes that a sample lacks, that are constant, and that nobody has."""
    rng = np.random.default_rng(0)
    counts = rng.poisson(rng.gamma(0.3, 1, n_genes) * rng.lognormal(0, 1, (n_cells, 1)))
    sample = rng.permutation(np.repeat(["a", "b", "c"], [n_cells // 2, n_cells // 4, n_cells // 4]))
    counts[:, 0] = 0
    counts[sample == "a", 1] = 0
    counts[:, 2] = 1
    adata = ad.AnnData(sp.csr_matrix(np.log1p(counts).astype(np.float32)))
    adata.obs["sample"] = sample
    adata.obs["sample"] = adata.obs["sample"].astype("category")
    return adata


def in_blocks(adata: ad.AnnData, rows: int) -> ad.AnnData:
    """The same object with its values as a Dask array of CSR blocks."""
    dense = da.from_array(adata.X.toarray(), chunks=(rows, adata.n_vars))
    values = dense.map_blocks(sp.csr_matrix, meta=adata.X[:0], dtype=np.float32)
    return ad.AnnData(values, obs=adata.obs.copy(), var=adata.var.copy())


@pytest.mark.filterwarnings("ignore:.*number of normalized dispersions")
@pytest.mark.parametrize("several", [True, False])
@pytest.mark.parametrize("n_top", [5, 60, 199])
def test_variable_genes_are_those_of_scanpy(several: bool, n_top: int) -> None:
    adata = made(1200, 200)
    codes = adata.obs["sample"].cat.codes.to_numpy() * several
    found = variable_genes(moments_of_genes(in_blocks(adata, 170).X, codes), n_top)
    with np.errstate(invalid="ignore", divide="ignore"):
        sc.pp.highly_variable_genes(
            adata, n_top_genes=n_top, batch_key="sample" if several else None
        )
    assert set(found) >= {"means", "dispersions", "dispersions_norm", "highly_variable"}
    for name, column in found.items():
        assert column.dtype == adata.var[name].dtype or column.dtype.kind in "if"
        np.testing.assert_allclose(
            column.to_numpy(float), adata.var[name].to_numpy(float), rtol=1e-5, atol=1e-6
        )


def test_genes_and_components_do_not_depend_on_blocks() -> None:
    memory = made(1000, 150)
    objects = [memory, in_blocks(memory, 130), in_blocks(memory, 1000)]
    for adata in objects:
        with np.errstate(invalid="ignore", divide="ignore"):
            select_genes(adata, n_top_genes=80)
        principal_components(adata, n_pcs=5)
    for adata in objects[1:]:
        assert adata.var["highly_variable"].dtype == bool
        assert (adata.var["highly_variable"] == memory.var["highly_variable"]).all()
        assert adata.obsm["X_pca"].dtype == np.float32
        np.testing.assert_allclose(adata.obsm["X_pca"], memory.obsm["X_pca"], atol=2e-3)
        np.testing.assert_allclose(adata.varm["PCs"], memory.varm["PCs"], atol=1e-3)
        ratio = memory.uns["pca"]["variance_ratio"]
        np.testing.assert_allclose(adata.uns["pca"]["variance_ratio"], ratio, rtol=1e-4)


def test_components_are_eigenvectors_of_the_covariance() -> None:
    adata = made(700, 90)
    chosen = np.arange(90) % 3 > 0
    found = components_of_genes(in_blocks(adata, 99).X, chosen, 4)
    values = adata.X[:, chosen].toarray().astype(float)
    sizes, vectors = np.linalg.eigh(np.cov(values, rowvar=False))
    np.testing.assert_allclose(np.abs((vectors[:, :-5:-1] * found.loadings).sum(0)), 1, rtol=1e-5)
    np.testing.assert_allclose(found.variance_ratio, sizes[:-5:-1] / sizes.sum(), rtol=1e-5)
    centred = values - values.mean(0)
    np.testing.assert_allclose(found.points, centred @ found.loadings, atol=1e-4)


@pytest.mark.parametrize("filled", [0.05, 0.3])
@pytest.mark.parametrize("n_cells", [1, 600, ROWS_IN_SINGLE + 700])
def test_products_are_those_of_dense_columns(n_cells: int, filled: float) -> None:
    rng = np.random.default_rng(1)
    matrix = sp.random(n_cells, 40, filled, format="csr", dtype=np.float32, random_state=rng)
    matrix.sort_indices()
    place = np.full(40, -1)
    place[5:30] = np.arange(25)
    blocks = (matrix[lo : lo + 5000] for lo in range(0, n_cells, 5000))
    total, sums = products(blocks, place)
    dense = matrix.toarray()[:, 5:30].astype(float)
    np.testing.assert_allclose(np.triu(total), np.triu(dense.T @ dense), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(sums, dense.sum(0), rtol=1e-6)
