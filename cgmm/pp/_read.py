"""Read the slots of an h5ad file that a sample needs, and nothing else of it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import anndata as ad
import h5py
import numpy as np
import pandas as pd
from anndata.io import read_elem
from anndata.utils import make_index_unique

from cgmm.pp._file_checks import check_indices, check_matrix, check_table, part
from cgmm.pp._samples import InputError, Sample, listed

Matrix: TypeAlias = h5py.Group | h5py.Dataset

#: what HDF5, anndata, pandas and scipy raise on files that are not what they say they are
UNREADABLE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


@contextmanager
def opened(path: str | Path) -> Iterator[h5py.File]:
    """Open an h5ad file for reading; turn every way it can be broken into one sentence.

    Raises
    ------
    InputError
        When the file is missing, is not HDF5, holds no AnnData object, or is damaged.
    """
    if not Path(path).is_file():
        kind = "is a folder, not a file" if Path(path).is_dir() else "the file does not exist"
        msg = f"{path}: {kind}. Correct `path` in the sample sheet."
        raise InputError(msg)
    try:
        with h5py.File(path, "r") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # names are checked here, with better words
            for slot in ("obs", "var"):
                check_table(file, slot)
            yield file
    except InputError:
        raise
    except MemoryError as error:
        msg = (
            f"{path}: needs more memory than there is. It may be damaged: copy or write it again; "
            "if it is whole, use a machine with more memory."
        )
        raise InputError(msg) from error
    except UNREADABLE as error:
        msg = (
            f"{path}: cannot be read as an h5ad file ({_one_line(error)}). "
            "It may be damaged or only partly copied: copy or write it again."
        )
        raise InputError(msg) from error
    except Exception as error:
        if type(error).__name__ != "IORegistryError":  # of anndata, which does not export it
            raise
        msg = (
            f"{path}: holds something that this version of anndata cannot read "
            f"({_one_line(error)}). Update anndata, or write the file again with an older one."
        )
        raise InputError(msg) from error


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:160]


def values_of(file: h5py.File, *, layer: str | None) -> Matrix:
    """Find the matrix of counts (or of transformed features) in an open file."""
    found = part(file, f"layers/{layer}" if layer else "X")
    if found is not None and found.attrs.get("encoding-type") == "null":
        found = None
    if found is None and layer:
        there = listed(file.get("layers", {}))
        msg = (
            f"{file.filename}: there is no layer {layer!r} (layers: {there}). "
            "Correct `counts_layer` in the config, or set it to null to read X."
        )
        raise InputError(msg)
    if found is None:
        msg = (
            f"{file.filename}: there is no X (layers: {listed(file.get('layers', {}))}). "
            "Name the layer that holds the counts as `counts_layer` in the config."
        )
        raise InputError(msg)
    check_matrix(found, (check_table(file, "obs"), check_table(file, "var")))
    return found


def matrix_of(file: h5py.File, *, layer: str | None) -> Any:
    """Read the whole matrix of :func:`values_of`, dense or sparse."""
    stored = values_of(file, layer=layer)
    values: Any = read_elem(stored)
    if isinstance(stored, h5py.Group):
        minor = values.shape[0] if values.format == "csc" else values.shape[1]
        check_indices(values.indices, minor, stored)
    return values


def table_index(group: h5py.Group) -> pd.Index:
    """Row names of a stored data frame."""
    return pd.Index(np.asarray(read_elem(group[group.attrs.get("_index", "_index")]), dtype=str))


def table_columns(group: h5py.Group) -> list[str]:
    """Column names of a stored data frame."""
    return [
        name.decode() if isinstance(name, bytes) else str(name)
        for name in group.attrs.get("column-order", [])
    ]


def gene_names(file: h5py.File, *, gene_column: str | None) -> pd.Index:
    """Gene names of an open file: the index of ``var``, or one of its columns."""
    var = file["var"]
    if gene_column is None:
        return table_index(var)
    if gene_column not in table_columns(var):
        msg = (
            f"{file.filename}: var has no column {gene_column!r} "
            f"(columns: {listed(table_columns(var))}). Correct `gene_column` in the config, "
            "or set it to null to use the row names of var."
        )
        raise InputError(msg)
    return pd.Index(pd.Series(read_elem(var[gene_column])).astype(str).to_numpy())


def cells_of(file: h5py.File, sample: Sample) -> np.ndarray:
    """Which cells of an open file belong to a sample, shape (n_cells_of_file,), bool.

    Raises
    ------
    InputError
        When the column is missing or the sample has no cell.
    """
    n_cells = len(table_index(file["obs"]))
    if not sample.obs_column:
        chosen = np.ones(n_cells, dtype=bool)
        where = "the file holds no cell"
    else:
        columns = table_columns(file["obs"])
        if sample.obs_column not in columns:
            msg = (
                f"Sample {sample.sample}: obs of {sample.path} has no column "
                f"{sample.obs_column!r} (columns: {listed(columns)}). "
                "Correct `obs_column` in the sample sheet."
            )
            raise InputError(msg)
        values = pd.Series(read_elem(file["obs"][sample.obs_column])).astype(str)
        chosen = (values == sample.obs_value).to_numpy(dtype=bool)
        there = listed(sorted(set(values)))
        where = f"no cell has obs {sample.obs_column!r} = {sample.obs_value!r} (values: {there})"
    if not chosen.any():
        msg = (
            f"Sample {sample.sample}: it has no cells; in {sample.path} {where}. "
            "Correct the row of the sample sheet, or remove it."
        )
        raise InputError(msg)
    return chosen


def read_samples_of_file(
    path: str | Path,
    samples: list[Sample],
    *,
    counts_layer: str | None = None,
    gene_column: str | None = None,
    use_rep: str | None = None,
    values: bool = True,
) -> list[ad.AnnData]:
    """Read the samples that lie in one file.

    Parameters
    ----------
    path
        The h5ad file.
    samples
        The samples in it.
    counts_layer
        Layer with the values; None: ``X``.
    gene_column
        Column of ``var`` with the gene names; None: its row names.
    use_rep
        Key of ``obsm`` to bring along.
    values
        Whether to read the values; without them ``X`` is None.

    Returns
    -------
    list of AnnData
        One per sample: values in ``X`` (float32), ``obs`` of the file (columns made writable),
        gene names made unique, ``obs["barcode"]`` the names in the file.
    """
    with opened(path) as file:
        matrix = matrix_of(file, layer=counts_layer) if values else None
        stored: Any = read_elem(file["obs"])
        obs = writable(stored)
        genes = gene_names(file, gene_column=gene_column)
        rep = None if use_rep is None else np.asarray(part(file, f"obsm/{use_rep}"))
        chosen = [cells_of(file, sample) for sample in samples]
    found = []
    for mask in chosen:
        cells = ad.AnnData(
            X=None if matrix is None else matrix[mask].astype(np.float32),
            obs=obs[mask].copy(),
            var=pd.DataFrame(index=pd.Index(make_index_unique(genes), dtype=object)),
        )
        if use_rep is not None and rep is not None:
            cells.obsm[use_rep] = rep[mask].astype(np.float32)
        cells.obs["barcode"] = np.asarray(cells.obs_names, dtype=object)
        found.append(cells)
    return found


def writable(obs: pd.DataFrame) -> pd.DataFrame:
    """Copy of an obs table whose columns every version of anndata can write and join.

    Numbers and booleans stay (missing booleans become text), everything else becomes text; names
    with ``/`` get ``_``.
    """
    columns = {}
    for name in obs.columns:
        column = obs[name]
        key = str(name).replace("/", "_")
        if pd.api.types.is_bool_dtype(column.dtype) and not column.isna().any():
            columns[key] = column.to_numpy(dtype=bool)
        elif pd.api.types.is_numeric_dtype(column.dtype) and not isinstance(
            column.dtype, pd.CategoricalDtype
        ):
            whole = pd.api.types.is_integer_dtype(column.dtype) and not column.isna().any()
            columns[key] = column.to_numpy(
                **({"dtype": np.int64} if whole else {"dtype": float, "na_value": np.nan})
            )
        else:
            text = column.astype(object).where(column.notna(), "")
            columns[key] = text.map(str).to_numpy(dtype=object)
    return pd.DataFrame(columns, index=pd.Index(obs.index.map(str), dtype=object))
