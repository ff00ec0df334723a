"""One representation of all samples: principal components, Harmony, a map."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from cgmm.pp import (
    InputError,
    Sample,
    check_samples,
    embed,
    join_samples,
    normalise,
    quality_control,
)
from cgmm.simulate import counts
from tests.pp.made import problems, saved


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> ad.AnnData:
    folder = tmp_path_factory.mktemp("embed")
    adata = counts(n_cells=400, n_genes=300, n_donors=2, random_state=0)
    base = saved(folder, "x", adata)
    names = list(dict.fromkeys(adata.obs["sample"].astype(str)))
    samples = [
        replace(
            base,
            sample=name,
            condition=name.split("_")[0],
            donor=name.split("_")[1],
            batch="AB"[i % 2],
            obs_column="sample",
            obs_value=name,
        )
        for i, name in enumerate(names)
    ]
    joined = join_samples(samples)
    quality_control(joined, min_genes=10, min_cells=3)
    normalise(joined)
    return joined


def test_embed_is_repeatable_and_signed(simulated: ad.AnnData) -> None:
    first, second = simulated.copy(), simulated.copy()
    facts = embed(first, n_top_genes=250, n_pcs=8, n_dims=5)
    embed(second, n_top_genes=250, n_pcs=8, n_dims=5)
    for key in ("X_pca", "X_umap"):
        np.testing.assert_array_equal(first.obsm[key], second.obsm[key])
    assert facts["use_rep"] == "X_pca"
    assert facts["n_dims"] == 5
    assert facts["n_genes_used"] == first.var["highly_variable"].sum() == 250
    assert first.obsm["X_pca"].shape == (first.n_obs, 8)
    loadings = first.varm["PCs"]
    assert (loadings[np.abs(loadings).argmax(axis=0), np.arange(8)] > 0).all()
    # principal components are centred, uncorrelated, and explain what is recorded
    cov = np.cov(first.obsm["X_pca"].T.astype(float))
    np.testing.assert_allclose(cov - np.diag(np.diag(cov)), 0, atol=1e-2 * cov.max())
    assert np.all(np.diff(facts["variance_ratio"]) <= 0)
    # the projection is the one that loadings describe
    dense = first.X.toarray().astype(float)
    np.testing.assert_allclose(
        (dense - dense.mean(axis=0)) @ loadings, first.obsm["X_pca"], atol=1e-2
    )


def test_given_representation_is_not_touched(simulated: ad.AnnData) -> None:
    adata = simulated.copy()
    given = np.random.default_rng(0).normal(size=(adata.n_obs, 6)).astype(np.float32)
    adata.obsm["X_scVI"] = given.copy()
    facts = embed(adata, use_rep="X_scVI", n_dims=20, integrate="none")
    assert facts["use_rep"] == "X_scVI"
    assert facts["n_dims"] == 6
    assert facts["variance_ratio"] is None
    assert "X_pca" not in adata.obsm
    np.testing.assert_array_equal(adata.obsm["X_scVI"], given)


def test_harmony_removes_a_batch_offset(simulated: ad.AnnData) -> None:
    adata = simulated.copy()
    in_b = (adata.obs["batch"] == "B").to_numpy()
    dense = adata.X.toarray()
    dense[np.ix_(in_b, np.arange(0, adata.n_vars, 3))] += 0.3
    adata.X = sp.csr_matrix(dense)
    facts = embed(adata, n_pcs=8, n_dims=8, integrate="harmony")
    assert facts["use_rep"] == "X_pca_harmony"
    assert [n["level"] for n in facts["notices"]] == ["info"]

    def gap(points: np.ndarray) -> float:
        between = np.linalg.norm(points[in_b].mean(axis=0) - points[~in_b].mean(axis=0))
        return float(between / points.std())

    assert gap(adata.obsm["X_pca_harmony"]) < 0.5 * gap(adata.obsm["X_pca"])


def test_harmony_says_when_it_removes_the_condition(simulated: ad.AnnData) -> None:
    adata = simulated.copy()
    adata.obs["batch"] = adata.obs["condition"]
    facts = embed(adata, n_pcs=5, n_dims=5, integrate="harmony")
    assert facts["notices"][-1]["level"] == "warning"
    assert "between the conditions too" in facts["notices"][-1]["text"]


def test_harmony_without_batches_is_refused(simulated: ad.AnnData) -> None:
    adata = simulated.copy()
    adata.obs["batch"] = "one"
    with pytest.raises(InputError, match="at least two batches"):
        embed(adata, n_pcs=5, integrate="harmony")
    del adata.obs["batch"]
    with pytest.raises(InputError, match="column `batch`"):
        embed(adata, n_pcs=5, integrate="harmony")


def test_cytometry_stays_as_it_is(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(120, 7)).astype(np.float32)
    adata = ad.AnnData(
        X=values,
        obs=pd.DataFrame(index=pd.Index([f"e{i}" for i in range(120)], dtype=object)),
        var=pd.DataFrame(index=pd.Index([f"CD{i}" for i in range(7)], dtype=object)),
    )
    other = adata.copy()
    other.X = rng.normal(size=(120, 7)).astype(np.float32)
    pair = [saved(tmp_path, "a", adata), saved(tmp_path, "b", other)]
    assert "negative values" in problems(pair)
    check_samples(pair, modality="cytometry")
    joined = join_samples(pair, modality="cytometry")
    table = quality_control(joined, modality="cytometry")
    normalise(joined, modality="cytometry")
    np.testing.assert_array_equal(joined.X[:120], values)
    assert list(table["n_cells_kept"]) == [120, 120]
    facts = embed(joined, modality="cytometry")
    assert facts["n_dims"] == 7
    # a full rotation keeps all distances: nothing is lost
    centred = joined.X - joined.X.mean(axis=0)
    np.testing.assert_allclose(
        np.linalg.norm(joined.obsm["X_pca"], axis=1), np.linalg.norm(centred, axis=1), rtol=1e-4
    )


def test_too_little_for_principal_components(pair: list[Sample]) -> None:
    adata = join_samples(pair)[:2].copy()
    normalise(adata)
    with pytest.raises(InputError, match="too few"):
        embed(adata)
