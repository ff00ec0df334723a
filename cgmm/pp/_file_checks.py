"""Whether the parts of an h5ad file that are to be read can be: nothing is read into them here.

A file may come from anybody, and what reads it in bulk (HDF5, scipy) believes what it declares.
So before a part is read, its shapes must fit together, it must lie in the file itself, and it must
not declare far more than the file holds.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np

with contextlib.suppress(ImportError):  # where it is installed, zstd, blosc and the like are read
    import hdf5plugin  # noqa: F401

from cgmm.pp._samples import InputError

AGAIN = "Read it with anndata and write it again with `.write_h5ad`."
MAX_DEPTH = 8
MAX_PARTS = 100_000
SMALL = 256 * 2**20  # bytes; less may be declared freely
MAX_ATTRIBUTE = 16 * 2**20
OVERHEAD = 500  # bytes that reading takes for every chunk, and for every text
MAX_RATIO = 2000  # of declared to stored bytes; gzip comes to 1030
NUMBERS = "fiub"
FILTERS = {  # HDF5's numbers of filters that h5py does not bring along
    307: "bzip2",
    32001: "blosc",
    32004: "lz4",
    32008: "bitshuffle",
    32015: "zstd",
    32026: "blosc2",
}
SPARSE = {"csr_matrix": 0, "csc_matrix": 1}  # encoding -> axis that indptr runs along


def part(file: h5py.File, path: str) -> Any:
    """Return what lies at a path of the file itself, or None.

    Raises
    ------
    InputError
        When it lies in another file, is a link, is too large to be true or too nested.
    """
    found: Any = file
    for name in path.split("/"):
        if not isinstance(found, h5py.Group) or name not in _names(found):
            return None
        _refuse_link(found, name, path)
        found = found[name]
    for one in _below(found, path):
        _check_attributes(one)
        if isinstance(one, h5py.Dataset):
            _check_dataset(one)
    return found


def _names(group: h5py.Group) -> set[str]:
    """Names in a group; ``in`` would follow links into other files."""
    return set(group)


def _refuse_link(group: h5py.Group, name: str, path: str) -> None:
    if group.get(name, getclass=True, getlink=True) is not h5py.HardLink:
        msg = (
            f"{group.file.filename}: `{path}` is a link to another place or file, which is not "
            f"followed. {AGAIN}"
        )
        raise InputError(msg)


def _below(node: Any, path: str) -> Iterator[Any]:
    """Yield the node and all that is in it."""
    waiting = [(node, 0)]
    n = 0
    while waiting:
        one, depth = waiting.pop()
        n += 1
        if depth > MAX_DEPTH or n > MAX_PARTS:
            msg = f"{one.file.filename}: `{path}` holds more parts than such a table has. {AGAIN}"
            raise InputError(msg)
        yield one
        if isinstance(one, h5py.Group):
            for name in one:
                _refuse_link(one, name, f"{path}/{name}")
                waiting.append((one[name], depth + 1))


def _check_dataset(data: h5py.Dataset) -> None:
    where = f"{data.file.filename}: `{data.name.lstrip('/')}`"
    if data.external or data.is_virtual:
        msg = f"{where} keeps its values in another file, which is not read. {AGAIN}"
        raise InputError(msg)
    # a chunk is read whole, however little of it belongs to the dataset
    chunk = math.prod(data.chunks or ()) * data.dtype.itemsize
    declared = max(data.nbytes, chunk, OVERHEAD * _n_pieces(data))
    stored = data.id.get_storage_size()
    if declared > SMALL and declared > MAX_RATIO * stored:
        msg = (
            f"{where} declares {declared / 2**20:,.0f} MB, but the file holds {stored:,} bytes of "
            "it. It may be damaged or only partly written: copy or write it again."
        )
        raise InputError(msg)


def check_filters(stored: Any) -> None:
    """Check that all that lies at a place was compressed in a way that can be undone here.

    Raises
    ------
    InputError
        That names the compression and the package that brings it.
    """
    for one in _below(stored, stored.name):
        if not isinstance(one, h5py.Dataset):
            continue
        made = one.id.get_create_plist()
        for number in (made.get_filter(i)[0] for i in range(made.get_nfilters())):
            if not h5py.h5z.filter_avail(number):
                known = FILTERS.get(number, f"filter {number} of HDF5")
                msg = (
                    f"{one.file.filename}: `{one.name.lstrip('/')}` is compressed with {known}, "
                    "which HDF5 reads only with a plugin. Install the package hdf5plugin, or write "
                    'the file again with `.write_h5ad(path, compression="gzip")`.'
                )
                raise InputError(msg)


def _n_pieces(data: h5py.Dataset) -> int:
    """How many texts or chunks reading handles one by one."""
    if data.dtype.kind == "O":
        return int(data.size or 0)
    if not data.chunks:
        return 1
    return math.prod(-(-n // c) for n, c in zip(data.shape, data.chunks, strict=True))


def _check_attributes(node: Any) -> None:
    for name in node.attrs:
        attribute = node.attrs.get_id(name)
        size = attribute.get_space().get_simple_extent_npoints() * attribute.dtype.itemsize
        if size > MAX_ATTRIBUTE:
            _refuse(node.file, f"the attribute {name!r} of `{node.name.lstrip('/')}` is too large")


def check_table(file: h5py.File, slot: str) -> int:
    """Check ``obs`` or ``var`` and return its number of rows.

    Raises
    ------
    InputError
        When there is no such table, or when its index and columns do not fit together.
    """
    group = part(file, slot)
    if not isinstance(group, h5py.Group):
        msg = (
            f"{file.filename}: holds no `{slot}` table, so it is not an h5ad file of today's "
            f"format. {AGAIN}"
        )
        raise InputError(msg)
    index = group.attrs.get("_index")
    length = _length(group, index)
    if length is None:
        _refuse(file, f"`{slot}` has no list of row names")
    check_filters(group[index])
    columns = group.attrs.get("column-order")
    if np.ndim(columns) != 1 or not all(isinstance(name, str | bytes) for name in columns):
        _refuse(file, f"the list of columns of `{slot}` is not a list of names")
    return int(length or 0)


def check_column(file: h5py.File, slot: str, name: str) -> Any:
    """Check that a column of a table can be read, and return where it is stored.

    A table is accepted whatever its columns are: only a column that is used has to be whole.

    Raises
    ------
    InputError
        When there is no such column, or it has another length than the table.
    """
    group = file[slot]
    n_rows = _length(group, group.attrs.get("_index"))
    stored = part(file, f"{slot}/{name}")
    n_values = _length_of(stored)
    if n_values is None or n_values != n_rows:
        rows = "nothing" if n_values is None else f"{n_values} values"
        _refuse(file, f"column {name!r} of `{slot}` has {rows} for {n_rows} rows")
    check_filters(stored)
    return stored


def categories_of(stored: Any, slot: str) -> h5py.Dataset | None:
    """Labels of a column whose values are codes, as anndata 0.7 stored it; None for others.

    Raises
    ------
    InputError
        When the labels do not lie beside the table.
    """
    reference = stored.attrs.get("categories")
    if not isinstance(stored, h5py.Dataset) or reference is None:
        return None
    where = f"column `{stored.name.lstrip('/')}`"
    labels = stored.file[reference] if isinstance(reference, h5py.Reference) else None
    place = f"/{slot}/__categories/"
    if not isinstance(labels, h5py.Dataset) or not str(labels.name).startswith(place):
        _refuse(stored.file, f"the categories of {where} are not where they belong")
    _check_dataset(labels)
    return labels


def _length(group: h5py.Group, name: Any) -> int | None:
    """Length of a stored column, None when it is none."""
    if not isinstance(name, str) or name not in _names(group):
        return None
    return _length_of(group[name])


def _length_of(found: Any) -> int | None:
    """Length of what is stored as a column, None when it is none."""
    if isinstance(found, h5py.Group):  # categorical, or nullable
        for inner in ("codes", "values"):
            if isinstance(found.get(inner), h5py.Dataset):
                found = found[inner]
                break
    return found.shape[0] if isinstance(found, h5py.Dataset) and found.ndim == 1 else None


def check_matrix(matrix: Any, shape: tuple[int, int]) -> None:
    """Check a stored matrix against the numbers of cells and genes.

    Raises
    ------
    InputError
        When it has another shape, no numbers, or is sparse in a form that cannot be.
    """
    file, where = matrix.file, f"`{matrix.name.lstrip('/')}`"
    check_filters(matrix)
    if isinstance(matrix, h5py.Dataset):
        if matrix.shape != shape or matrix.dtype.kind not in NUMBERS:
            _refuse(file, f"{where} {_is(matrix)}, not numbers of shape {shape}")
        return
    encoding = matrix.attrs.get("encoding-type")
    if encoding not in SPARSE:
        _refuse(file, f"{where} is stored as {encoding!r}, which is no matrix known here")
    declared = np.asarray(matrix.attrs.get("shape", ()))
    if declared.shape != (2,) or declared.dtype.kind not in "iu" or tuple(declared) != shape:
        _refuse(file, f"{where} declares the shape {declared.tolist()}, but there are {shape}")
    arrays = [matrix.get(name) for name in ("data", "indices", "indptr")]
    if not all(isinstance(a, h5py.Dataset) and a.ndim == 1 for a in arrays):
        _refuse(file, f"{where} is a sparse matrix without data, indices or indptr")
    data, indices, indptr = arrays
    kinds = data.dtype.kind in NUMBERS and indices.dtype.kind in "iu" and indptr.dtype.kind in "iu"
    major = shape[SPARSE[encoding]]
    if not kinds or len(data) != len(indices) or len(indptr) != major + 1:
        _refuse(file, f"the parts of the sparse matrix {where} do not fit together")
    starts = indptr[()].astype(np.int64)
    if starts[0] != 0 or starts[-1] != len(data) or (np.diff(starts) < 0).any():
        _refuse(file, f"the rows of the sparse matrix {where} do not follow each other")


def check_indices(indices: np.ndarray, n: int, matrix: Any) -> None:
    """Check positions within rows (or columns) of a sparse matrix.

    Raises
    ------
    InputError
        When one lies outside.
    """
    if indices.size and (indices.min() < 0 or indices.max() >= n):
        where = f"`{matrix.name.lstrip('/')}`"
        _refuse(matrix.file, f"the sparse matrix {where} has values outside its {n} columns")


def _is(data: h5py.Dataset) -> str:
    kind = "numbers" if data.dtype.kind in NUMBERS else f"values of type {data.dtype}"
    return f"holds {kind} of shape {data.shape}"


def _refuse(file: h5py.File, why: str) -> None:
    msg = f"{file.filename}: {why}. It may be damaged: copy it or write it again."
    raise InputError(msg)
