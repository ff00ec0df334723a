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

from cgmm.pp import (
    InputError,
    Sample,
    _zarr,
    check_annotation,
    check_samples,
    choose_scale,
    format_of,
    join_samples,
    prepare_lazily,
    samples_of_files,
)
from cgmm.pp._formats import as_h5ad
from tests.pp.made import small


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


def write_10x_h5(path: Path, adata: ad.AnnData) -> None:
    """Write what Cell Ranger writes."""
    n = adata.n_vars
    with h5py.File(path, "w") as file:
        matrix = file.create_group("matrix")
        values = sp.csc_matrix(adata.X.T)  # genes by cells
        for name in ("data", "indices", "indptr"):
            matrix[name] = getattr(values, name).astype(np.int64)
        matrix["shape"] = np.array(values.shape)
        matrix["barcodes"] = np.array(list(adata.obs_names), dtype="S")
        features = matrix.create_group("features")
        features["name"] = np.array(list(adata.var_names), dtype="S")
        features["id"] = np.array([f"ENSG{i:011d}" for i in range(n)], dtype="S")
        features["feature_type"] = np.array(["Gene Expression"] * n, dtype="S")
        features["genome"] = np.array(["GRCh38"] * n, dtype="S")


def test_h5_of_cell_ranger(tmp_path: Path) -> None:
    adata = small()
    path = tmp_path / "filtered_feature_bc_matrix.h5"
    write_10x_h5(path, adata)
    same(path, adata, tmp_path)


@pytest.mark.filterwarnings("ignore:.*[zZ]arr")
def test_zarr_is_copied_as_the_h5ad_holds_it(tmp_path: Path) -> None:
    """Layers, raw, dense and columnwise values; labels that are missing stay missing."""
    pytest.importorskip("zarr")
    adata = small()
    adata.raw = adata[:, ::-1].copy()
    adata.layers["dense"] = adata.X.toarray()
    adata.layers["columns"] = sp.csc_matrix(adata.X)
    adata.obsm["X_rep"] = np.arange(80.0).reshape(40, 2)
    adata.obsm["sparse"] = sp.csr_matrix(np.eye(40))
    adata.obs["type"] = pd.Categorical(["B", None] * 20)
    adata.obs["size"] = np.linspace(0, 1, 40)
    adata.obs["doublet"] = pd.array([True, None] * 20, dtype="boolean")
    adata.write_zarr(tmp_path / "x.zarr")
    adata.write_h5ad(tmp_path / "x.h5ad")
    for layer in (None, "dense", "columns", "raw"):
        found, expected = (
            taken(tmp_path / name, counts_layer=layer) for name in ("x.zarr", "x.h5ad")
        )
        assert (found.X != expected.X).nnz == 0
        pd.testing.assert_frame_equal(found.obs, expected.obs)
    sample = Sample(
        sample="x", path=str(tmp_path / "x.zarr"), condition="c", obs_column="type", obs_value="B"
    )
    notices = check_samples([sample], use_rep="X_rep")["notices"]
    assert "obs 'type' is missing in 20 of 40 cells" in notices[0]["text"]


@pytest.mark.filterwarnings("ignore:.*[zZ]arr")
@pytest.mark.parametrize("form", ["dense", "sparse"])
def test_no_more_of_a_zarr_than_a_block_is_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    zarr = pytest.importorskip("zarr")
    adata = small()
    adata.X = adata.X.toarray() if form == "dense" else adata.X
    adata.write_zarr(tmp_path / "x.zarr", chunks=(7, 60))
    if form == "sparse":
        matrix = zarr.open_group(tmp_path / "x.zarr", use_consolidated=False)["X"]
        for name in ("data", "indices"):
            values = matrix[name][:]
            del matrix[name]
            matrix.create_array(name, data=values, chunks=(90,))
    monkeypatch.setattr(_zarr, "BLOCK_VALUES", 200)
    read = []
    original = zarr.Array.__getitem__

    def counted(self: object, *args: object) -> np.ndarray:
        found = np.asarray(original(self, *args))
        if found.dtype.kind in "fi":
            read.append(found.size)
        return found

    monkeypatch.setattr(zarr.Array, "__getitem__", counted)
    as_h5ad(tmp_path / "x.zarr")
    assert max(read) == {"dense": 7 * 60, "sparse": 2 * 90}[form]
    assert len(read) > 5
    monkeypatch.undo()
    same(tmp_path / "x.zarr", adata, tmp_path)


@pytest.mark.filterwarnings("ignore:.*[zZ]arr")
@pytest.mark.parametrize("version", [2, 3])
def test_scale_lazy_reads_zarr(tmp_path: Path, version: int) -> None:
    pytest.importorskip("zarr")
    pytest.importorskip("dask")
    adata = small()
    with ad.settings.override(zarr_write_format=version):
        adata.write_zarr(tmp_path / "x.zarr")
    adata.write_h5ad(tmp_path / "x.h5ad")
    made = []
    for name in ("x.zarr", "x.h5ad"):
        sample = Sample(sample="x", path=str(tmp_path / name), condition="c")
        assert choose_scale([sample], "lazy") == "lazy"
        prepare_lazily([sample], tmp_path / f"{name}.h5ad", min_genes=1, min_cells=1)
        made.append(ad.read_h5ad(tmp_path / f"{name}.h5ad"))
    assert (made[0].X != made[1].X).nnz == 0
    assert list(made[0].obs["library"]) == list(made[1].obs["library"])


def two_modalities(path: Path, *names: str) -> list[ad.AnnData]:
    mudata = pytest.importorskip("mudata")
    parts = [small(seed=i) for i in range(len(names))]
    for part, name in zip(parts, names, strict=True):
        part.var_names = [f"{name}{i}" for i in range(60)]
        part.obs.columns = [f"library_{name}"]
    both = mudata.MuData(dict(zip(names, parts, strict=True)))
    both.obs["donor"] = ["D1", "D2"] * 20
    both.write(path)
    return parts


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")
def test_a_modality_of_h5mu(tmp_path: Path) -> None:
    adata, other = two_modalities(tmp_path / "x.h5mu", "rna", "prot")
    same(tmp_path / "x.h5mu", adata, tmp_path)
    found = taken(tmp_path / "x.h5mu", reading={"h5mu_modality": "prot"})
    assert list(found.var_names) == list(other.var_names)
    samples, _ = samples_of_files(
        [tmp_path / "x.h5mu"], condition="library_rna", sample="library_rna", donor=None
    )
    assert [s.sample for s in samples] == ["L2", "L1"]
    # a column of all modalities together names samples too
    sample = Sample(
        sample="x",
        path=str(tmp_path / "x.h5mu"),
        condition="c",
        obs_column="donor",
        obs_value="D2",
    )
    assert check_samples([sample])["samples"][0]["n_cells_read"] == 20


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")
def test_a_modality_that_is_not_there_or_not_clear(tmp_path: Path) -> None:
    two_modalities(tmp_path / "x.h5mu", "atac", "prot")
    with pytest.raises(InputError, match="holds the modalities atac, prot, and not one that is"):
        taken(tmp_path / "x.h5mu")
    with pytest.raises(InputError, match=r"has no modality 'rna' \(modalities: atac, prot\)"):
        taken(tmp_path / "x.h5mu", reading={"h5mu_modality": "rna"})


def write_loom(path: Path, adata: ad.AnnData) -> None:
    """Write it by loompy: write_loom of anndata 0.13.4 fails on X, which it lists as a layer."""
    loompy = pytest.importorskip("loompy")
    cells = {name: adata.obs[name].astype(str).to_numpy(object) for name in adata.obs}
    cells |= {"CellID": adata.obs_names.to_numpy(object)}
    genes = {"Gene": adata.var_names.to_numpy(object)}
    loompy.create(str(path), sp.csr_matrix(adata.X).T.tocoo(), genes, cells)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")  # loompy
def test_loom(tmp_path: Path) -> None:
    adata = small()
    write_loom(tmp_path / "x.loom", adata)
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
    assert facts["samples"][0]["transform"] == "arcsinh(x / 150)"
    options = {"modality": "cytometry", "reading": {"cofactor": 70}}
    assert check_samples([sample], **options)["samples"][0]["transform"] == "arcsinh(x / 70)"
    found = join_samples([sample], **options)
    np.testing.assert_allclose(found.X, np.arcsinh(values[:, 2:] / 70), rtol=1e-5)
    with pytest.raises(InputError, match="holds channels of cytometry"):
        check_samples([sample])


def test_an_fcs_whose_header_contradicts_its_text_is_read_by_the_text(tmp_path: Path) -> None:
    """As some instruments write it: the end of the events is one byte off."""
    flowio = pytest.importorskip("flowio")
    values = np.random.default_rng(0).lognormal(6, 1, (50, 2))
    with (tmp_path / "x.fcs").open("wb") as file:
        flowio.create_fcs(file, values.ravel().tolist(), ["CD3", "CD19"])
    data = bytearray((tmp_path / "x.fcs").read_bytes())
    data[34:42] = b"%8d" % (int(data[34:42]) + 1)
    (tmp_path / "x.fcs").write_bytes(data)
    sample = Sample(sample="x", path=str(tmp_path / "x.fcs"), condition="c")
    notices = check_samples([sample], modality="cytometry")["notices"]
    assert "header and its text place the events differently" in notices[0]["text"]
    found = join_samples([sample], modality="cytometry")
    np.testing.assert_allclose(found.X, np.arcsinh(values / 150), rtol=1e-5)


def test_channels_that_were_not_transformed_alike_are_a_warning(tmp_path: Path) -> None:
    flowio = pytest.importorskip("flowio")
    samples = []
    for name, channels in (("a", ["Nd142Di", "Sm147Di"]), ("b", ["BV421-A", "PE-A"])):
        values = np.random.default_rng(0).lognormal(6, 1, 100).tolist()
        with (tmp_path / f"{name}.fcs").open("wb") as file:
            flowio.create_fcs(file, values, channels, opt_channel_names=["CD3", "CD19"])
        samples.append(Sample(sample=name, path=str(tmp_path / f"{name}.fcs"), condition="c"))
    said = check_samples(samples, modality="cytometry")["notices"][-1]
    assert said["level"] == "warning"
    assert "arcsinh(x / 5) of" in said["text"]
    assert "arcsinh(x / 150) of" in said["text"]
    options = {"modality": "cytometry", "reading": {"cofactor": 5.0}}
    assert "different ways" not in str(check_samples(samples, **options)["notices"])


@pytest.mark.filterwarnings("ignore:.*[zZ]arr")
@pytest.mark.parametrize("version", [2, 3])
def test_a_zarr_that_lacks_a_chunk_is_refused(tmp_path: Path, version: int) -> None:
    """Zarr reads a chunk that is not there as zeros."""
    zarr = pytest.importorskip("zarr")
    with ad.settings.override(zarr_write_format=version):
        small().write_zarr(tmp_path / "x.zarr")
    data = zarr.open_group(tmp_path / "x.zarr", use_consolidated=False)["X"]
    values = data["data"][:]
    del data["data"]
    data.create_array("data", data=values, chunks=(500,))
    chunks = sorted(p for p in (tmp_path / "x.zarr" / "X" / "data").rglob("[0-9]*") if p.is_file())
    assert len(chunks) == 4
    chunks[1].unlink()
    with pytest.raises(InputError, match=r"x.zarr/X/data: 1 of 4 chunks of `X` are missing"):
        taken(tmp_path / "x.zarr")


def test_a_zarr_group_without_an_object_is_refused(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    zarr.open_group(tmp_path / "x.zarr", mode="w").create_group("tables")
    with pytest.raises(InputError, match=r"x.zarr: is no AnnData object \(it holds: tables\)"):
        taken(tmp_path / "x.zarr")


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")  # loompy
def test_a_loom_without_names_of_genes_is_refused(tmp_path: Path) -> None:
    loompy = pytest.importorskip("loompy")
    values = small().X.T.toarray()
    loompy.create(str(tmp_path / "x.loom"), values, {"foo": np.arange(60)}, {"id": np.arange(40)})
    with pytest.raises(InputError, match=r"no names of genes \(row attributes: foo\)"):
        taken(tmp_path / "x.loom")


def test_an_fcs_without_markers_is_refused(tmp_path: Path) -> None:
    flowio = pytest.importorskip("flowio")
    with (tmp_path / "x.fcs").open("wb") as file:
        flowio.create_fcs(file, [1.0, 2.0] * 9, ["Time", "FSC-A"])
    with pytest.raises(InputError, match="no channel beside time and scatter"):
        taken(tmp_path / "x.fcs", modality="cytometry")


@pytest.mark.filterwarnings("ignore:.*[zZ]arr")
def test_sentences_name_the_file_of_the_user(tmp_path: Path) -> None:
    """Values are checked in an h5ad that was made of the file."""
    pytest.importorskip("zarr")
    adata = small()
    adata.X = adata.X.log1p()
    adata.write_zarr(tmp_path / "x.zarr")
    for options in ({}, {"annotation_keys": ["type"]}, {"use_rep": "X_rep"}):
        with pytest.raises(InputError) as caught:
            taken(tmp_path / "x.zarr", **options)
        for problem in caught.value.problems:
            assert problem.startswith(f"{tmp_path / 'x.zarr'}: "), problem
    with pytest.raises(InputError, match=r"x.zarr: obs has no column 'type'"):
        check_annotation([tmp_path / "x.zarr"], annotation_key="type")


def test_matrix_folders_can_be_read_in_blocks(tmp_path: Path) -> None:
    """Scanpy reads them by genes."""
    pytest.importorskip("dask")
    write_10x_folder(tmp_path / "x", small())
    sample = Sample(sample="x", path=str(tmp_path / "x"), condition="c")
    assert choose_scale([sample], "lazy") == "lazy"
    prepare_lazily([sample], tmp_path / "p.h5ad", min_genes=1, min_cells=1)
    found, expected = ad.read_h5ad(tmp_path / "p.h5ad"), taken(tmp_path / "x")
    assert (found.layers["counts"] != expected.X).nnz == 0


def test_a_damaged_file_of_another_format_is_named(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "matrix.mtx.gz").write_bytes(b"nothing")
    with pytest.raises(InputError, match="scanpy cannot read it as 10x folder"):
        taken(tmp_path / "x")


def test_a_folder_that_holds_no_cells_is_no_format(tmp_path: Path) -> None:
    assert format_of(tmp_path) is None
    assert format_of(tmp_path / "nowhere.fcs") is None
