"""One joint space for all samples."""

from __future__ import annotations

import logging
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import scanpy as sc

from cgmm._utils.arguments import check_seed, check_whole
from cgmm._utils.blas import one_thread
from cgmm._utils.codes import coded
from cgmm.pp._map import display_map
from cgmm.pp._samples import CYTOMETRY, RNA, InputError, check_modality, listed
from cgmm.pp._streamed import components_of_genes, moments_of_genes, variable_genes

logger = logging.getLogger(__name__)

PCA = "X_pca"
HARMONY = "X_pca_harmony"
INTEGRATIONS = ("none", "harmony")
MIN_CELLS_PER_SAMPLE = 50  # below, a sample says too little to rank genes by itself
FEW_GENES = 200  # up to here all components can be had; above, arpack is faster


def embed(
    adata: ad.AnnData,
    *,
    use_rep: str | None = None,
    n_top_genes: int = 2000,
    n_pcs: int = 30,
    n_dims: int = 20,
    integrate: str = "none",
    n_neighbors: int = 15,
    modality: str = RNA,
    random_state: int = 0,
    with_map: bool = True,
) -> dict[str, Any]:
    """Compute the representation in which mixtures are fitted, and a UMAP of it.

    Parameters
    ----------
    adata
        Log-normalised values in ``X`` (in memory, or a Dask array of CSR blocks),
        ``obs["sample"]``. Changed in place.
    use_rep
        Key of ``obsm`` that is to serve as it is; None: PCA.
    n_top_genes
        Genes that PCA sees: those most variable within samples (``batch_key="sample"``).
    n_pcs
        Principal components computed.
    n_dims
        Leading dimensions used for neighbours and UMAP (and by the fit).
    integrate
        ``"harmony"``: remove differences between ``obs["batch"]`` from the principal components
        (Korsunsky et al. 2019, Nature Methods 16, 1289). ``"none"``: do not. The condition is never
        removed.
    n_neighbors
        Neighbours for the UMAP.
    modality
        ``"cytometry"``: PCA sees every feature.
    random_state
        Seed of Harmony and UMAP.
    with_map
        Whether to make the UMAP.

    Returns
    -------
    dict
        use_rep (the key that was chosen), n_dims, n_genes_used, n_cells, n_cells_on_map (None
        without a map), scale ("memory" or "lazy"), variance_ratio (list or None), integrate,
        notices.

    Raises
    ------
    TypeError, ValueError
        When an argument is out of range or not known, or there is too little data.

    Notes
    -----
    Sets ``var["highly_variable"]``, ``obsm["X_pca"]``, ``varm["PCs"]``, ``uns["pca"]``,
    ``obsm["X_pca_harmony"]`` (when asked for) and ``obsm["X_umap"]``. Each component's sign is
    chosen so that its largest loading is positive.
    """
    check_modality(modality)
    if integrate not in INTEGRATIONS:
        msg = f"integrate={integrate!r} is not known: give one of {listed(INTEGRATIONS)}."
        raise InputError(msg)
    if use_rep is not None and use_rep not in adata.obsm:
        msg = f"obsm has no {use_rep!r} (keys: {listed(adata.obsm)}). Name another as `use_rep`."
        raise InputError(msg)
    for name, value in (("n_top_genes", n_top_genes), ("n_pcs", n_pcs), ("n_dims", n_dims)):
        check_whole(name, value, 2)
    check_whole("n_neighbors", n_neighbors, 2)
    check_seed(random_state)
    notices: list[dict[str, str]] = []
    variance_ratio = None
    key = use_rep
    if key is None:
        select_genes(adata, n_top_genes=n_top_genes, modality=modality)
        principal_components(adata, n_pcs=n_pcs)
        variance_ratio = [float(v) for v in adata.uns["pca"]["variance_ratio"]]
        key = PCA
        if integrate == "harmony":
            notices = remove_batch(adata, random_state=random_state)
            key = HARMONY
    n_dims = min(n_dims, adata.obsm[key].shape[1])
    n_on_map = None
    if with_map:
        n_on_map = display_map(
            adata, use_rep=key, n_dims=n_dims, n_neighbors=n_neighbors, random_state=random_state
        )
    n_used = int(adata.var["highly_variable"].sum()) if "highly_variable" in adata.var else 0
    return {
        "use_rep": key,
        "n_dims": n_dims,
        "n_genes_used": n_used,
        "n_cells": adata.n_obs,
        "n_cells_on_map": n_on_map,
        "scale": "lazy" if is_lazy(adata) else "memory",
        "variance_ratio": variance_ratio,
        "integrate": integrate if use_rep is None else "none",
        "notices": notices,
    }


def select_genes(adata: ad.AnnData, *, n_top_genes: int, modality: str = RNA) -> None:
    """Mark the genes for PCA in ``var["highly_variable"]``."""
    if modality == CYTOMETRY or n_top_genes >= adata.n_vars:
        adata.var["highly_variable"] = True
        return
    if isinstance(adata.obs["sample"].dtype, pd.CategoricalDtype):
        # scanpy ranks genes within every category, with cells or without
        adata.obs["sample"] = adata.obs["sample"].cat.remove_unused_categories()
    sizes = adata.obs["sample"].value_counts()
    by_sample = len(sizes) > 1 and sizes.min() >= MIN_CELLS_PER_SAMPLE
    if is_lazy(adata):
        codes = coded(adata.obs["sample"])[1]
        moments = moments_of_genes(adata.X, codes if by_sample else np.zeros_like(codes))
        for name, column in variable_genes(moments, n_top_genes).items():
            adata.var[name] = column.to_numpy()
        return
    sc.pp.highly_variable_genes(
        adata, n_top_genes=n_top_genes, batch_key="sample" if by_sample else None
    )
    adata.uns.pop("hvg", None)


def principal_components(adata: ad.AnnData, *, n_pcs: int) -> None:
    """PCA by a repeatable solver, with fixed signs."""
    n_genes = int(adata.var["highly_variable"].sum())
    n = min(n_pcs, n_genes, adata.n_obs - 1)
    lazy = is_lazy(adata)
    if n < 2:
        msg = (
            f"{adata.n_obs} cells and {n_genes} genes are too few for principal components. "
            "Give more cells, or lower the qc limits in the config."
        )
        raise InputError(msg)
    if lazy:
        found = components_of_genes(adata.X, adata.var["highly_variable"].to_numpy(bool), n)
        loadings = np.zeros((adata.n_vars, n))
        loadings[adata.var["highly_variable"].to_numpy(bool)] = found.loadings
        points, ratio = found.points, found.variance_ratio
    else:
        with one_thread():
            solver = "covariance_eigh" if n_genes <= FEW_GENES else "arpack"
            sc.pp.pca(
                adata, n_comps=n, svd_solver=solver, mask_var="highly_variable", random_state=0
            )
        loadings, points = np.asarray(adata.varm["PCs"]), adata.obsm[PCA]
        ratio = np.asarray(adata.uns["pca"]["variance_ratio"], dtype=float)
    largest = np.abs(loadings).argmax(axis=0)
    signs = np.where(loadings[largest, np.arange(n)] < 0, -1.0, 1.0).astype(np.float32)
    adata.varm["PCs"] = loadings * signs
    adata.obsm[PCA] = np.asarray(points, dtype=np.float32) * signs
    adata.uns["pca"] = {"variance_ratio": ratio}


def is_lazy(adata: ad.AnnData) -> bool:
    """Whether ``X`` is a Dask array."""
    return hasattr(adata.X, "dask")


def remove_batch(adata: ad.AnnData, *, random_state: int = 0) -> list[dict[str, str]]:
    """Harmony over ``obs["batch"]``; returns remarks for the report."""
    import harmonypy

    if "batch" not in adata.obs or (adata.obs["batch"].astype(str) == "").any():
        msg = (
            "integrate: harmony needs a batch for every sample. Fill the column `batch` of the "
            "sample sheet, or set `integrate: none` in the config."
        )
        raise InputError(msg)
    batch = adata.obs["batch"].astype(str)
    if batch.nunique() < 2:
        msg = (
            "integrate: harmony needs at least two batches, and the samples have one. "
            "Set `integrate: none` in the config."
        )
        raise InputError(msg)
    table = pd.DataFrame({"batch": batch.to_numpy(dtype=object)})
    points = np.asarray(adata.obsm[PCA], dtype=np.float64)
    result = harmonypy.run_harmony(points, table, "batch", random_state=random_state, verbose=False)
    corrected = np.asarray(result.Z_corr)
    # harmonypy 2 returns cells x dimensions, harmonypy 1 the transpose
    adata.obsm[HARMONY] = (corrected if corrected.shape == points.shape else corrected.T).astype(
        np.float32
    )
    notices = [
        {
            "level": "info",
            "text": f"Differences between {batch.nunique()} batches were removed by Harmony.",
            "advice": "",
        }
    ]
    per_batch = pd.crosstab(batch.to_numpy(), adata.obs["condition"].astype(str).to_numpy())
    if ((per_batch > 0).sum(axis=1) == 1).all() and per_batch.shape[1] > 1:
        notices.append(
            {
                "level": "warning",
                "text": "Every batch holds one condition only, so Harmony has removed differences "
                "between the conditions too: shifts are understated and transfers are forced "
                "together.",
                "advice": "Set `integrate: none` in the config, or add batches with both "
                "conditions.",
            }
        )
    return notices
