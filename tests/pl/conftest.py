"""Fits with known mixtures to draw; figures are closed after each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import anndata as ad
import matplotlib.pyplot as plt
import numpy as np
import pytest

import cgmm as cg
from tests.pl.scenes import scene


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture
def coming_and_going(couple: Callable) -> ad.AnnData:
    """Five types: Alpha is gone, Epsilon is new, Beta doubles, Delta halves; all on a map."""
    drawn = cg.simulate.points(
        n_components=5,
        shares=[0.2, 0.2, 0.3, 0.2, 0.1],
        log2_change=[-np.inf, 1.0, 0.0, -1.0, 0.0],
        separation=24,
        shift=2.0,
    )
    truth = drawn.truth
    keep = ~((drawn.condition == "source") & (drawn.component == 4))
    sides = [
        cg.GaussianMixture(
            truth[f"shares_{s}"][rows] / truth[f"shares_{s}"][rows].sum(),
            truth[f"{s}_means"][rows],
            truth["covariances"][rows],
        )
        for s, rows in (("source", slice(0, 4)), ("target", slice(1, 5)))
    ]
    adata = drawn.to_anndata()[keep].copy()
    adata.obsm["X_umap"] = np.array(adata.obsm["X_pca"][:, :2])
    cg.tl.annotate(
        adata,
        couple(*sides),
        condition_key="condition",
        source="source",
        target="target",
        donor_key="donor",
        name_by="cell_type",
    )
    return adata


@pytest.fixture(scope="module")
def drawn(couple: Callable) -> ad.AnnData:
    return scene(couple, net=1.0, moved=3.0, split=0.3)
