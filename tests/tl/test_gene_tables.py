"""Tables of genes: programmes, ranks, which genes are kept."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

import cgmm as cg
from tests.tl.truth import programme_of


def test_a_programme_of_all_is_common(everywhere: ad.AnnData) -> None:
    cg.tl.genes(everywhere, n_genes=None)
    table = cg.get.genes(everywhere)
    total = table["common_change"] + table["specific_change"]
    np.testing.assert_allclose(total, table["log2_change"])
    resp = programme_of(everywhere)
    assert (resp["scope"] == "common").mean() > 0.9
    assert resp["common_change"].mean() == pytest.approx(1.5, abs=0.4)
    rest = table[table["gene"].str.match("GENE|MT")]
    assert (rest["scope"] == "common").mean() < 0.02


def test_a_programme_of_some_is_specific(somewhere: ad.AnnData) -> None:
    cg.tl.genes(somewhere, n_genes=None)
    resp = programme_of(somewhere)
    assert (resp["scope"] == "specific").mean() > 0.9
    assert resp["common_change"].abs().max() < 0.3
    assert set(resp["n_specific"]) <= {1, 2, 3}
    specific = resp.groupby("name")["specific_change"].mean()
    assert specific["Alpha"] > 1.3
    assert 0.5 < specific["Gamma"] < specific["Alpha"]
    assert specific.drop(["Alpha", "Gamma"]).abs().max() < 0.3


def test_genes_restrict_and_keep(fitted: ad.AnnData) -> None:
    cg.tl.genes(fitted, n_genes=5)
    few = cg.get.genes(fitted)
    cg.tl.genes(fitted, n_genes=None)
    everything = cg.get.genes(fitted)
    assert len(few) < len(everything) == 6 * fitted.n_vars
    common = few.merge(everything, on=["component", "gene"], suffixes=("", "_all"))
    assert len(common) == len(few)
    np.testing.assert_array_equal(common["log2_change"], common["log2_change_all"])
    # a gene in anyone's first twenty is there for everyone, so that a table can be made
    expressed = everything[["fraction_source", "fraction_target"]].max(axis=1) >= 0.1
    expressed &= everything["ambient_share"] < 0.5
    top = everything.loc[(everything["rank"] <= 20) & expressed, "gene"].unique()
    assert few[few["gene"].isin(top)].groupby("gene").size().eq(6).all()
    size = everything["log2_change"].abs()
    ranked = everything.assign(size=size).sort_values(["component", "rank"])
    expressed = ranked[ranked[["fraction_source", "fraction_target"]].max(axis=1) >= 0.1]
    # those that contamination may have made come last
    own = expressed[expressed["ambient_share"] < 0.5]
    last = own.groupby("component")["rank"].max()
    others = expressed[expressed["ambient_share"] >= 0.5]
    assert (others["rank"] > others["component"].map(last)).all()
    expressed = own
    assert (expressed.groupby("component")["size"].diff().dropna() <= 1e-12).all()
