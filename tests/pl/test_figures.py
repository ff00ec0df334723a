"""All figures: they draw on given Axes, and stay readable at thirty subpopulations."""

from __future__ import annotations

from collections.abc import Callable

import anndata as ad
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes

import cgmm as cg
from tests.pl.reading import overlaps

ON_AXES = ("factors", "transfers", "flow", "components", "shifts")


@pytest.mark.parametrize("name", ON_AXES)
def test_draws_on_the_given_axes_or_on_new_ones(fitted: ad.AnnData, name: str) -> None:
    before = fitted.copy()
    made = getattr(cg.pl, name)(fitted)
    assert isinstance(made, Axes)
    made.figure.canvas.draw()
    figure, ax = plt.subplots()
    assert getattr(cg.pl, name)(fitted, ax=ax) is ax
    figure.canvas.draw()
    assert set(fitted.uns) == set(before.uns)
    assert list(fitted.obs) == list(before.obs)


def test_thirty_subpopulations_stay_readable(couple: Callable) -> None:
    k = 30
    rng = np.random.default_rng(0)
    drawn = cg.simulate.points(
        n_components=k,
        n_dims=6,
        n_cells=1500,
        n_donors=3,
        shares=rng.dirichlet(np.ones(k)),
        log2_change=rng.normal(size=k),
    )
    adata = drawn.to_anndata()
    truth = drawn.truth
    start = [
        cg.GaussianMixture(truth[f"shares_{s}"], truth[f"{s}_means"], truth["covariances"])
        for s in ("source", "target")
    ]
    fit = couple(*start)
    cg.tl.annotate(
        adata,
        fit,
        condition_key="condition",
        source="source",
        target="target",
        donor_key="donor",
        name_by="cell_type",
    )
    for name in ON_AXES:
        ax = getattr(cg.pl, name)(adata)
        ax.figure.canvas.draw()
        if name == "components":
            continue  # numbers of overlapping components overlap; the list beside them does not
        assert overlaps(ax.get_yticklabels()) == 0
        if name == "flow":
            assert overlaps(ax.texts) == 0
    cg.pl.donors(adata).canvas.draw()
    adata.obsm["X_umap"] = drawn.points[:, :2]
    figure = cg.pl.embedding(adata)
    figure.canvas.draw()
    assert overlaps(figure.axes[1].get_legend().get_texts()) == 0
