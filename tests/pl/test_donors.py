"""Panels show single donors."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest
from matplotlib.figure import Figure

import cgmm as cg


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


def test_points_of_donors_are_the_table(fitted: ad.AnnData) -> None:
    figure = cg.pl.donors(fitted)
    table = cg.get.carried_donors(fitted)
    order = cg.get.factors(fitted).sort_values("share_source", ascending=False)["component"]
    for ax, component in zip(figure.axes, order, strict=True):
        part = table[(table["component"] == component) & (table["side"] == "source")]
        points = next(line for line in ax.lines if line.get_marker() == "o")
        np.testing.assert_allclose(points.get_ydata(), part["share"] + 0.5 / part["n_cells"])


def test_positions_of_donors_are_the_table(fitted: ad.AnnData) -> None:
    cg.tl.donors(fitted)
    table = cg.get.donor_shifts(fitted)
    figure = cg.pl.donors(fitted, show="shift")
    drawn = [
        y
        for ax in figure.axes
        for line in ax.lines
        if line.get_marker() == "o"
        for y in np.atleast_1d(line.get_ydata())
    ]
    np.testing.assert_allclose(sorted(drawn), sorted(table["position_sd"].dropna()))
    with pytest.raises(ValueError, match="show='genes'"):
        cg.pl.donors(fitted, show="genes")  # type: ignore[arg-type]
