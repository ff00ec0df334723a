"""Figures of populations show the tables of populations."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

import cgmm as cg
from tests.pl.reading import ends, patches

OF = {"level": "population"}
TAKE_LEVEL = (
    "factors",
    "flow",
    "transfers",
    "shifts",
    "donors",
    "sensitivity",
    "components",
    "embedding",
)


def test_forest_has_a_row_per_population(populated: ad.AnnData) -> None:
    table = cg.get.factors(populated, **OF).sort_values("log2_net")
    assert set(table["name"]) == set(populated.obs["cgmm_population"].dropna())
    ax = cg.pl.factors(populated, **OF)
    assert [t.get_text() for t in ax.get_yticklabels()] == list(table["name"])
    points = [line for line in ax.lines if line.get_marker() in ("o", "^", "v")]
    drawn = {round(float(p.get_ydata()[0])): float(p.get_xdata()[0]) for p in points}
    np.testing.assert_allclose([drawn[i] for i in range(len(table))], table["log2_net"])


def test_bars_of_the_flow_are_the_shares_of_populations(populated: ad.AnnData) -> None:
    table = cg.get.factors(populated, **OF)
    ax = cg.pl.flow(populated, **OF)
    bars = patches(ax, "bar")
    for side in ("source", "target"):
        heights = [bars[f"bar-{side}-{i}"].get_height() for i in range(len(table))]
        np.testing.assert_allclose(heights, table[f"share_{side}"])
    ribbons = patches(ax, "ribbon")
    for row in cg.get.transfers(populated, **OF).query("mass > 0.001").itertuples():
        k, j = row.source_component, row.target_component
        left, right = ends(ribbons[f"ribbon-{k}-{j}"])
        assert left == pytest.approx(row.share_of_source * table["share_source"][k])
        assert right == pytest.approx(row.share_of_target * table["share_target"][j])
    said = {t.get_text().split("  ")[0]: t.get_text() for t in reversed(ax.texts)}
    for row in table.itertuples():
        before, after = said[row.name].split("  ")[1].rstrip(" %").split(" → ")
        assert 100 * row.share_source == pytest.approx(float(before), abs=0.51)
        assert 100 * row.share_target == pytest.approx(float(after), abs=0.51)


def test_a_population_without_target_cells_is_gone(populated: ad.AnnData) -> None:
    obs = populated.obs
    lost = obs["cgmm_population"].cat.categories[0]
    other = obs["cgmm_population"].cat.categories[1]
    moved = (obs["cgmm_population"] == lost) & (obs["condition"] == "treated")
    obs.loc[moved, "cgmm_population"] = other
    bars = patches(cg.pl.flow(populated, **OF), "bar")
    n = len(obs["cgmm_population"].cat.categories)
    assert sum(name.startswith("bar-source") for name in bars) == n
    assert sum(name.startswith("bar-target") for name in bars) == n - 1


def test_heatmap_of_populations_is_the_table(populated: ad.AnnData) -> None:
    table = cg.get.transfers(populated, **OF)
    ax = cg.pl.transfers(populated, **OF)
    rows, columns = ([t.get_text() for t in a.get_ticklabels()] for a in (ax.yaxis, ax.xaxis))
    values = np.asarray(ax.collections[0].get_array()).reshape(len(rows), len(columns))
    for row in table.itertuples():
        shown = values[rows.index(row.source), columns.index(row.target)]
        assert shown == pytest.approx(100 * row.share_of_source, abs=1e-4)


def test_points_and_intervals_of_shifts_are_those_of_populations(populated: ad.AnnData) -> None:
    table = cg.get.populations(populated).sort_values("shift_sd")
    ax = cg.pl.shifts(populated, **OF)
    assert [t.get_text() for t in ax.get_yticklabels()] == list(table["name"])
    np.testing.assert_allclose(ax.lines[0].get_xdata(), table["shift_sd"])
    drawn = np.concatenate([s[:, 0] for c in ax.collections for s in c.get_segments()])
    np.testing.assert_allclose(sorted(drawn), sorted([*table["shift_low"], *table["shift_high"]]))


def test_donors_of_populations_are_the_table(populated: ad.AnnData) -> None:
    table = cg.get.donors(populated, **OF)
    order = cg.get.factors(populated, **OF).sort_values("share_source", ascending=False)
    for show in ("share", "shift"):
        axes = cg.pl.donors(populated, show=show, **OF).axes
        assert axes[0].get_title().startswith(order["name"].iloc[0])
        assert len(axes) == len(order)
    drawn = np.concatenate(
        [line.get_ydata() for line in cg.pl.donors(populated, **OF).axes[0].lines]
    )
    largest = table[table["component"] == order["component"].iloc[0]]
    values = largest["share"] + 0.5 / largest["n_cells"]
    assert all(np.isclose(drawn, value).any() for value in values)


def test_seeds_and_partitions_are_the_table(populated: ad.AnnData) -> None:
    others = np.array(populated.uns["cgmm"]["populations_elsewhere"])
    others[-1, 0] += 1.0  # one partition gives another factor
    populated.uns["cgmm"]["populations_elsewhere"] = others
    table = cg.get.sensitivity(populated, **OF)
    order = cg.get.factors(populated, **OF).sort_values("share_source", ascending=False)
    axes = cg.pl.sensitivity(populated, **OF).axes
    for ax, component in zip(axes, order["component"], strict=True):
        own = table[table["component"] == component]
        for line, kind in zip(ax.lines[1:], ("seed", "partition"), strict=True):
            expected = own.loc[own["parameter"] == kind, "log2_net"]
            assert len(expected) > 0
            np.testing.assert_allclose(line.get_ydata(), expected)
    said = ["not settled" not in ax.get_title() for ax in axes]
    assert said == list(order["settled"])
    assert 0 < sum(said) < len(said)


def test_labels_have_no_alternatives_to_draw(populated: ad.AnnData, call: dict) -> None:
    fit = cg.get.fit(populated)
    cg.tl.annotate(populated, fit, **call, donor_key="donor", name_by="cell_type")
    with pytest.raises(ValueError, match="labels of an annotation need none"):
        cg.pl.sensitivity(populated, **OF)


def test_ellipses_are_the_cells_of_populations(populated: ad.AnnData) -> None:
    table = cg.get.factors(populated, **OF)
    ax = cg.pl.components(populated, dims=(0, 2), **OF)
    obs, points = populated.obs, np.asarray(populated.obsm["X_pca"], float)[:, [0, 2]]
    assert len(ax.patches) == 2 * len(table)
    for i, ellipse in enumerate(ax.patches):
        side, name = divmod(i, len(table))
        own = (obs["condition"] == ("control", "treated")[side]) & (
            obs["cgmm_population"] == table["name"][name]
        )
        inside = points[own.to_numpy()]
        np.testing.assert_allclose(ellipse.center, inside.mean(axis=0), atol=1e-5)
        area = np.pi / 4 * ellipse.width * ellipse.height
        shape = np.linalg.det(np.cov(inside.T, bias=True))
        assert area == pytest.approx(np.pi * 1.5**2 * np.sqrt(shape), rel=1e-4)
    order = table.sort_values("share_source", ascending=False)["name"]
    legend = [t.get_text() for t in ax.get_legend().get_texts()][2:]
    assert legend == [f"{i}  {name}" for i, name in enumerate(order, start=1)]
    arrows = [t for t in ax.texts if getattr(t, "arrow_patch", None) is not None]
    assert len(arrows) == len(table)


def test_maps_number_populations_alike_on_both_sides(populated: ad.AnnData) -> None:
    populated.obsm["X_umap"] = np.array(populated.obsm["X_pca"][:, :2])
    table = cg.get.factors(populated, **OF)
    order = table.sort_values("share_source", ascending=False)["name"]
    figure = cg.pl.embedding(populated, **OF)
    panels = figure.axes
    numbers = [{t.get_text() for t in ax.texts if t.get_text()} for ax in panels]
    assert numbers[0] == numbers[1] == {str(i + 1) for i in range(len(order))}
    legend = [t.get_text() for t in panels[1].get_legend().get_texts()]
    assert legend == [f"{i}  {name}" for i, name in enumerate(order, start=1)]
    arrows = [t for t in panels[0].texts if getattr(t, "arrow_patch", None) is not None]
    assert len(arrows) == len(order)


def test_maps_show_the_factor_of_the_population(populated: ad.AnnData) -> None:
    populated.obsm["X_umap"] = np.array(populated.obsm["X_pca"][:, :2])
    n_populations = len(cg.get.factors(populated, **OF))
    by_level = {
        level: cg.pl.embedding(
            populated, color="log2_net_factor", panels="overlay", arrows=None, level=level
        )
        for level in ("state", "population")
    }
    seen = {
        level: len(np.unique(ax.collections[1].get_facecolors(), axis=0))
        for level, ax in by_level.items()
    }
    assert 1 < seen["population"] <= n_populations


def test_a_cell_without_a_population_has_no_colour_on_the_map(populated: ad.AnnData) -> None:
    populated.obsm["X_umap"] = np.array(populated.obsm["X_pca"][:, :2])
    source = np.flatnonzero((populated.obs["condition"] == "control").to_numpy())
    populated.obs.loc[populated.obs_names[source[:7]], "cgmm_population"] = None
    ax = cg.pl.embedding(populated, panels="source", **OF)
    assert (ax.collections[1].get_facecolors()[:, 3] == 0).sum() == 7


@pytest.mark.parametrize("name", TAKE_LEVEL)
def test_an_unknown_level_is_refused(populated: ad.AnnData, name: str) -> None:
    with pytest.raises(ValueError, match="level='cell' is not known"):
        getattr(cg.pl, name)(populated, level="cell")
