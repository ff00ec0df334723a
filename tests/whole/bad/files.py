"""Mistakes in h5ad files, as the check of the workflow sees them. Made in a folder, ``f``."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anndata as ad
import h5py
import numpy as np
import pytest
import scipy.sparse as sp

from cgmm._utils.h5ad import write_h5ad
from cgmm.pp import InputError, Sample, check_samples, join_samples
from tests.pp.made import GENES, small
from tests.whole.bad.cases import Case

IDS = [f"ENSG{i:011d}" for i in range(60)]


def read(folder: Path, *, sample: dict[str, str] | None = None, **options: Any) -> None:
    """Check the files of a folder, and read them when they pass."""
    samples = [
        Sample(**{"sample": p.stem, "path": str(p), "condition": "c", **(sample or {})})
        for p in sorted(folder.glob("*.h5ad"))
    ]
    check_samples(samples, **options)
    only_checked = ("annotation_keys", "max_pct_mt")
    join_samples(samples, **{k: v for k, v in options.items() if k not in only_checked})


def content(data: bytes) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / "a.h5ad").write_bytes(data)
        read(folder)

    return make


def cells(
    change: Callable[[ad.AnnData], Any], *, also: ad.AnnData | None = None, **options: Any
) -> Callable[[Path], None]:
    """Write an object after a change; a second one beside it."""

    def make(folder: Path) -> None:
        adata = small()
        made = change(adata)
        write_h5ad(made if isinstance(made, ad.AnnData) else adata, folder / "a.h5ad")
        if also is not None:
            write_h5ad(also, folder / "b.h5ad")
        read(folder, **options)

    return make


def stored(
    change: Callable[[h5py.File], Any], sample: dict[str, str] | None = None, **options: Any
) -> Callable[[Path], None]:
    """Change what lies in the file, as no program should have written it."""

    def make(folder: Path) -> None:
        write_h5ad(small(), folder / "a.h5ad")
        with h5py.File(folder / "a.h5ad", "a") as file:
            change(file)
        read(folder, sample=sample, **options)

    return make


def values(change: Callable[[sp.csr_matrix], Any]) -> Callable[[Path], None]:
    def put(adata: ad.AnnData) -> None:
        adata.X = change(adata.X)

    return cells(put)


def cut(folder: Path) -> None:
    write_h5ad(small(), folder / "a.h5ad")
    whole = (folder / "a.h5ad").read_bytes()
    (folder / "a.h5ad").write_bytes(whole[: len(whole) // 2])
    read(folder)


def folder_for_file(folder: Path) -> None:
    (folder / "a.h5ad").mkdir()
    read(folder)


def renamed(names: list[str], *, seed: int = 0) -> ad.AnnData:
    return small(genes=names, seed=seed)


def put(name: str, value: Any, **attributes: Any) -> Callable[[h5py.File], None]:
    """Replace an object, keeping its attributes unless others are given."""

    def change(file: h5py.File) -> None:
        kept = dict(file[name].attrs) | attributes
        del file[name]
        file[name] = value
        file[name].attrs.update(kept)

    return change


def array(value: Any) -> Callable[[h5py.File], None]:
    return put("X", value, **{"encoding-type": "array", "encoding-version": "0.2.0"})


def element(name: str, at: int, value: float) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        file[name][at] = value

    return change


def attribute(name: str, key: str, value: Any) -> Callable[[h5py.File], None]:
    return lambda file: file[name].attrs.update({key: value})


def linked(link: h5py.SoftLink | h5py.ExternalLink) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file["X"]
        file["X"] = link

    return change


def huge(file: h5py.File) -> None:
    del file["X"]
    made = file.create_dataset("X", shape=(40, 10**9), dtype="f4", chunks=(1, 1000))
    made.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})


def many_texts(file: h5py.File) -> None:
    name = "obs/" + file["obs"].attrs["_index"]
    attributes = dict(file[name].attrs)
    del file[name]
    made = file.create_dataset(name, shape=(10**7,), dtype=h5py.string_dtype(), chunks=(1,))
    made.attrs.update(attributes)


def elsewhere(file: h5py.File) -> None:
    del file["X"]
    made = file.create_dataset("X", shape=(40, 60), dtype="u1", external=[("/etc/passwd", 0, 2400)])
    made.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})


def twice(folder: Path) -> None:
    """Two files with the same content."""
    write_h5ad(small(), folder / "a.h5ad")
    (folder / "b.h5ad").write_bytes((folder / "a.h5ad").read_bytes())
    read(folder)


def overlapping(folder: Path) -> None:
    """Two samples of one file that have cells in common."""
    adata = small()
    adata.obs["site"] = "north"
    write_h5ad(adata, folder / "a.h5ad")
    where = {"path": str(folder / "a.h5ad"), "condition": "c"}
    check_samples(
        [
            Sample(sample="x", obs_column="library", obs_value="L1", **where),
            Sample(sample="y", obs_column="site", obs_value="north", **where),
        ]
    )


def modalities(*names: str, **options: Any) -> Callable[[Path], None]:
    """A file of muon with some modalities."""

    def make(folder: Path) -> None:
        mudata = pytest.importorskip("mudata")
        path = folder / "a.h5mu"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of mudata
            mudata.MuData({name: small() for name in names}).write(path)
        check_samples([Sample(sample="a", path=str(path), condition="c")], **options)

    return make


def channels(*names: str, **options: Any) -> Callable[[Path], None]:
    """A file of a cytometer with two channels."""

    def make(folder: Path) -> None:
        flowio = pytest.importorskip("flowio")
        path = folder / "a.fcs"
        with path.open("wb") as file:
            flowio.create_fcs(file, [1.0, 2.0] * 10, list(names))
        check_samples([Sample(sample="a", path=str(path), condition="c")], **options)

    return make


def zarr_folder(change: Callable[[Any], Any]) -> Callable[[Path], None]:
    """An AnnData zarr after a change of its root."""

    def make(folder: Path) -> None:
        zarr = pytest.importorskip("zarr")
        path = folder / "a.zarr"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of anndata, about the format
            small().write_zarr(path)
        change(zarr.open_group(path, use_consolidated=False))
        check_samples([Sample(sample="a", path=str(path), condition="c")])

    return make


def without_values(root: Any) -> None:
    """Take away the only chunk of the values, as when a copy was broken off."""
    shape, dtype = root["X/data"].shape, root["X/data"].dtype
    del root["X/data"]
    root["X"].create_array("data", shape=shape, dtype=dtype, chunks=shape)


def nameless_loom(folder: Path) -> None:
    """A loom whose genes have numbers only."""
    loompy = pytest.importorskip("loompy")
    path = folder / "a.loom"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of loompy
        values, n = small().X.T.toarray(), {"n": np.arange(60)}
        loompy.create(str(path), values, n, {"n": np.arange(40)})
    check_samples([Sample(sample="a", path=str(path), condition="c")])


def mt_genes(name: str) -> Callable[[ad.AnnData], None]:
    return lambda adata: setattr(adata, "var_names", [name, *adata.var_names[1:]])


def kinds(*names: str) -> Callable[[ad.AnnData], None]:
    """Say what each feature is, one kind after the other."""
    return lambda adata: adata.var.__setitem__(
        "feature_types", [names[i % len(names)] for i in range(adata.n_vars)]
    )


def mitochondrial(adata: ad.AnnData) -> None:
    adata.var_names = ["MT-CO1", "MT-CO2", "MT-CO3", *adata.var_names[3:]]


def counts_in_raw(adata: ad.AnnData) -> None:
    adata.raw = adata.copy()
    adata.X = adata.X.log1p()


def counts_in_a_layer(adata: ad.AnnData) -> None:
    adata.layers["umi"] = adata.X.copy()
    adata.X = adata.X.log1p()


def zstandard(file: h5py.File) -> None:
    """Store a matrix with a compression that HDF5 knows by a plugin only."""
    data = file["X/data"]
    values = data[()]
    del file["X/data"]
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_chunk((len(values),))
    made.set_filter(32999, h5py.h5z.FLAG_OPTIONAL, ())
    space = h5py.h5s.create_simple((len(values),))
    h5py.h5d.create(file["X"].id, b"data", h5py.h5t.py_create(values.dtype), space, made)


def labels_elsewhere(file: h5py.File) -> None:
    """Categories in the way of anndata 0.7, whose labels are those of another table."""
    codes = file["obs/library/codes"][()]
    del file["obs/library"]
    made = file["obs"].create_dataset("library", data=codes)
    made.attrs["categories"] = file["var/_index"].ref


def slashed(file: h5py.File) -> None:
    """A column with a slash in its name, as anndata before 0.13 writes it; later ones refuse."""
    file.copy(file["obs/library"], file["obs"].require_group("CD4"), "CD8")
    order = [*file["obs"].attrs["column-order"], "CD4/CD8"]
    file["obs"].attrs["column-order"] = np.array(order, dtype=object)


def same_names(adata: ad.AnnData) -> None:
    adata.obs_names = ["AAAC-1"] * adata.n_obs


def rep(value: Callable[[np.ndarray], Any]) -> Callable[[ad.AnnData], None]:
    def change(adata: ad.AnnData) -> None:
        adata.obsm["X_rep"] = value(np.ones((adata.n_obs, 3)))

    return change


def centred(x: np.ndarray, seed: int) -> np.ndarray:
    points = np.random.default_rng(seed).normal(size=x.shape)
    return points - points.mean(axis=0)


def with_rep(seed: int) -> ad.AnnData:
    adata = small(seed=seed)
    adata.obsm["X_rep"] = centred(np.ones((adata.n_obs, 3)), seed)
    return adata


def hole(x: np.ndarray) -> np.ndarray:
    x[3, 1] = np.nan
    return x


FILES = [
    Case("a folder for a file", folder_for_file, "a.h5ad: is a folder, not a file", InputError),
    Case("an empty file", content(b""), "cannot be read as an h5ad file", InputError),
    Case("a table as text with the ending .h5ad", content(b"gene,cell\nA,1\n"), "cannot be read as an h5ad file", InputError),
    Case("half a file", cut, "It may be damaged or only partly copied: copy or write it again", InputError),
    Case("HDF5 of another program (loom)", stored(lambda f: [f.move("X", "matrix"), f.move("obs", "col_attrs")]), "holds no `obs` table, so it is not an h5ad file of today's format", InputError),
    Case("no cell", cells(lambda a: a[:0].copy()), "the file holds no cell", InputError),
    Case("no gene", cells(lambda a: a[:, :0].copy()), "There are no genes in", InputError),
    Case("no values at all", values(lambda x: x * 0), "the values in X are all zero", InputError),
    Case("a sparse matrix that stores nothing", values(lambda x: sp.csr_matrix(x.shape, dtype=x.dtype)), "the values in X are all zero", InputError),
    Case("logarithms", values(lambda x: x.log1p()), "they look like logarithms. Raw counts are needed", InputError),
    Case("normalised twice", values(lambda x: x.log1p().log1p()), "they look like logarithms", InputError),
    Case("normalised to 10,000", values(lambda x: x * 31.7), "they look normalised", InputError),
    Case("counts corrected for ambient RNA", values(lambda x: x * 10.1), "or corrected for ambient RNA (then round them)", InputError),
    Case("negative values", values(lambda x: x * -1), "hold negative values (smallest", InputError),
    Case("NaN", values(lambda x: x * np.nan), "hold missing or infinite values", InputError),
    Case("infinity", values(lambda x: x * np.inf), "hold missing or infinite values", InputError),
    Case("NaN in cytometry", cells(lambda a: setattr(a, "X", a.X * np.nan), modality="cytometry"), "hold missing or infinite values. Remove those cells", InputError),
    Case("no X", cells(lambda a: ad.AnnData(obs=a.obs, var=a.var)), "there is no X (layers: none)", InputError),
    Case("a layer misspelt", cells(lambda a: a.layers.update(counts=a.X), counts_layer="count"), "there is no layer 'count' (layers: counts). Correct `counts_layer`", InputError),
    Case("a gene column misspelt", cells(lambda a: None, gene_column="symbol"), "var has no column 'symbol'", InputError),
    Case("an annotation misspelt", cells(lambda a: None, annotation_keys=["celltype"]), "obs has no column 'celltype' (columns: library). Correct `annotation_key`", InputError),
    Case("the column of samples misspelt", cells(lambda a: None, sample={"obs_column": "lib", "obs_value": "L1"}), "has no column 'lib' (columns: library). Correct `obs_column`", InputError),
    Case("a sample that is not in the file", cells(lambda a: None, sample={"obs_column": "library", "obs_value": "L9"}), "no cell has obs 'library' = 'L9' (values: L1, L2)", InputError),
    Case("barcodes used twice", cells(same_names), "40 cells of", InputError),
    Case("an embedding misspelt", cells(rep(lambda x: x), use_rep="X_scVI"), "obsm has no 'X_scVI' (keys: X_rep). Correct `use_rep`", InputError),
    Case("NaN in the embedding", cells(rep(hole), use_rep="X_rep"), "obsm 'X_rep' holds missing or infinite values", InputError),
    Case("a sparse embedding", cells(rep(sp.csr_matrix), use_rep="X_rep"), "obsm 'X_rep' is not a plain cells x dimensions array of numbers", InputError),
    Case("symbols here, Ensembl ids there", cells(lambda a: None, also=renamed(IDS)), "One uses Ensembl ids, the other gene symbols", InputError),
    Case("mouse here, human there", cells(lambda a: None, also=renamed([g.capitalize() for g in GENES])), "They differ by upper and lower case", InputError),
    Case("no gene in common", cells(lambda a: None, also=renamed([f"X{i}" for i in range(60)])), "The samples share only 0 of 60 genes", InputError),
    Case("X is text", stored(array("hello")), "`X` holds values of type object of shape ()", InputError),
    Case("X is a list", stored(array(np.ones(40))), "`X` holds numbers of shape (40,), not numbers of shape (40, 60)", InputError),
    Case("X has too few rows", stored(array(np.ones((10, 60)))), "`X` holds numbers of shape (10, 60), not numbers of shape (40, 60)", InputError),
    Case("X has an unknown encoding", stored(attribute("X", "encoding-type", "magic")), "`X` is stored as 'magic', which is no matrix known here", InputError),
    Case("X of a newer anndata", stored(attribute("X", "encoding-version", "9.9.9")), "holds something that this version of anndata cannot read", InputError),
    Case("a shape that is not that of the tables", stored(attribute("X", "shape", np.array([10**12, 60]))), "`X` declares the shape [1000000000000, 60], but there are (40, 60)", InputError),
    Case("a sparse matrix without indices", stored(lambda f: f.pop("X/indices") and None), "is a sparse matrix without data, indices or indptr", InputError),
    Case("a sparse matrix whose parts differ in length", stored(lambda f: put("X/data", f["X/data"][:5])(f)), "the parts of the sparse matrix `X` do not fit together", InputError),
    Case("rows that lead backwards", stored(element("X/indptr", 7, 0)), "the rows of the sparse matrix `X` do not follow each other", InputError),
    Case("rows beyond the end", stored(element("X/indptr", -1, 10**6)), "the rows of the sparse matrix `X` do not follow each other", InputError),
    Case("values outside the columns", stored(element("X/indices", 3, 10**6)), "the sparse matrix `X` has values outside its 60 columns", InputError),
    Case("values at negative columns", stored(element("X/indices", 3, -7)), "the sparse matrix `X` has values outside its 60 columns", InputError),
    Case("terabytes declared, none stored", stored(huge), "MB, but the file holds 0 bytes of it", InputError),
    Case("ten million names declared, none stored", stored(many_texts), "MB, but the file holds 0 bytes of it", InputError),
    Case("a link to another file", stored(linked(h5py.ExternalLink("/etc/passwd", "/"))), "`X` is a link to another place or file, which is not followed", InputError),
    Case("a link to itself", stored(linked(h5py.SoftLink("/X"))), "`X` is a link to another place or file", InputError),
    Case("values kept in another file", stored(elsewhere), "`X` keeps its values in another file, which is not read", InputError),
    Case("a table within itself", stored(lambda f: f["obs"].__setitem__("again", f["/"])), "`obs` holds more parts than such a table has", InputError),
    Case("a table without row names", stored(attribute("obs", "_index", "nothing")), "`obs` has no list of row names", InputError),
    Case("row names that are too few", stored(put("obs/_index", np.array(["a", "b"], dtype=object))), "`X` declares the shape [40, 60], but there are (2, 60)", InputError),
    Case("a column that is too short", stored(put("obs/library/codes", np.zeros(2, dtype=np.int8)), {"obs_column": "library", "obs_value": "L1"}), "column 'library' of `obs` has 2 values for 40 rows", InputError),
    Case("a column that is not there", stored(attribute("obs", "column-order", np.array(["nope"], dtype=object)), annotation_keys=["nope"]), "column 'nope' of `obs` has nothing for 40 rows", InputError),
    Case("labels of another table (anndata 0.7)", stored(labels_elsewhere, {"obs_column": "library", "obs_value": "L1"}), "the categories of column `obs/library` are not where they belong", InputError),
    Case("a compression that HDF5 does not know", stored(zstandard), "`X/data` is compressed with filter 32999 of HDF5, which HDF5 reads only with a plugin. Install the package hdf5plugin", InputError),
    Case("a slash in the name of the annotation", stored(slashed, annotation_keys=["CD4/CD8"]), "Write `annotation_key: CD4_CD8` in the config", InputError),
    Case("an annotation without a label", cells(lambda a: a.obs.__setitem__("type", np.full(40, np.nan)), annotation_keys=["type"]), "obs 'type' is missing in every cell", InputError),
    Case("counts in .raw", cells(counts_in_raw), "raw/X of this file holds whole numbers: set `counts_layer: raw` in the config", InputError),
    Case("counts in a layer", cells(counts_in_a_layer), "layer 'umi' of this file holds whole numbers: set `counts_layer: umi` in the config", InputError),
    Case("no .raw", cells(lambda a: None, counts_layer="raw"), "there is no raw/X (layers: none). Correct `counts_layer`", InputError),
    Case("antibodies only", cells(kinds("Antibody Capture")), "has no features of gene expression (60 Antibody Capture)", InputError),
    Case("a feature misspelt", cells(lambda a: None, features={"use": ["CD3"]}), "has no feature 'CD3' (features: GENE000", InputError),
    Case("a feature to leave out misspelt", cells(lambda a: None, features={"leave_out": ["Tme"]}), "No file has a feature 'Tme' (features: GENE000", InputError),
    Case("a word for the features that is not known", cells(lambda a: None, features={"drop": ["Time"]}), "features: unknown key drop; give use, leave_out or both", InputError),
    Case("a way to treat missing genes that is not known", cells(lambda a: None, missing_genes="nan"), "missing_genes='nan' is not known: give \"leave_out\" or \"zero\"", InputError),
    Case("a word for the reading that is not known", cells(lambda a: None, reading={"kofaktor": 5}), "reading: unknown key kofaktor; give h5mu_modality or cofactor", InputError),
    Case("a cofactor of nothing", cells(lambda a: None, reading={"cofactor": 0}), "reading: cofactor=0 is no positive number: give the divisor under the arcsinh", InputError),
    Case("a modality that is a number", cells(lambda a: None, reading={"h5mu_modality": 1}), "reading: h5mu_modality=1 is no name of a modality: give text", InputError),
    Case("a modality that is not there", modalities("rna", "prot", reading={"h5mu_modality": "adt"}), "has no modality 'adt' (modalities: prot, rna)", InputError),
    Case("modalities without rna", modalities("atac", "prot"), "holds the modalities atac, prot, and not one that is called rna. Name the one to read as `reading: {h5mu_modality: ...}`", InputError),
    Case("channels taken for counts", channels("CD3", "CD19"), "holds channels of cytometry. Set `modality: cytometry` in the config", InputError),
    Case("no marker in an FCS file", channels("Time", "FSC-A", modality="cytometry"), "holds no channel beside time and scatter (channels: Time, FSC-A)", InputError),
    Case("a zarr that was copied in part", zarr_folder(without_values), "1 of 1 chunks of `X` are missing. The folder was only partly copied", InputError),
    Case("a zarr without an AnnData object", zarr_folder(lambda root: root.__delitem__("obs")), "is no AnnData object (it holds: ", InputError),
    Case("a loom without names of genes", nameless_loom, "has no names of genes (row attributes: n). Name one of them Gene or Accession", InputError),
    Case("mitochondrial genes called otherwise in each file", cells(mt_genes("MT-CO1"), also=renamed(["MT.CO1", *GENES[1:]], seed=1), max_pct_mt=5.0), "no mitochondrial gene is called the same in every file (MT-CO1, MT.CO1)", InputError),
    Case("a limit without mitochondrial genes", cells(lambda a: None, max_pct_mt=5.0), "qc.max_pct_mt is 5, but no gene is known to be mitochondrial", InputError),
    Case("mitochondrial genes in one file only", cells(mitochondrial, also=small(seed=1), max_pct_mt=5.0), "b.h5ad has no mitochondrial genes", InputError),
    Case("names with a prefix here, without there", cells(lambda a: None, also=renamed([f"GRCh38_{g}" for g in GENES], seed=1)), "They differ by a prefix ('GRCh38_')", InputError),
    Case("names with points here, with lines there", cells(lambda a: setattr(a, "var_names", [f"G{i}-A" for i in range(60)]), also=renamed([f"G{i}.A" for i in range(60)], seed=1)), "They differ by marks such as `.` and `-`", InputError),
    Case("two copies of one file", twice, "are copies of one file), which would count twice", InputError),
    Case("two samples with cells in common", overlapping, "Samples x and y share 20 cells of", InputError),
    Case("cells of another file", cells(lambda a: None, also=small()[5:].copy()), "Samples a and b hold the same cells: 35 names are in", InputError),
    Case("a PCA of each file by itself", cells(rep(lambda x: centred(x, 0)), also=with_rep(1), use_rep="X_rep"), "obsm 'X_rep' has the mean zero in each of the 2 files", InputError),
]  # fmt: skip
