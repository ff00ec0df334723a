"""Many embedded cells stay on disk, and their fit is the same."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pytest

from cgmm._anndata.comparison import Comparison
from cgmm._anndata.keys import FEATURES
from cgmm._utils.h5ad import write_h5ad
from cgmm.results import embedding
from cgmm.tl._fit_comparison import fit_comparison


@pytest.fixture
def path(simulated: ad.AnnData, tmp_path: Path) -> Path:
    slots = {"obs": simulated.obs, "obsm": {"X_pca": simulated.obsm["X_pca"]}}
    write_h5ad(ad.AnnData(**slots), tmp_path / "embedding.h5ad")
    return tmp_path / "embedding.h5ad"


def test_the_fit_of_cells_on_disk_is_that_of_cells_in_memory(
    path: Path, call: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = embedding.read_embedding(path, "X_pca")
    monkeypatch.setattr(embedding, "MAX_CELLS", 100)
    lazy = embedding.read_embedding(path, "X_pca")
    assert isinstance(memory.obsm["X_pca"], np.ndarray)
    assert hasattr(lazy.obsm["X_pca"], "dask")
    comparison = Comparison(**call, donor_key="donor")
    one, other = (fit_comparison(a, comparison, n_components=4) for a in (memory, lazy))
    assert one.to_arrays().keys() == other.to_arrays().keys()
    for name, array in one.to_arrays().items():
        np.testing.assert_array_equal(other.to_arrays()[name], array)


def test_features_are_read_into_memory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "MAX_CELLS", 100)
    assert isinstance(embedding.read_embedding(path, FEATURES).obsm["X_pca"], np.ndarray)
