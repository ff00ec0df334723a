"""Samples in notebooks: quality, composition, and a map."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest
from matplotlib.collections import PathCollection

import cgmm as cg


@pytest.fixture
def sampled(simulated: ad.AnnData, fit: cg.CoupledFit, call: dict) -> ad.AnnData:
    cg.tl.annotate(simulated, fit, **call, donor_key="donor", name_by="cell_type")
    simulated.obs["n_genes"] = np.arange(simulated.n_obs) + 50
    simulated.obs["pct_mt"] = np.linspace(0, 5, simulated.n_obs)
    return simulated


def test_the_median_of_every_sample_is_drawn(sampled: ad.AnnData) -> None:
    table = cg.get.sample_quality(sampled)
    figure = cg.pl.samples(sampled)
    figure.canvas.draw()
    axes = [ax for ax in figure.axes if ax.get_visible()]
    assert [ax.get_title() for ax in axes] == ["genes", "mitochondrial %"]
    for ax, measure in zip(axes, ("genes", "mitochondrial"), strict=True):
        dots = [line.get_xydata()[0] for line in ax.lines if line.get_marker() == "o"]
        drawn = [x for x, _ in sorted(dots, key=lambda at: at[1])]
        own = table.loc[table["measure"] == measure, "median"]
        np.testing.assert_allclose(drawn, own)


def test_bars_are_the_shares_of_populations(sampled: ad.AnnData) -> None:
    figure = cg.pl.samples(sampled, show="composition")
    figure.canvas.draw()
    (ax,) = figure.axes
    n = len(cg.get.samples(sampled))
    widths = np.array([patch.get_width() for patch in ax.patches]).reshape(-1, n)
    np.testing.assert_allclose(widths.sum(axis=0), 1.0)
    sample = [t.get_text() for t in ax.get_yticklabels()]
    assert sample == cg.get.samples(sampled)["sample"].to_list()
    names = [t.get_text() for t in figure.legends[0].get_texts()]
    first = sampled.obs[sampled.obs["donor"] == cg.get.samples(sampled)["donor"].iloc[0]]
    first = first[first["condition"] == cg.get.samples(sampled)["condition"].iloc[0]]
    share = first["cell_type"].value_counts(normalize=True)
    np.testing.assert_allclose(widths[:, 0], [share.get(name, 0.0) for name in names])


def test_the_map_has_every_sample_twice(sampled: ad.AnnData) -> None:
    figure = cg.pl.samples(sampled, show="map")
    figure.canvas.draw()
    for ax in figure.axes:
        (dots,) = (c for c in ax.collections if isinstance(c, PathCollection))
        assert len(dots.get_offsets()) == len(cg.get.samples(sampled))
    assert figure.axes[1].get_title().startswith("by states of populations (")


def test_what_cannot_be_drawn_gets_a_sentence(sampled: ad.AnnData) -> None:
    with pytest.raises(ValueError, match="show='umap' is not known"):
        cg.pl.samples(sampled, show="umap")
    with pytest.raises(ValueError, match="A map needs three samples, and there are 2"):
        cg.pl.samples(sampled, show="map", sample_key="condition")
    del sampled.obs["n_genes"], sampled.obs["pct_mt"]
    with pytest.raises(ValueError, match="no column with the quality of cells"):
        cg.pl.samples(sampled)
