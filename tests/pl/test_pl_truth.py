"""Figures show the numbers of the tables: widths, lengths, positions, arrows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import anndata as ad
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import cgmm as cg
from cgmm.pl._landing import by_component, by_grid, landing
from cgmm.pl._style import NEW, apart, panels, to_rgb


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture
def coming_and_going(couple: Callable) -> ad.AnnData:
    """Five types: Alpha is gone, Epsilon is new, Beta doubles, Delta halves; all on a map."""
    drawn = cg.simulate.points(
        n_components=5,
        shares=[0.2, 0.2, 0.3, 0.2, 0.1],
        log2_change=[-np.inf, 1.0, 0.0, -1.0, 0.0],
        separation=24,
        shift=2.0,
    )
    truth = drawn.truth
    keep = ~((drawn.condition == "source") & (drawn.component == 4))
    sides = [
        cg.GaussianMixture(
            truth[f"shares_{s}"][rows] / truth[f"shares_{s}"][rows].sum(),
            truth[f"{s}_means"][rows],
            truth["covariances"][rows],
        )
        for s, rows in (("source", slice(0, 4)), ("target", slice(1, 5)))
    ]
    adata = drawn.to_anndata()[keep].copy()
    adata.obsm["X_umap"] = np.array(adata.obsm["X_pca"][:, :2])
    cg.tl.annotate(
        adata,
        couple(*sides),
        condition_key="condition",
        source="source",
        target="target",
        donor_key="donor",
        name_by="cell_type",
    )
    return adata


def patches(ax: Axes, prefix: str) -> dict[str, object]:
    return {str(p.get_gid()): p for p in ax.patches if str(p.get_gid()).startswith(prefix)}


def ends(ribbon: object) -> tuple[float, float]:
    """Width of a ribbon where it leaves and where it arrives."""
    path = ribbon.get_path().vertices  # type: ignore[attr-defined]
    return path[7, 1] - path[0, 1], path[4, 1] - path[3, 1]


@pytest.mark.parametrize("color", ["subpopulation", "change"])
def test_every_ribbon_and_bar_is_as_wide_as_its_number(
    coming_and_going: ad.AnnData, color: str
) -> None:
    ax = cg.pl.flow(coming_and_going, color=color)
    ribbons, bars = patches(ax, "ribbon"), patches(ax, "bar")
    table = cg.get.transfers(coming_and_going).query("mass > 0.001")
    factors, arrivals = cg.get.factors(coming_and_going), cg.get.arrivals(coming_and_going)
    assert len(ribbons) == len(table) == 3
    for row in table.itertuples():
        left, right = ends(ribbons[f"ribbon-{row.source_component}-{row.target_component}"])
        assert left == pytest.approx(row.mass)
        share = arrivals["share_target"][row.target_component]
        assert right == pytest.approx(row.share_of_target * share)
    for side, shares in (
        ("source", factors["share_source"]),
        ("target", arrivals["share_target"]),
    ):
        heights = [bars[f"bar-{side}-{i}"].get_height() for i in range(len(shares))]
        np.testing.assert_allclose(heights, shares)
    texts = {t.get_text().split("  ")[0]: t.get_text() for t in ax.texts}
    assert texts["Alpha"].endswith("gone")
    assert texts["Epsilon"].endswith("new")
    assert bars["bar-target-3"].get_facecolor()[:3] == pytest.approx(to_rgb(NEW))


def test_ribbons_that_widen_are_orange(coming_and_going: ad.AnnData) -> None:
    ribbons = patches(cg.pl.flow(coming_and_going, color="change"), "ribbon")
    for name, widens in (("ribbon-1-0", True), ("ribbon-3-2", False)):
        left, right = ends(ribbons[name])
        red, _, blue, _ = ribbons[name].get_facecolor()
        assert (right > left) == widens == (red > blue)
    with pytest.raises(ValueError, match="color='size' must be one of"):
        cg.pl.flow(coming_and_going, color="size")


@pytest.mark.parametrize("by", [None, "cell_type", "donor"])
def test_sums_are_drawn_as_they_are_tabulated(fitted: ad.AnnData, by: str | None) -> None:
    table = cg.get.factors(fitted, by=by).dropna(subset="log2_net").sort_values("log2_net")
    ax = cg.pl.factors(fitted, by=by)
    assert [t.get_text() for t in ax.get_yticklabels()] == list(table["name"])
    ax = cg.pl.transfers(fitted, by=by)
    names = [[t.get_text() for t in axis.get_ticklabels()] for axis in (ax.yaxis, ax.xaxis)]
    values = np.asarray(ax.collections[0].get_array()).reshape(len(names[0]), len(names[1]))
    shown = pd.DataFrame(values, *names)
    for row in cg.get.transfers(fitted, by=by).itertuples():
        if row.share_of_source > 0:
            value = shown.loc[row.source, row.target]
            assert value == pytest.approx(100 * row.share_of_source, abs=1e-4)
    widths = [ends(p) for p in patches(cg.pl.flow(fitted, by=by), "ribbon").values()]
    total = table["share_target"].sum()
    np.testing.assert_allclose(np.sum(widths, axis=0), [1, total], atol=0.01)


def test_targets_stand_opposite_their_sources(coming_and_going: ad.AnnData) -> None:
    for by in (None, "cell_type"):
        ax = cg.pl.transfers(coming_and_going, by=by)
        rows = [t.get_text() for t in ax.get_yticklabels()]
        columns = [t.get_text() for t in ax.get_xticklabels()]
        assert "Alpha (gone)" in rows
        assert columns[-1] == "Epsilon (new)"
        assert columns[:-1] == [r for r in rows if "gone" not in r]


def test_bars_and_points_of_shifts_are_the_table(fitted: ad.AnnData) -> None:
    table = cg.get.shifts(fitted)
    table = table[table["share_of_source"] >= 0.1].sort_values("total_shift_sd")
    ax = cg.pl.shifts(fitted)
    np.testing.assert_allclose([p.get_width() for p in ax.patches], table["total_shift_sd"])
    np.testing.assert_allclose(ax.lines[0].get_xdata(), table["mean_shift_sd"])
    shape, mean = np.asarray(ax.lines[1].get_xdata()), table["mean_shift_sd"].to_numpy()
    np.testing.assert_allclose(np.hypot(shape, mean), table["total_shift_sd"])


def test_points_of_donors_are_the_table(fitted: ad.AnnData) -> None:
    figure = cg.pl.donors(fitted)
    table = cg.get.carried_donors(fitted)
    order = cg.get.factors(fitted).sort_values("share_source", ascending=False)["component"]
    for ax, component in zip(figure.axes, order, strict=True):
        part = table[(table["component"] == component) & (table["side"] == "source")]
        points = next(line for line in ax.lines if line.get_marker() == "o")
        np.testing.assert_allclose(points.get_ydata(), part["share"] + 0.5 / part["n_cells"])


@pytest.mark.parametrize("dims", [(0, 1), (4, 2)])
def test_ellipses_are_the_components(fitted: ad.AnnData, dims: tuple[int, int]) -> None:
    fit, pair = cg.get.fit(fitted), list(dims)
    ellipses = cg.pl.components(fitted, dims=dims).patches
    mixtures = (fit.source, fit.target)
    assert len(ellipses) == sum(m.n_components for m in mixtures)
    means = np.concatenate([np.asarray(m.means)[:, pair] for m in mixtures])
    shapes = np.concatenate([np.asarray(m.covariances)[:, pair][:, :, pair] for m in mixtures])
    for ellipse, mean, shape in zip(ellipses, means, shapes, strict=True):
        assert ellipse.center == pytest.approx(tuple(mean))
        axes = np.array([ellipse.width, ellipse.height]) / 2
        angle = np.radians(ellipse.angle)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        got = turn @ np.diag(axes**2) @ turn.T
        np.testing.assert_allclose(got, 1.5**2 * shape, rtol=1e-6, atol=1e-9)


# The map ---------------------------------------------------------------------------


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


def test_landing_is_among_the_nearest_targets() -> None:
    rng = np.random.default_rng(0)
    target = rng.normal(size=(300, 5))
    target[150:] += 30
    xy = rng.normal(size=(300, 2))
    xy[150:] += [100, 0]
    goal = np.array([[0.0] * 5, [30.0] * 5])
    np.testing.assert_allclose(landing(goal, target, xy), [[0, 0], [100, 0]], atol=1.0)
    assert len(landing(goal, target[:3], xy[:3])) == 2  # fewer cells than neighbours
    start = np.concatenate([np.zeros((20, 2)), np.full((20, 2), 10.0), [[5.0, 5.0]]])
    arrows = by_grid(start, start + [1, 2])
    assert len(arrows.start) == 2  # the lone cell makes no arrow
    np.testing.assert_allclose(arrows.end - arrows.start, [[1, 2]] * 2)
    one = by_component(start[:40], start[:40] + 3, np.repeat([4, 7], 20))
    assert list(one.of) == [4, 7]
    np.testing.assert_allclose(one.end - one.start, 3)


# Style -----------------------------------------------------------------------------


def test_labels_are_moved_apart_but_not_away() -> None:
    _, ax = plt.subplots(figsize=(5, 5))
    ax.set_xlim(0, 100)
    ax.set_ylim(0, 100)
    points = np.concatenate([np.full((4, 2), 50.0), [[20.0, 20.0], [21.0, 20.0], [80.0, 30.0]]])
    moved = apart(ax, points, size=8)
    unit = 100 / (72 * np.array(ax.get_window_extent().size) / ax.figure.dpi)
    gaps = np.linalg.norm((moved[:, None] - moved[None]) / unit, axis=-1)
    assert gaps[np.triu_indices(len(gaps), 1)].min() > 8
    assert np.linalg.norm((moved - points) / unit, axis=1).max() <= 16 + 1e-9
    far = np.array([[10.0, 10.0], [90.0, 90.0]])
    np.testing.assert_allclose(apart(ax, far, size=8), far)


def test_panels_fill_rows_and_hide_the_rest() -> None:
    figure, axes = panels(5, n_columns=3, width=1, height=1, sharex=True)
    assert len(axes) == 5
    assert [ax.get_visible() for ax in figure.axes] == [True] * 5 + [False]
    figure, axes = panels(2, n_columns=6, width=1, height=1)
    assert len(figure.axes) == len(axes) == 2
