"""Bars and points of shifts are the table."""

from __future__ import annotations

import anndata as ad
import numpy as np

import cgmm as cg


def test_bars_and_points_of_shifts_are_the_table(fitted: ad.AnnData) -> None:
    table = cg.get.shifts(fitted)
    table = table[table["share_of_source"] >= 0.1].sort_values("total_shift_sd")
    ax = cg.pl.shifts(fitted)
    np.testing.assert_allclose([p.get_width() for p in ax.patches], table["total_shift_sd"])
    np.testing.assert_allclose(ax.lines[0].get_xdata(), table["mean_shift_sd"])
    shape, mean = np.asarray(ax.lines[1].get_xdata()), table["mean_shift_sd"].to_numpy()
    np.testing.assert_allclose(np.hypot(shape, mean), table["total_shift_sd"])


def test_intervals_of_shifts_are_the_table(fitted: ad.AnnData) -> None:
    cg.tl.donors(fitted)
    shifts = cg.get.shifts(fitted)
    shown = shifts[shifts["share_of_source"] >= 0.1]
    ax = cg.pl.shifts(fitted)
    ends = np.concatenate([s[:, 0] for c in ax.collections for s in c.get_segments()])
    np.testing.assert_allclose(
        sorted(ends), sorted([*shown["ci_low"], *shown["ci_high"]]), atol=1e-9
    )


def test_genes_stand_behind_bar_and_interval(fitted: ad.AnnData) -> None:
    cg.tl.donors(fitted)
    ax = cg.pl.shifts(fitted)
    assert len(ax.texts) > 1
    for text in ax.texts:
        x, row = text.get_position()
        ends = [p.get_width() for p in ax.patches if abs(p.get_y() + 0.25 - row) < 1e-6]
        ends += [
            s[:, 0].max()
            for c in ax.collections
            for s in c.get_segments()
            if abs(s[0, 1] - row) < 1e-6
        ]
        assert x > np.nanmax(ends)
