"""Mistakes in h5ad files, as the check of the workflow sees them. Made in a folder, ``f``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anndata as ad
import h5py
import numpy as np
import scipy.sparse as sp

from cgmm._utils.files import write_h5ad
from cgmm.pp import InputError, Sample, check_samples, join_samples
from tests.pp.test_pp import GENES, small
from tests.whole.bad.cases import Case

IDS = [f"ENSG{i:011d}" for i in range(60)]


def read(folder: Path, *, sample: dict[str, str] | None = None, **options: Any) -> None:
    """Check the files of a folder, and read them when they pass."""
    samples = [
        Sample(**{"sample": p.stem, "path": str(p), "condition": "c", **(sample or {})})
        for p in sorted(folder.glob("*.h5ad"))
    ]
    check_samples(samples, **options)
    join_samples(samples, **{k: v for k, v in options.items() if k != "annotation_keys"})


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


def stored(change: Callable[[h5py.File], Any]) -> Callable[[Path], None]:
    """Change what lies in the file, as no program should have written it."""

    def make(folder: Path) -> None:
        write_h5ad(small(), folder / "a.h5ad")
        with h5py.File(folder / "a.h5ad", "a") as file:
            change(file)
        read(folder)

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


def renamed(names: list[str]) -> ad.AnnData:
    return small(genes=names)


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


def same_names(adata: ad.AnnData) -> None:
    adata.obs_names = ["AAAC-1"] * adata.n_obs


def rep(value: Callable[[np.ndarray], Any]) -> Callable[[ad.AnnData], None]:
    def change(adata: ad.AnnData) -> None:
        adata.obsm["X_rep"] = value(np.ones((adata.n_obs, 3)))

    return change


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
    Case("a column that is too short", stored(put("obs/_index", np.array(["a", "b"], dtype=object))), "column 'library' of `obs` has 40 values for 2 rows", InputError),
    Case("a column that is not there", stored(attribute("obs", "column-order", np.array(["nope"], dtype=object))), "column 'nope' of `obs` has nothing for 40 rows", InputError),
]  # fmt: skip
