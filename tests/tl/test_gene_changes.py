"""Changes of mean expression are those that were simulated."""

from __future__ import annotations

import anndata as ad
import numpy as np

import cgmm as cg
from cgmm._anndata.comparison import Comparison
from cgmm._anndata.sides import take_sides
from cgmm.tl._gene_changes import groups


def test_the_programme_leads_where_it_was_simulated(fitted: ad.AnnData) -> None:
    genes = cg.get.genes(fitted)
    leading = genes[genes["rank"] <= 10].groupby("name")["gene"]
    programme = leading.agg(lambda g: g.str.startswith("RESP").mean())
    assert programme[programme.index.str.startswith("ALPHA")].item() == 1.0
    assert programme[programme.index.str.startswith("BETA")].item() < 0.5
    alpha = genes[genes["name"].str.startswith("ALPHA") & genes["gene"].str.startswith("RESP")]
    # simulated log2 increase 2, seen through size factors, log1p and donors
    assert 1.5 < alpha["log2_change"].mean() < 2.3
    assert (alpha["scope"] != "").all()


def test_values_that_are_no_counts_have_no_ambient_share(somewhere: ad.AnnData) -> None:
    cg.tl.genes(somewhere, natural_log=False)
    table = cg.get.genes(somewhere)
    assert table["ambient_share"].isna().all()
    in_units = table.set_index(["name", "gene"])["loading_change"].dropna()
    cg.tl.genes(somewhere)
    in_log2 = cg.get.genes(somewhere).set_index(["name", "gene"])["loading_change"]
    both = in_units.index.intersection(in_log2.index)
    np.testing.assert_allclose(in_log2[both], in_units[both] / np.log(2))


def test_what_a_component_became_sums_to_one(fitted: ad.AnnData) -> None:
    fit = cg.get.fit(fitted)
    sides = take_sides(fitted, Comparison.from_params(cg.get.params(fitted)))
    coupled = groups(sides, np.asarray(fitted.obsm["cgmm_responsibilities"]), fit)
    assert [r.shape for r in coupled.responsibilities] == [(800, 6), (800, 6)]
    parts = coupled.became(coupled.responsibilities.target.sum(axis=0))
    np.testing.assert_allclose(parts.sum(axis=1), 1)
