"""Ribbons and bars are as wide as their numbers."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

import cgmm as cg
from cgmm.pl._style import NEW, to_rgb
from tests.pl.reading import ends, patches


def test_ribbons_have_the_width_of_the_shares(fitted: ad.AnnData, fit: cg.CoupledFit) -> None:
    ax = cg.pl.flow(fitted)
    ribbons = [p for p in ax.patches if len(p.get_path().vertices) == 9]
    left = sum(r.get_path().vertices[7, 1] - r.get_path().vertices[0, 1] for r in ribbons)
    right = sum(r.get_path().vertices[4, 1] - r.get_path().vertices[3, 1] for r in ribbons)
    assert left == pytest.approx(1, abs=0.02)
    assert right == pytest.approx(1, abs=0.02)


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
        own = factors["share_source"][row.source_component]
        assert left == pytest.approx(row.share_of_source * own)
        assert right == pytest.approx(row.mass)
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
