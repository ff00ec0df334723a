"""Loadings give the change of expression, or a reason why not."""

from __future__ import annotations

from collections.abc import Callable

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cgmm as cg
from tests.tl.truth import programme_of


def test_loadings_give_the_change_of_expression(somewhere: ad.AnnData) -> None:
    cg.tl.genes(somewhere, n_genes=None)
    agreement = cg.get.gene_agreement(somewhere).set_index("name")
    assert (agreement["loading_reason"] == "").all()
    # 150 of the genes went into the PCA of the fixture
    assert agreement["n_loading"].between(50, 150).all()
    assert agreement.loc["Alpha", "r_expression_loading"] > 0.5
    resp = programme_of(somewhere).dropna(subset="loading_change")
    alpha = resp[resp["name"] == "Alpha"]
    assert np.corrcoef(alpha["loading_change"], alpha["log2_change"])[0, 1] > 0.7
    assert alpha["loading_change"].mean() == pytest.approx(alpha["log2_change"].mean(), rel=0.15)
    assert (alpha["agreement"] == "all").all()
    assert resp.loc[resp["name"] == "Zeta", "loading_change"].abs().mean() < 0.3
    assert alpha["loading_log2_sd"].notna().all()


def test_genes_scaled_before_pca_are_known_by_their_sd(somewhere: ad.AnnData) -> None:
    cg.tl.genes(somewhere, n_genes=None)
    plain = cg.get.genes(somewhere)["loading_change"]
    sds = np.random.default_rng(0).uniform(0.5, 2, somewhere.n_vars)
    somewhere.varm["PCs"] = somewhere.varm["PCs"] * sds[:, None]
    cg.tl.genes(somewhere, n_genes=None)
    lost = cg.get.gene_agreement(somewhere)
    assert lost["loading_reason"].str.contains("do not give X_pca from the expression").all()
    assert cg.get.genes(somewhere)["loading_change"].isna().all()
    # (x / sd) @ (L sd) is x @ L: displacement along L sd, in units of sd
    somewhere.var["std"] = sds
    cg.tl.genes(somewhere, n_genes=None)
    order = pd.Series(sds, index=somewhere.var_names)[cg.get.genes(somewhere)["gene"]].to_numpy()
    np.testing.assert_allclose(cg.get.genes(somewhere)["loading_change"], plain * order**2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a.varm.pop("PCs"), r"varm\['X_pca'\] and varm\['PCs'\] is missing"),
        (
            lambda a: a.varm.__setitem__("PCs", a.varm["PCs"][:, :3]),
            "has 3 dimensions, but the fit used 6",
        ),
        (
            lambda a: a.varm.__setitem__("PCs", a.varm["PCs"][::-1].copy()),
            "do not give X_pca from the expression at hand",
        ),
    ],
)
def test_without_loadings_there_is_a_reason(
    somewhere: ad.AnnData, change: Callable, words: str
) -> None:
    change(somewhere)
    cg.tl.genes(somewhere, de=False)
    table, agreement = cg.get.genes(somewhere), cg.get.gene_agreement(somewhere)
    assert table[["loading_change", "loading_log2_sd"]].isna().all(axis=None)
    assert (table["agreement"] == "").all()
    assert agreement["loading_reason"].str.contains(words).all()
    assert (agreement["n_loading"] == 0).all()
    assert table["log2_change"].notna().all()
