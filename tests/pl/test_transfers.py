"""The heatmap of transfers shows the table."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

import cgmm as cg


def test_heatmap_rows_sum_to_a_hundred(fitted: ad.AnnData) -> None:
    for values, axis in (("share_of_source", 1), ("share_of_target", 0)):
        ax = cg.pl.transfers(fitted, values=values)
        np.testing.assert_allclose(ax.collections[0].get_array().sum(axis=axis), 100, atol=0.1)
    with pytest.raises(ValueError, match="must be one of"):
        cg.pl.transfers(fitted, values="mass")


def test_targets_stand_opposite_their_sources(coming_and_going: ad.AnnData) -> None:
    for by in (None, "cell_type"):
        ax = cg.pl.transfers(coming_and_going, by=by)
        rows = [t.get_text() for t in ax.get_yticklabels()]
        columns = [t.get_text() for t in ax.get_xticklabels()]
        assert "Alpha (gone)" in rows
        assert columns[-1] == "Epsilon (new)"
        assert columns[:-1] == [r for r in rows if "gone" not in r]
