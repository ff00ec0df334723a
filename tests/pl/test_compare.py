"""The heatmap of several comparisons shows the table."""

from __future__ import annotations

import anndata as ad
import numpy as np

import cgmm as cg


def test_the_heatmap_shows_the_table(drawn: ad.AnnData) -> None:
    keys = ["cgmm", "cgmm_target"]
    table = cg.get.compare(drawn, keys, by="cell_type")
    ax = cg.pl.compare(drawn, keys, by="cell_type")
    names = [t.get_text() for t in ax.get_yticklabels()]
    shown = np.asarray(ax.collections[0].get_array()).reshape(len(names), len(keys))
    wide = table.pivot(index="name", columns="key", values="log2_net").loc[names, keys]
    np.testing.assert_allclose(shown, wide)
    dots = {t.get_text() for t in ax.texts}
    assert any("●" in dot for dot in dots) == bool((table["q"] < 0.05).any())
    first = table[table["key"] == "cgmm"].set_index("name")["share_source"]
    assert names == list(first.sort_values(ascending=False, kind="stable").index)


def test_the_heatmap_of_an_annotation_shows_its_populations(drawn: ad.AnnData) -> None:
    keys = ["cgmm", "cgmm_target"]
    table = cg.get.compare(drawn, keys, level="population")
    of_first = table[table["key"] == "cgmm"].drop(columns=["key", "target"])
    expected = cg.get.populations(drawn)
    np.testing.assert_array_equal(of_first["name"], expected["name"])
    np.testing.assert_array_equal(of_first["log2_net"], expected["log2_net"])
    ax = cg.pl.compare(drawn, keys, level="population")
    names = [t.get_text() for t in ax.get_yticklabels()]
    assert sorted(names) == sorted(expected["name"])
