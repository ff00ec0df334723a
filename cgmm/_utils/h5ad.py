"""h5ad files that older programs can open."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import anndata as ad
import pandas as pd

from cgmm._utils.files import atomic
from cgmm._utils.lazy_rows import is_lazy

FASTEST = 1  # level of gzip


def write_h5ad(adata: ad.AnnData, path: Path | str) -> None:
    """Write an AnnData to an h5ad file that older versions of anndata and R can read.

    Values that are a Dask array are written chunk by chunk, with the fastest compression: a third
    less time, and a file that is hardly larger.

    Parameters
    ----------
    adata
        The object to write; it is not changed.
    path
        Path of the file.
    """
    with atomic(path) as temporary, plain_strings():
        level = FASTEST if is_lazy(adata.X) else None
        adata.write_h5ad(temporary, compression="gzip", compression_opts=level)


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
