"""AnnData zarr folders, copied into an h5ad block by block: never more than a block in memory."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from anndata.io import read_elem, read_zarr, write_elem

from cgmm._utils.rows import BLOCK_VALUES
from cgmm.pp._columns import labelled
from cgmm.pp._samples import InputError, listed

SPARSE = ("csr_matrix", "csc_matrix")
MATRICES = ("X", "layers", "raw/X")


def copy_zarr(path: Path, target: Path) -> bool:
    """Copy what is read of a zarr folder into an h5ad.

    Parameters
    ----------
    path
        The folder, of zarr format 2 or 3.
    target
        The h5ad to write.

    Returns
    -------
    Whether it was copied; not when its layout is that of anndata before 0.7.
    """
    import zarr

    # metadata that were consolidated before a later change would misread what is stored
    source: Any = zarr.open_group(path, mode="r", use_consolidated=False)
    if "obs" not in source or "var" not in source:
        found = listed(name for name, _ in source.members())
        msg = (
            f"{path}: is no AnnData object (it holds: {found}). Give the folder of the object; in "
            "SpatialData it is a folder in tables."
        )
        raise InputError(msg)
    slots = [slot for slot in ("obs", "var", "raw/var") if slot in source]
    if any(source[slot].attrs.get("encoding-type") != "dataframe" for slot in slots):
        return False
    with h5py.File(target, "w") as file:
        file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        for slot in slots:
            *above, name = slot.split("/")
            parent = file.require_group(above[0]) if above else file
            write_elem(parent, name, labelled(read_elem(source[slot])))
        for name in MATRICES:
            if name in source:
                _copy(source[name], file, name)
        for name, stored in dict(source["obsm"].members() if "obsm" in source else ()).items():
            if stored.attrs.get("encoding-type") == "array":
                _copy(stored, file, f"obsm/{name}")
    return True


def read_whole(path: Path) -> Any:
    """Read a zarr folder of an old layout into memory."""
    return read_zarr(path)


def _copy(stored: Any, file: h5py.File, name: str) -> None:
    """Copy a matrix, or the matrices of a group."""
    encoding = stored.attrs.get("encoding-type")
    if not hasattr(stored, "members"):
        _copy_array(stored, file, name)
    elif encoding in SPARSE:
        for part in ("data", "indices", "indptr"):
            if part != "indptr":  # many empty rows at its start are a chunk of zeros
                _check_whole(stored[part], name)
            _copy_array(stored[part], file, f"{name}/{part}")
        shape = np.asarray(stored.attrs["shape"], dtype=np.int64)
        file[name].attrs["shape"] = shape
    elif encoding == "dict" or encoding is None:
        for part, inner in stored.members():
            _copy(inner, file, f"{name}/{part}")
        return
    file[name].attrs.update(
        {k: stored.attrs[k] for k in ("encoding-type", "encoding-version") if k in stored.attrs}
    )


def _check_whole(stored: Any, name: str) -> None:
    """Refuse a part of a sparse matrix that lacks chunks, which zarr would read as zeros."""
    there, n = stored.nchunks_initialized, stored.nchunks
    if there < n:
        msg = (
            f"{str(stored.store_path).removeprefix('file://')}: {n - there} of {n} chunks of "
            f"`{name}` are missing. The folder was only partly copied: copy or write it again."
        )
        raise InputError(msg)


def _copy_array(stored: Any, file: h5py.File, name: str) -> None:
    """Copy an array by its first axis, whole chunks at a time."""
    made = file.create_dataset(name, shape=stored.shape, dtype=stored.dtype)
    if not stored.shape:
        made[()] = stored[()]
        return
    piece = stored.chunks[0]  # of a shard, single chunks are read
    per_row = max(1, math.prod(stored.shape[1:]))
    step = piece * max(1, BLOCK_VALUES // (per_row * piece))
    for start in range(0, stored.shape[0], step):
        made[start : start + step] = np.asarray(stored[start : start + step])
