"""Components are named by what the object has."""

from __future__ import annotations

from collections.abc import Callable

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cgmm as cg


def test_names_come_from_markers_or_from_a_column(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    truth = ["Alpha", "Beta", "Delta", "Epsilon", "Gamma", "Zeta"]
    cg.tl.annotate(simulated, fit, **call)
    markers = cg.get.components(simulated)
    found = {n.rstrip("0123456789").title() for n in markers["name"].str.split().str[0]}
    assert sorted(found) == truth
    # each marker belongs to the type that most cells of the component have
    cg.tl.annotate(simulated, fit, **call, name_by="cell_type", key_added="named")
    named = cg.get.components(simulated, key="named")
    assert sorted(named.loc[named["side"] == "source", "name"]) == truth
    assert (named["cell_type_purity"] > 0.9).all()
    for name, genes in zip(named["name"], named["markers"], strict=True):
        assert all(g.startswith(name.upper()) for g in genes.split(", "))


def test_names_without_expression_are_numbers_and_expression_may_be_elsewhere(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    bare = ad.AnnData(obs=simulated.obs.copy(), obsm={"X_pca": simulated.obsm["X_pca"]})
    cg.tl.annotate(bare, fit, **call)
    assert set(cg.get.factors(bare)["name"]) == {f"Subpopulation {i}" for i in range(1, 7)}
    with pytest.raises(ValueError, match="has no X"):
        cg.tl.genes(bare)

    order = np.random.default_rng(1).permutation(simulated.n_obs)
    elsewhere = simulated[order].copy()
    cg.tl.annotate(bare, fit, **call, expression=elsewhere)
    cg.tl.annotate(simulated, fit, **call)
    assert list(cg.get.factors(bare)["name"]) == list(cg.get.factors(simulated)["name"])
    cg.tl.genes(bare, expression=elsewhere)
    cg.tl.genes(simulated)
    pd.testing.assert_frame_equal(cg.get.genes(bare), cg.get.genes(simulated))
    with pytest.raises(ValueError, match="lacks 1 of the 1600 cells"):
        cg.tl.genes(bare, expression=elsewhere[1:])


def test_features_themselves_can_be_the_representation(couple: Callable) -> None:
    drawn = cg.simulate.points(n_components=3, n_dims=3, n_cells=400, separation=12)
    adata = drawn.to_anndata()
    panel = ad.AnnData(drawn.points, obs=adata.obs)
    panel.var_names = ["CD3", "CD19", "CD14"]
    truth = drawn.truth
    fit = couple(
        *(
            cg.GaussianMixture(truth[f"shares_{s}"], truth[f"{s}_means"], truth["covariances"])
            for s in ("source", "target")
        )
    )
    conditions = {"condition_key": "condition", "source": "source", "target": "target"}
    cg.tl.annotate(panel, fit, **conditions, use_rep="X")
    named = " ".join(cg.get.factors(panel)["name"]).split()
    assert set(named) & set(panel.var_names)
