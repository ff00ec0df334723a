"""h5ad files that older programs can open."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import anndata as ad
import h5py
import pandas as pd
import scipy.sparse as sp

from cgmm._utils.compressed_rows import FASTEST, write_csr
from cgmm._utils.files import atomic
from cgmm._utils.lazy_rows import is_lazy

SLOTS = ("obs", "var", "uns", "obsm", "varm", "layers", "obsp", "varp")


def write_h5ad(adata: ad.AnnData, path: Path | str) -> None:
    """Write an AnnData to an h5ad file that older versions of anndata and R can read.

    Values that are a Dask array of sparse blocks are written block by block, compressed by several
    threads (:mod:`cgmm._utils.compressed_rows`).

    Parameters
    ----------
    adata
        The object to write; it is not changed.
    path
        Path of the file.
    """
    with atomic(path) as temporary, plain_strings():
        if not (is_lazy(adata.X) and sp.issparse(adata.X._meta)):
            adata.write_h5ad(temporary, compression="gzip")
            return
        slots = {name: getattr(adata, name) for name in SLOTS}
        rest = ad.AnnData(**slots)
        rest.write_h5ad(temporary, compression="gzip", compression_opts=FASTEST)
        with h5py.File(temporary, "a") as file:
            file.pop("X", None)
            write_csr(file.create_group("X"), adata.X)


@contextlib.contextmanager
def plain_strings() -> Iterator[None]:
    """Make anndata write text in the encoding that older versions of anndata and R can read."""
    setting = "allow_write_nullable_strings"
    if not hasattr(ad.settings, setting):
        yield
        return
    with ad.settings.override(**{setting: False}):
        yield


def storable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose text columns are categorical, which every version of anndata can read.

    pandas 3 gives text a string dtype.  anndata 0.13 writes this dtype as a nullable string array,
    and anndata before 0.11 cannot read these arrays.
    """
    out = frame.copy()
    for name, column in frame.items():
        if pd.api.types.is_string_dtype(column) or pd.api.types.is_object_dtype(column):
            out[name] = pd.Categorical(column.astype(str).to_numpy(object))
    return out
