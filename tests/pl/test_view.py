"""Figures of sums show what the tables say."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cgmm as cg
from cgmm.pl._style import NEW, to_rgb
from cgmm.pl._view import view
from tests.pl.reading import ends, patches


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


@pytest.mark.parametrize("by", [None, "cell_type", "donor"])
def test_masses_add_up_to_the_shares(coming_and_going: ad.AnnData, by: str | None) -> None:
    shown = view(coming_and_going, by=by, key="cgmm")
    # what is gone leaves nothing behind, what is new came from nowhere
    if by != "donor":
        np.testing.assert_array_equal(shown.came < 1e-9, shown.gone)
        np.testing.assert_allclose(shown.enters.sum(axis=1), shown.came, atol=1e-9)
        arrives = np.where(shown.new, 0.0, shown.share_target)
        np.testing.assert_allclose(shown.enters.sum(axis=0), arrives, atol=1e-9)
    np.testing.assert_allclose([shown.share_source.sum(), shown.share_target.sum()], 1)
    assert sorted(shown.rows) == list(range(len(shown.share_source)))
    assert sorted(shown.columns) == list(range(len(shown.share_target)))
    assert (np.diff(shown.share_source[shown.rows]) <= 0).all()


def test_a_target_has_the_colour_of_its_source(coming_and_going: ad.AnnData) -> None:
    shown = view(coming_and_going, by=None, key="cgmm")
    own, theirs = shown.colours
    for main, colour in zip(shown.main, theirs, strict=True):
        assert colour == (to_rgb(NEW) if main < 0 else own[main])
