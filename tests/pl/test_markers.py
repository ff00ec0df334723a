"""The dot plot of markers shows the table."""

from __future__ import annotations

import anndata as ad
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection

import cgmm as cg
from tests.pl.reading import overlaps


@pytest.fixture
def labelled(simulated: ad.AnnData, fit: cg.CoupledFit, call: dict) -> ad.AnnData:
    cg.tl.annotate(simulated, fit, **call, donor_key="donor", name_by="cell_type")
    cg.tl.genes(simulated, de=False)
    return simulated


def test_dots_are_the_table(labelled: ad.AnnData) -> None:
    table = cg.get.markers(labelled)
    ax = cg.pl.markers(labelled, n_genes=2)
    ax.figure.canvas.draw()
    names = [t.get_text() for t in ax.get_yticklabels()]
    genes = [t.get_text() for t in ax.get_xticklabels()]
    assert set(names) == set(table["name"])
    assert len(genes) == len(set(genes)) == 2 * len(names)
    (dots,) = (c for c in ax.collections if isinstance(c, PathCollection))
    sizes, at = dots.get_sizes(), np.asarray(dots.get_offsets())
    for (x, y), size, scaled in zip(at, sizes, np.asarray(dots.get_array()), strict=True):
        own = table[(table["gene"] == genes[round(x)]) & (table["name"] == names[round(y)])].iloc[0]
        assert scaled == pytest.approx(own["scaled_mean"])
        assert size == pytest.approx(130 * own["fraction"])
    assert overlaps(ax.get_yticklabels()) == 0


def test_draws_on_the_axes_of_the_caller(labelled: ad.AnnData) -> None:
    figure, ax = plt.subplots()
    assert cg.pl.markers(labelled, ax=ax) is ax
    figure.canvas.draw()
    assert isinstance(cg.pl.markers(labelled), Axes)


def test_says_what_is_missing(labelled: ad.AnnData) -> None:
    with pytest.raises(ValueError, match="n_genes"):
        cg.pl.markers(labelled, n_genes=0)
    cg.tl.genes(labelled, de=False, level="state")
    with pytest.raises(ValueError, match="no marker genes"):
        cg.pl.markers(labelled)
