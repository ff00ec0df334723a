"""A representation that is a Dask array is fitted as one in memory, and its results stay lazy."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import cgmm as cg

da = pytest.importorskip("dask.array")

FIELDS = ("cgmm_responsibilities", "cgmm_displacement", "cgmm_projected")


@pytest.fixture
def both(simulated: ad.AnnData, fit: cg.CoupledFit, call: dict) -> tuple[ad.AnnData, ad.AnnData]:
    """The same fit written into the object in memory, and into one whose points are chunks."""
    condition = simulated.obs["condition"].astype(object)
    condition.iloc[::17] = "neither"
    simulated.obs["condition"] = condition
    lazy = simulated.copy()
    lazy.obsm["X_pca"] = da.from_array(simulated.obsm["X_pca"], chunks=(101, 3))
    for adata in (simulated, lazy):
        cg.tl.annotate(adata, fit, **call, donor_key="donor")
    return simulated, lazy


def test_results_are_those_of_a_fit_in_memory(both: tuple[ad.AnnData, ad.AnnData]) -> None:
    memory, lazy = both
    pd.testing.assert_frame_equal(lazy.obs, memory.obs, check_exact=True)
    for name in FIELDS:
        assert isinstance(memory.obsm[name], np.ndarray)
        assert isinstance(lazy.obsm[name], da.Array)
        assert lazy.obsm[name].dtype == memory.obsm[name].dtype
        np.testing.assert_array_equal(lazy.obsm[name].compute(), memory.obsm[name])
    for table in (cg.get.factors, cg.get.components, cg.get.donors):
        pd.testing.assert_frame_equal(table(lazy), table(memory))


def test_they_are_written_block_by_block(
    both: tuple[ad.AnnData, ad.AnnData], tmp_path: Path
) -> None:
    memory, lazy = both
    lazy.write_h5ad(tmp_path / "lazy.h5ad")
    again = ad.read_h5ad(tmp_path / "lazy.h5ad")
    for name in FIELDS:
        np.testing.assert_array_equal(again.obsm[name], memory.obsm[name])


def test_later_steps_take_them(both: tuple[ad.AnnData, ad.AnnData], call: dict) -> None:
    for adata in both:
        cg.tl.donors(adata)
    memory, lazy = both
    pd.testing.assert_frame_equal(cg.get.factors(lazy), cg.get.factors(memory))
    pd.testing.assert_frame_equal(
        cg.get.factors(lazy, by="cell_type"), cg.get.factors(memory, by="cell_type")
    )


def test_an_automatic_fit_is_the_same(simulated: ad.AnnData, call: dict) -> None:
    lazy = simulated.copy()
    lazy.obsm["X_pca"] = da.from_array(simulated.obsm["X_pca"], chunks=(500, -1))
    for adata in (simulated, lazy):
        cg.tl.fit(adata, **call, donor_key="donor", n_components=4)
    pd.testing.assert_frame_equal(lazy.obs, simulated.obs, check_exact=True)
    pd.testing.assert_frame_equal(cg.get.populations(lazy), cg.get.populations(simulated))


def test_several_targets_are_the_same(simulated: ad.AnnData, call: dict) -> None:
    condition = simulated.obs["condition"].astype(object)
    condition.iloc[np.flatnonzero(condition == "treated")[::2]] = "more"
    simulated.obs["condition"] = condition
    lazy = simulated.copy()
    lazy.obsm["X_pca"] = da.from_array(simulated.obsm["X_pca"], chunks=(500, -1))
    several = {k: v for k, v in call.items() if k != "target"} | {"targets": ["treated", "more"]}
    for adata in (simulated, lazy):
        cg.tl.fit_targets(adata, **several, donor_key="donor", n_components=4)
    pd.testing.assert_frame_equal(lazy.obs, simulated.obs, check_exact=True)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda x: np.where(np.arange(len(x))[:, None] == 5, np.nan, x), "NaN or infinite values"),
        (lambda x: x * 0 + 1, "is the same for all"),
    ],
)
def test_bad_points_on_disk_are_refused(
    simulated: ad.AnnData, call: dict, change: object, sentence: str
) -> None:
    points = change(simulated.obsm["X_pca"])  # type: ignore[operator]
    simulated.obsm["X_pca"] = da.from_array(points, chunks=(101, -1))
    with pytest.raises(ValueError, match=sentence):
        cg.tl.fit(simulated, **call)
    assert "cgmm" not in simulated.uns
