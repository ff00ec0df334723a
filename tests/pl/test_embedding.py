"""Maps show cells, numbers and arrows where they belong."""

from __future__ import annotations

import anndata as ad
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import cgmm as cg


@pytest.mark.parametrize("color", ["component", "log2_net_factor", "shift"])
@pytest.mark.parametrize("arrows", ["components", "grid", None])
def test_maps_have_two_panels_or_one(
    coming_and_going: ad.AnnData, color: str, arrows: str | None
) -> None:
    adata = coming_and_going
    figure = cg.pl.embedding(adata, color=color, arrows=arrows)
    assert isinstance(figure, Figure)
    assert [ax.get_title() for ax in figure.axes if ax.get_title()] == ["source", "target"]
    assert ("a drawing" in figure.get_supxlabel()) == (arrows is not None)
    figure.canvas.draw()
    made, ax = plt.subplots()
    assert cg.pl.embedding(adata, color=color, arrows=arrows, ax=ax) is ax
    assert isinstance(cg.pl.embedding(adata, color=color, panels="target"), Axes)
    made.canvas.draw()


def test_maps_take_only_what_there_is(coming_and_going: ad.AnnData) -> None:
    _, ax = plt.subplots()
    for change, sentence in (
        ({"color": "gene"}, "color='gene' must be one of component"),
        ({"panels": "left"}, "panels='left' must be one of both"),
        ({"arrows": "all"}, "arrows='all' must be one of components, grid, None"),
        ({"panels": "both", "ax": ax}, "a figure of its own"),
    ):
        with pytest.raises(ValueError, match=sentence):
            cg.pl.embedding(coming_and_going, **change)
    with pytest.raises(KeyError, match="'X_tsne' is not in obsm; there are X_pca"):
        cg.pl.embedding(coming_and_going, basis="X_tsne")


def test_numbers_on_a_map_say_who_came_from_whom(coming_and_going: ad.AnnData) -> None:
    left, right = cg.pl.embedding(coming_and_going).axes
    numbers = [{t.get_text() for t in ax.texts if t.get_text()} for ax in (left, right)]
    order = cg.get.factors(coming_and_going).sort_values("share_source", ascending=False)["name"]
    gone = str(list(order).index("Alpha") + 1)
    assert numbers[0] == {"1", "2", "3", "4"}
    assert numbers[1] == (numbers[0] - {gone}) | {"new"}
    legend = [t.get_text() for t in right.get_legend().get_texts()]
    assert legend == [f"{i}  {name}" for i, name in enumerate(order, start=1)]


def test_arrows_lead_where_the_cells_land(coming_and_going: ad.AnnData) -> None:
    """On a map that is a projection, an arrow is the shift of the means."""
    fit = cg.get.fit(coming_and_going)
    ax = cg.pl.embedding(coming_and_going, panels="source")
    arrows = [t for t in ax.texts if getattr(t, "arrow_patch", None) is not None]
    assert len(arrows) == 3  # the first type is gone: no arrow
    starts, finish = (np.array([getattr(t, which) for t in arrows]) for which in ("xyann", "xy"))
    np.testing.assert_allclose(starts, np.asarray(fit.source.means)[1:, :2], atol=0.5)
    np.testing.assert_allclose(finish, np.asarray(fit.target.means)[:3, :2], atol=0.5)


def test_a_map_of_some_cells_says_how_many_it_shows(fitted: ad.AnnData) -> None:
    adata = fitted.copy()
    there = np.random.default_rng(0).random(adata.n_obs) < 0.4
    places = np.random.default_rng(1).normal(size=(adata.n_obs, 2))
    adata.obsm["X_umap"] = places
    assert "are on this map" not in cg.pl.embedding(adata).get_supxlabel()
    places[~there] = np.nan
    figure = cg.pl.embedding(adata)
    figure.canvas.draw()
    n_cells = adata.obs["condition"].astype(str).isin(["control", "treated"]).to_numpy()
    words = f"{(there & n_cells).sum():,} of {n_cells.sum():,} cells are on this map."
    assert words in figure.get_supxlabel()
    assert words in cg.pl.embedding(adata, arrows=None).get_supxlabel()
    assert words in cg.pl.embedding(adata, panels="overlay").figure.get_supxlabel()
    places[:] = np.nan
    with pytest.raises(ValueError, match="has a place on 'X_umap'"):
        cg.pl.embedding(adata)
