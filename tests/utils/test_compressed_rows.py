"""Chunks that are compressed side by side are read by anndata as any others."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from cgmm._utils import compressed_rows
from cgmm._utils.h5ad import write_h5ad

da = pytest.importorskip("dask.array")


def lazy(matrix: sp.csr_matrix, rows: int) -> object:
    dense = da.from_array(matrix.toarray(), chunks=(rows, matrix.shape[1]))
    return dense.map_blocks(sp.csr_matrix, meta=matrix[:0], dtype=matrix.dtype)


@pytest.mark.parametrize("chunk", [7, 10, 50_000])
@pytest.mark.parametrize("filled", [0.0, 0.3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_written_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int, filled: float, dtype: type
) -> None:
    monkeypatch.setattr(compressed_rows, "CHUNK", chunk)
    matrix = sp.random(90, 11, filled, format="csr", dtype=dtype, random_state=1)
    matrix.sort_indices()
    with h5py.File(tmp_path / "file.h5", "w") as file:
        compressed_rows.write_csr(file.create_group("X"), lazy(matrix, 13))
        assert file["X/data"].compression == "gzip"
        assert file["X/data"].shape == file["X/indices"].shape == (matrix.nnz,)
        found = ad.io.read_elem(file["X"])
    assert found.dtype == dtype
    assert (found != matrix).nnz == 0


def test_an_object_with_values_on_disk(tmp_path: Path) -> None:
    matrix = sp.random(60, 5, 0.4, format="csr", dtype=np.float32, random_state=2)
    adata = ad.AnnData(
        matrix, obs=pd.DataFrame({"a": range(60)}, index=[f"c{i}" for i in range(60)])
    )
    adata.obsm["X_pca"] = np.ones((60, 2))
    adata.layers["half"] = matrix / 2
    adata.obsp["links"] = sp.eye(60, format="csr")
    adata.uns["text"] = "kept"
    write_h5ad(adata, tmp_path / "memory.h5ad")
    adata.X = lazy(matrix, 17)
    write_h5ad(adata, tmp_path / "lazy.h5ad")
    memory, other = (ad.read_h5ad(tmp_path / f"{name}.h5ad") for name in ("memory", "lazy"))
    assert (memory.X != other.X).nnz == 0
    assert (memory.layers["half"] != other.layers["half"]).nnz == 0
    assert (memory.obsp["links"] != other.obsp["links"]).nnz == 0
    assert memory.uns == other.uns
    pd.testing.assert_frame_equal(memory.obs, other.obs)
    np.testing.assert_array_equal(memory.obsm["X_pca"], other.obsm["X_pca"])
