"""Expression of marker genes in every population: both conditions count equally."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd

import cgmm as cg
from cgmm.genes.change import ExpressionMoments
from cgmm.pair import Pair
from cgmm.tl._marker_expression import marker_expression


def test_means_and_fractions_are_those_of_the_cells(somewhere: ad.AnnData) -> None:
    cg.tl.genes(somewhere, de=False)
    table = cg.get.markers(somewhere)
    row = table[(table["marker_of"] == "Alpha") & (table["name"] == "Beta")].iloc[0]
    x = np.asarray(somewhere[:, row["gene"]].to_df()).ravel()
    obs = somewhere.obs.assign(x=x, on=x > 0)[somewhere.obs["cell_type"] == "Beta"]
    per_donor = obs.groupby(["condition", "donor"], observed=True)[["x", "on"]]
    # donors count by their weights within a condition, conditions equally
    assert per_donor.mean().min()["x"] <= row["mean"] <= per_donor.mean().max()["x"]
    assert abs(row["mean"] - obs.groupby("condition", observed=True)["x"].mean().mean()) < 0.02
    assert abs(row["fraction"] - obs.groupby("condition", observed=True)["on"].mean().mean()) < 0.02


def test_a_marker_is_highest_where_it_marks(somewhere: ad.AnnData) -> None:
    cg.tl.genes(somewhere, de=False)
    table = cg.get.markers(somewhere)
    listed = cg.get.components(somewhere, level="population").drop_duplicates("name")
    for name, genes in zip(listed["name"], listed["markers"], strict=True):
        own = table[(table["marker_of"] == name) & (table["name"] == name)].sort_values("rank")
        assert ", ".join(own["gene"]) == genes
        assert (own["scaled_mean"] == 1).all()
    spread = table.groupby(["marker_of", "gene"])["scaled_mean"]
    assert (spread.min() == 0).all()
    assert set(table.groupby(["marker_of", "gene"]).size()) == {listed["name"].nunique()}


def test_names_of_genes_are_those_that_are_shown(somewhere: ad.AnnData) -> None:
    somewhere.var["symbol"] = "s" + somewhere.var_names.astype(str)
    cg.tl.genes(somewhere, de=False, gene_symbols="symbol")
    table = cg.get.markers(somewhere)
    assert len(table)
    assert table["gene"].str.startswith("s").all()


def test_components_have_no_markers_in_this_table(somewhere: ad.AnnData) -> None:
    cg.tl.genes(somewhere, de=False, level="state")
    assert cg.get.markers(somewhere).empty


def test_cytometry_has_no_fractions(somewhere: ad.AnnData) -> None:
    cg.tl.genes(somewhere, de=False, natural_log=False)
    table = cg.get.markers(somewhere)
    assert table["fraction"].isna().all()
    assert table["mean"].notna().all()


def test_a_population_of_one_condition_has_the_values_of_this_condition() -> None:
    mean = np.array([[1.0, 5.0], [np.nan, np.nan]]), np.array([[3.0, 5.0], [8.0, 1.0]])
    sides = Pair(*(ExpressionMoments(m, m / 10, np.ones(2)) for m in mean))
    listed = pd.DataFrame({"name": ["a", "new", "other"], "markers": ["", "x, absent", "y"]})
    genes = np.array(["x", "y"], dtype=object)
    table = marker_expression(
        listed, sides, ["a", "new"], var_names=genes, shown=genes, fractions=True
    )
    assert list(table["marker_of"]) == ["new", "new"]
    assert list(table["gene"]) == ["x", "x"]
    assert list(table["mean"]) == [2.0, 8.0]
    assert list(table["fraction"]) == [0.2, 0.8]
    assert list(table["scaled_mean"]) == [0.0, 1.0]
