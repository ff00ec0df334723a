"""The forest plot shows the numbers of the table."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

import cgmm as cg


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
        # colour and shape speak of the interval and of q, not of the point
        marker = next(p.get_marker() for p in points if round(float(p.get_ydata()[0])) == i)
        reported = row.q < 0.05
        assert marker == (
            "^" if reported and row.ci_low > 0 else "v" if reported and row.ci_high < 0 else "o"
        )


def test_factors_and_donors_mark_the_same_rows(fitted: ad.AnnData) -> None:
    names = [t.get_text() for t in cg.pl.factors(fitted).get_yticklabels()]
    points = [p for p in cg.pl.factors(fitted).lines if p.get_marker() in ("o", "^", "v")]
    marked = {names[round(float(p.get_ydata()[0]))]: p.get_marker() for p in points}
    titles = [ax.get_title() for ax in cg.pl.donors(fitted).axes if ax.get_visible()]
    for title in titles:
        name, _, mark = title.partition("  ")
        assert {"▲": "^", "▼": "v", "": "o"}[mark] == marked[name]
    assert any("▲" in title or "▼" in title for title in titles)


def test_an_interval_from_cells_never_looks_clear(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    cg.tl.annotate(simulated, fit, **call)
    cg.tl.donors(simulated)
    factors = cg.get.factors(simulated)
    assert ((factors["ci_low"] > 0) | (factors["ci_high"] < 0)).any()
    markers = {line.get_marker() for line in cg.pl.factors(simulated).lines}
    assert not markers & {"^", "v"}
