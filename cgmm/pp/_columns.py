"""Columns of ``obs`` and ``var`` of an open file, as anndata reads them: labels, never codes."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
import pandas as pd
from anndata.io import read_elem

from cgmm.pp._file_checks import categories_of, check_column, part
from cgmm.pp._samples import InputError

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


MAX_WHOLE = 2.0**53  #: beyond, a decimal number does not hold every whole one


def table_index(group: h5py.Group) -> pd.Index:
    """Row names of a stored data frame."""
    return pd.Index(np.asarray(read_elem(group[group.attrs.get("_index", "_index")]), dtype=str))


def table_columns(group: h5py.Group) -> list[str]:
    """Column names of a stored data frame."""
    return [
        name.decode() if isinstance(name, bytes) else str(name)
        for name in group.attrs.get("column-order", [])
    ]


def read_column(file: h5py.File, slot: str, name: str) -> pd.Series:
    """Read one column of ``obs``, ``var`` or ``raw/var``.

    Parameters
    ----------
    file
        An open h5ad file.
    slot
        Path of the table.
    name
        Name of the column.

    Returns
    -------
    Series
        The values. Categories are labels in every layout, also in that of anndata 0.7, which
        stores the codes in the column and the labels beside it.

    Raises
    ------
    InputError
        When the column is not stored, is too short, or is stored elsewhere.
    """
    stored = check_column(file, slot, name)
    labels = categories_of(stored, slot)
    values: Any = read_elem(stored)
    if labels is not None:
        values = pd.Categorical.from_codes(np.asarray(values), _decoded(read_elem(labels)))
    elif isinstance(values, np.ndarray) and values.dtype.kind in "SO":
        values = _decoded(values)
    return pd.Series(values, name=name)


def _decoded(values: Any) -> Any:
    """Text for bytes, which old files hold."""
    array = np.asarray(values)
    if array.dtype.kind == "S" or any(isinstance(value, bytes) for value in array[:1]):
        return np.array(
            [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in array.tolist()],
            dtype=object,
        )
    return values


def labels_of(column: pd.Series) -> np.ndarray:
    """Text of every value of a column, None where it is missing; shape (n_rows,), object.

    Whole numbers are written alike, however they are stored: a column with gaps holds 1.0 for 1.
    """
    texts = _whole(column).astype(str).astype(object)
    return texts.where(column.notna().to_numpy(), None).to_numpy(dtype=object)


def _whole(column: pd.Series) -> pd.Series:
    """Whole numbers for numbers that are stored as decimals and are whole."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        labels = pd.Series(column.cat.categories)
        found = _whole(labels)
        if found is labels:
            return column
        return pd.Series(column.cat.rename_categories([str(v) for v in found]), index=column.index)
    if not pd.api.types.is_float_dtype(column.dtype):
        return column
    values = column.to_numpy(dtype=float, na_value=np.nan)
    there = values[~np.isnan(values)]
    if (there != np.rint(there)).any() or (np.abs(there) > MAX_WHOLE).any():
        return column
    return pd.Series(pd.array(values, dtype="Float64").astype("Int64"), index=column.index)


def read_table(file: h5py.File, slot: str) -> tuple[pd.DataFrame, list[str]]:
    """Read every column of a table that can be read.

    Parameters
    ----------
    file
        An open h5ad file.
    slot
        Path of the table.

    Returns
    -------
    The table, and the names of the columns that cannot be read and were left out.
    """
    columns: dict[str, Any] = {}
    unreadable: list[str] = []
    for name in table_columns(file[slot]):
        try:
            columns[name] = read_column(file, slot, name).array
        except (InputError, *UNREADABLE):
            unreadable.append(name)
        except Exception as error:
            if type(error).__name__ != "IORegistryError":  # of anndata, which does not export it
                raise
            unreadable.append(name)
    index = table_index(file[slot])
    index_name = file[slot].attrs.get("_index", "_index")
    index.name = None if index_name == "_index" else index_name
    return pd.DataFrame(columns, index=index), unreadable


def unreadable_columns(file: h5py.File, slot: str) -> list[str]:
    """Names of the columns of a table that are not stored as they should be; nothing is read."""
    found = []
    for name in table_columns(file[slot]):
        try:
            check_column(file, slot, name)
        except InputError:
            found.append(name)
    return found


def has_table(file: h5py.File, slot: str) -> bool:
    """Whether a file holds a table at a path."""
    return isinstance(part(file, slot), h5py.Group)


def writable(obs: pd.DataFrame) -> pd.DataFrame:
    """Copy of an obs table whose columns every version of anndata can write and join.

    Numbers and booleans stay (missing booleans become text), everything else becomes text; names
    with ``/`` get ``_``.
    """
    columns = {}
    for name in obs.columns:
        column = obs[name]
        key = stored_name(name)
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
    # without the name of the index: a column may have it too
    names = np.array([str(name) for name in obs.index], dtype=object)
    return pd.DataFrame(columns, index=pd.Index(names, dtype=object))


def labelled(table: pd.DataFrame) -> pd.DataFrame:
    """Copy of a table that every version of anndata can write; missing labels stay missing.

    Numbers and truth values stay as in :func:`writable`, everything else becomes categories.
    """
    found = writable(table)
    for name in table.columns:
        column = found[stored_name(name)]
        if not pd.api.types.is_numeric_dtype(column.dtype):  # truth values are numbers here
            found[stored_name(name)] = pd.Categorical(labels_of(table[name]))
    return found


def stored_name(name: object) -> str:
    """Name of a column in the files of the workflow: HDF5 takes ``/`` for a folder."""
    return str(name).replace("/", "_")
