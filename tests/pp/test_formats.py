"""Files of other formats give what the h5ad of the same cells gives."""

from __future__ import annotations

import gzip
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.io
import scipy.sparse as sp

from cgmm.pp import InputError, Sample, check_samples, format_of, join_samples
from tests.pp.test_pp import GENES, small


def taken(path: Path, **options: object) -> ad.AnnData:
    sample = Sample(sample="x", path=str(path), condition="c")
    check_samples([sample], **options)
    return join_samples([sample], **options)


def same(path: Path, adata: ad.AnnData, tmp_path: Path) -> None:
    adata.write_h5ad(tmp_path / "same.h5ad")
    found, expected = taken(path), taken(tmp_path / "same.h5ad")
    assert list(found.var_names) == list(expected.var_names)
    assert list(found.obs["barcode"]) == list(expected.obs["barcode"])
    assert (found.X != expected.X).nnz == 0


@pytest.mark.filterwarnings("ignore:.*[zZ]arr")
@pytest.mark.parametrize("version", [2, 3])
def test_zarr(tmp_path: Path, version: int) -> None:
    pytest.importorskip("zarr")
    adata = small()
    with ad.settings.override(zarr_write_format=version):
        adata.write_zarr(tmp_path / "x.zarr")
    assert format_of(tmp_path / "x.zarr") == "zarr"
    same(tmp_path / "x.zarr", adata, tmp_path)


def write_10x_folder(folder: Path, adata: ad.AnnData) -> None:
    """Write what Cell Ranger writes: genes by cells, with two antibodies."""
    folder.mkdir()
    tags = sp.csr_matrix(np.full((adata.n_obs, 2), 100.0))
    values = sp.hstack([adata.X, tags]).T.astype(int)
    scipy.io.mmwrite(folder / "matrix.mtx", values)
    rows = [(f"ENSG{i:011d}", g, "Gene Expression") for i, g in enumerate(adata.var_names)]
    rows += [(t, t, "Antibody Capture") for t in ("CD3", "CD19")]
    table = pd.DataFrame(rows)
    for name, frame in (("features.tsv", table), ("barcodes.tsv", pd.DataFrame(adata.obs_names))):
        frame.to_csv(folder / f"{name}.gz", sep="\t", header=False, index=False)
    packed = folder / "matrix.mtx.gz"
    packed.write_bytes(gzip.compress((folder / "matrix.mtx").read_bytes()))
    (folder / "matrix.mtx").unlink()


def test_folders_of_cell_ranger_without_antibodies(tmp_path: Path) -> None:
    adata = small()
    write_10x_folder(tmp_path / "x", adata)
    same(tmp_path / "x", adata, tmp_path)
    sample = Sample(sample="x", path=str(tmp_path / "x"), condition="c")
    text = check_samples([sample])["notices"][0]["text"]
    assert text.startswith(f"{tmp_path / 'x'}: 2 features are no genes")


def test_h5_of_cell_ranger(tmp_path: Path) -> None:
    adata = small()
    path = tmp_path / "filtered_feature_bc_matrix.h5"
    with h5py.File(path, "w") as file:
        matrix = file.create_group("matrix")
        values = sp.csc_matrix(adata.X.T)  # genes by cells
        for name in ("data", "indices", "indptr"):
            matrix[name] = getattr(values, name).astype(np.int64)
        matrix["shape"] = np.array(values.shape)
        matrix["barcodes"] = np.array(list(adata.obs_names), dtype="S")
        features = matrix.create_group("features")
        features["name"] = np.array(GENES, dtype="S")
        features["id"] = np.array([f"ENSG{i:011d}" for i in range(60)], dtype="S")
        features["feature_type"] = np.array(["Gene Expression"] * 60, dtype="S")
        features["genome"] = np.array(["GRCh38"] * 60, dtype="S")
    same(path, adata, tmp_path)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")
def test_a_modality_of_h5mu(tmp_path: Path) -> None:
    mudata = pytest.importorskip("mudata")
    adata, other = small(), small(seed=1)
    other.var_names = [f"CD{i}" for i in range(60)]
    mudata.MuData({"rna": adata, "prot": other}).write(tmp_path / "x.h5mu")
    same(tmp_path / "x.h5mu", adata, tmp_path)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")  # loompy
def test_loom(tmp_path: Path) -> None:
    loompy = pytest.importorskip("loompy")
    adata = small()
    # written by loompy itself: write_loom of anndata 0.13.4 fails on X, which it lists as a layer
    cells = {name: adata.obs[name].astype(str).to_numpy(object) for name in adata.obs}
    cells |= {"CellID": adata.obs_names.to_numpy(object)}
    genes = {"Gene": adata.var_names.to_numpy(object)}
    loompy.create(str(tmp_path / "x.loom"), sp.csr_matrix(adata.X).T.tocoo(), genes, cells)
    same(tmp_path / "x.loom", adata, tmp_path)


def test_fcs_is_transformed_and_left_without_time_and_scatter(tmp_path: Path) -> None:
    flowio = pytest.importorskip("flowio")
    rng = np.random.default_rng(0)
    values = np.column_stack([rng.uniform(0, 5e4, (50, 2)), rng.lognormal(6, 1, (50, 2))])
    with (tmp_path / "x.fcs").open("wb") as file:
        flowio.create_fcs(
            file,
            values.ravel().tolist(),
            ["Time", "FSC-A", "BV421-A", "PE-A"],
            opt_channel_names=["", "", "CD3", "CD19"],
        )
    sample = Sample(sample="x", path=str(tmp_path / "x.fcs"), condition="c")
    facts = check_samples([sample], modality="cytometry")
    assert "then arcsinh(x / 150); left out: Time, FSC-A" in facts["notices"][-1]["text"]
    found = join_samples([sample], modality="cytometry")
    assert list(found.var_names) == ["CD3", "CD19"]
    np.testing.assert_allclose(found.X, np.arcsinh(values[:, 2:] / 150), rtol=1e-5)


def test_a_damaged_file_of_another_format_is_named(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "matrix.mtx.gz").write_bytes(b"nothing")
    with pytest.raises(InputError, match="scanpy cannot read it as 10x folder"):
        taken(tmp_path / "x")


def test_a_folder_that_holds_no_cells_is_no_format(tmp_path: Path) -> None:
    assert format_of(tmp_path) is None
    assert format_of(tmp_path / "nowhere.fcs") is None
