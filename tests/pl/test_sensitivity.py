"""Panels show the fit under other choices."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

import cgmm as cg


def test_lines_follow_rho_and_diamonds_are_partitions(drawn: ad.AnnData) -> None:
    table = cg.get.sensitivity(drawn)
    order = cg.get.factors(drawn).sort_values("share_source", ascending=False)
    figure = cg.pl.sensitivity(drawn)
    for ax, component in zip(figure.axes, order["component"], strict=True):
        rows = table[table["component"] == component]
        _, path, dots = ax.lines
        for line, parameter in ((path, "rho"), (dots, "partition")):
            values = rows.loc[rows["parameter"] == parameter, "log2_net"].clip(-4, 4)
            np.testing.assert_allclose(line.get_ydata(), values)
    settled = ["not settled" not in ax.get_title() for ax in figure.axes]
    assert settled == list(order["settled"])


def test_a_fit_without_alternatives_is_refused(fitted: ad.AnnData) -> None:
    with pytest.raises(ValueError, match="The fit has no alternatives"):
        cg.pl.sensitivity(fitted)
