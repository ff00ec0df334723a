from __future__ import annotations

from collections.abc import Callable, Iterator

import anndata as ad
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import cgmm as cg
from cgmm._utils.labels import spread
from cgmm.pl._style import colours

ON_AXES = ("factors", "transfers", "flow", "components", "shifts")


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


def overlaps(texts: list) -> int:
    boxes = [t.get_window_extent() for t in texts if t.get_text().strip()]
    # boxes of text carry a margin above and below the letters
    small = [b.shrunk(1, 0.75).translated(0, b.height / 8) for b in boxes]
    return sum(a.overlaps(b) for i, a in enumerate(small) for b in small[:i])


@pytest.mark.parametrize("name", ON_AXES)
def test_draws_on_the_given_axes_or_on_new_ones(fitted: ad.AnnData, name: str) -> None:
    before = fitted.copy()
    made = getattr(cg.pl, name)(fitted)
    assert isinstance(made, Axes)
    made.figure.canvas.draw()
    figure, ax = plt.subplots()
    assert getattr(cg.pl, name)(fitted, ax=ax) is ax
    figure.canvas.draw()
    assert set(fitted.uns) == set(before.uns)
    assert list(fitted.obs) == list(before.obs)


def test_donors_have_a_panel_each(fitted: ad.AnnData) -> None:
    figure = cg.pl.donors(fitted)
    assert isinstance(figure, Figure)
    titles = {ax.get_title().split("  ")[0] for ax in figure.axes if ax.get_title()}
    assert titles == set(cg.get.factors(fitted)["name"])
    figure.canvas.draw()


def test_donors_need_donors(simulated: ad.AnnData, fit: cg.CoupledFit, call: dict) -> None:
    cg.tl.annotate(simulated, fit, **call)
    with pytest.raises(ValueError, match="no donors"):
        cg.pl.donors(simulated)
    cg.pl.factors(simulated).figure.canvas.draw()


def test_forest_shows_the_numbers_of_the_table(fitted: ad.AnnData) -> None:
    table = cg.get.factors(fitted).sort_values("log2_net")
    ax = cg.pl.factors(fitted)
    assert [t.get_text() for t in ax.get_yticklabels()] == list(table["name"])
    points = [line for line in ax.lines if line.get_marker() in ("o", "^", "v")]
    drawn = {round(float(p.get_ydata()[0])): float(p.get_xdata()[0]) for p in points}
    np.testing.assert_allclose([drawn[i] for i in range(len(table))], table["log2_net"])
    bars = [line for line in ax.lines if line.get_linewidth() == 2.2]
    ends = {round(float(b.get_ydata()[0])): tuple(b.get_xdata()) for b in bars}
    for i, row in enumerate(table.itertuples()):
        assert ends[i] == pytest.approx((row.ci_low, row.ci_high))
        # colour and shape speak of the interval, not of the point
        marker = next(p.get_marker() for p in points if round(float(p.get_ydata()[0])) == i)
        assert marker == ("^" if row.ci_low > 0 else "v" if row.ci_high < 0 else "o")


def test_heatmap_rows_sum_to_a_hundred(fitted: ad.AnnData) -> None:
    for values, axis in (("share_of_source", 1), ("share_of_target", 0)):
        ax = cg.pl.transfers(fitted, values=values)
        np.testing.assert_allclose(ax.collections[0].get_array().sum(axis=axis), 100, atol=0.1)
    with pytest.raises(ValueError, match="must be one of"):
        cg.pl.transfers(fitted, values="mass")


def test_ribbons_have_the_width_of_the_shares(fitted: ad.AnnData, fit: cg.CoupledFit) -> None:
    ax = cg.pl.flow(fitted)
    ribbons = [p for p in ax.patches if len(p.get_path().vertices) == 9]
    left = sum(r.get_path().vertices[7, 1] - r.get_path().vertices[0, 1] for r in ribbons)
    right = sum(r.get_path().vertices[4, 1] - r.get_path().vertices[3, 1] for r in ribbons)
    assert left == pytest.approx(1, abs=0.02)
    assert right == pytest.approx(1, abs=0.02)


def test_dimensions_must_exist(fitted: ad.AnnData) -> None:
    with pytest.raises(ValueError, match="two different numbers from 0 to 5"):
        cg.pl.components(fitted, dims=(0, 6))


def test_thirty_subpopulations_stay_readable(couple: Callable) -> None:
    k = 30
    rng = np.random.default_rng(0)
    drawn = cg.simulate.points(
        n_components=k,
        n_dims=6,
        n_cells=1500,
        n_donors=3,
        shares=rng.dirichlet(np.ones(k)),
        log2_change=rng.normal(size=k),
    )
    adata = drawn.to_anndata()
    truth = drawn.truth
    start = [
        cg.GaussianMixture(truth[f"shares_{s}"], truth[f"{s}_means"], truth["covariances"])
        for s in ("source", "target")
    ]
    fit = couple(*start)
    cg.tl.annotate(
        adata,
        fit,
        condition_key="condition",
        source="source",
        target="target",
        donor_key="donor",
        name_by="cell_type",
    )
    for name in ON_AXES:
        ax = getattr(cg.pl, name)(adata)
        ax.figure.canvas.draw()
        if name == "components":
            continue  # numbers of overlapping components overlap; the list beside them does not
        assert overlaps(ax.get_yticklabels()) == 0
        if name == "flow":
            assert overlaps(ax.texts) == 0
    cg.pl.donors(adata).canvas.draw()
    adata.obsm["X_umap"] = drawn.points[:, :2]
    figure = cg.pl.embedding(adata)
    figure.canvas.draw()
    assert overlaps(figure.axes[1].get_legend().get_texts()) == 0


def test_spread_keeps_order_and_distance() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        x = rng.random(12)
        y = spread(x, 0.05, 0.0, 1.0)
        order = np.argsort(x)
        assert (np.diff(y[order]) >= 0.05 - 1e-9).all()
        assert y.min() >= 0
        assert y.max() <= 1 + 1e-9
    far = np.array([0.1, 0.5, 0.9])
    np.testing.assert_allclose(spread(far, 0.05, 0, 1), far)


def test_colours_are_all_different() -> None:
    assert len(set(colours(36))) == 36


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
