"""Rows of a sample sheet from what files say about their cells."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from cgmm.pp._columns import labels_of, read_column, table_columns
from cgmm.pp._file_checks import check_table
from cgmm.pp._read import opened
from cgmm.pp._reading import Reading
from cgmm.pp._samples import InputError, Sample, listed


def samples_of_files(
    paths: Sequence[str | Path],
    *,
    condition: str,
    sample: str | None = None,
    donor: str | None = None,
    batch: str | None = None,
    reading: Mapping[str, Any] | None = None,
) -> tuple[list[Sample], list[str]]:
    """Find the samples that files hold.

    Parameters
    ----------
    paths
        The files.
    condition
        Column of ``obs`` with the condition.
    sample
        Column of ``obs`` with the sample; None: every file is one sample, called as the file.
    donor, batch
        Columns of ``obs``; None: not known.
    reading
        As for :func:`cgmm.pp.check_samples`.

    Returns
    -------
    The samples, and remarks about cells that are in none.

    Raises
    ------
    InputError
        With one sentence per problem: a column is missing, or a sample has several conditions,
        donors or batches.
    """
    columns = {"sample": sample, "condition": condition, "donor": donor, "batch": batch}
    problems: list[str] = []
    remarks: list[str] = []
    found: list[Sample] = []
    taken: set[str] = set()
    if not paths:
        msg = "There is no file: give at least one."
        raise InputError(msg)
    for path in dict.fromkeys(str(path) for path in paths):
        if any(mark in path for mark in "\t\r\n"):
            problems.append(f"{path!r}: a path with a tab or a line end. Rename the file.")
            continue
        try:
            with opened(path, Reading.of(reading)) as file:
                table = _table(file, path, columns)
        except InputError as error:
            problems += error.problems
            continue
        if missing := int(table["sample"].isna().sum()):
            remarks.append(f"{path}: {missing} cells have no {sample!r} and are in no sample.")
        groups = dict(list(table.groupby("sample", sort=False)))
        for key, cells in groups.items():
            label = str(key)
            try:
                fields = {
                    name: _only(cells[name], f"{path}: sample {label}", column)
                    for name, column in columns.items()
                    if column is not None and name != "sample"
                }
            except InputError as error:
                problems += error.problems
                continue
            alone = sample is None or (len(groups) == 1 and not missing)
            name = _name(label, path, taken)
            taken.add(name)
            where = {} if alone else {"obs_column": str(sample), "obs_value": label}
            found.append(Sample(sample=name, path=path, **fields, **where))
    if problems:
        raise InputError(problems)
    return found, remarks


def _table(file: h5py.File, path: str, columns: dict[str, str | None]) -> pd.DataFrame:
    """Labels of the columns that are named; without one for the sample, the name of the file."""
    there = table_columns(file["obs"])
    n_cells = check_table(file, "obs")
    if not n_cells:
        msg = f"{path}: the file holds no cell."
        raise InputError(msg)
    found = {}
    for name, column in columns.items():
        if column is None:
            values = np.full(n_cells, Path(path).name.split(".")[0] if name == "sample" else "")
        elif column in there:
            values = labels_of(read_column(file, "obs", column))
            # a sheet holds no blanks around a value; a label of blanks is none
            plain = [(v or "").strip() or None for v in values]
            if name == "sample":
                plain = [v if p else None for v, p in zip(values, plain, strict=True)]
            values = np.array(plain, dtype=object)
        else:
            msg = f"{path}: obs has no column {column!r} (columns: {listed(there)})."
            raise InputError(msg)
        found[name] = values.astype(object)
    return pd.DataFrame(found)


def _only(values: pd.Series, where: str, column: str) -> str:
    """Return the one label that all cells of a sample have."""
    labels = list(dict.fromkeys("" if pd.isna(v) else str(v) for v in values))
    if labels == [""]:
        msg = f"{where}: obs {column!r} is missing in all its cells. Fill it, or name another."
        raise InputError(msg)
    if len(labels) > 1:
        shown = listed([label or "missing" for label in labels])
        msg = (
            f"{where} has several values of {column!r} ({shown}). Name as sample a column that "
            "tells these cells apart, such as one with donor and condition together."
        )
        raise InputError(msg)
    if any(mark in labels[0] for mark in "\t\r\n"):
        msg = f"{where}: obs {column!r} holds a tab or a line end. Rename this value."
        raise InputError(msg)
    return labels[0]


def _name(label: str, path: str, taken: set[str]) -> str:
    """Name of a sample as the sheet allows it (letters, digits, ``_ - .``), used once."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", label)[:80].lstrip(".") or "sample"
    if name in taken:
        stem = re.sub(r"[^A-Za-z0-9_-]+", "_", Path(path).name.split(".")[0])
        name = f"{stem}_{name}"[:90]
    number, whole = 2, name
    while whole in taken:
        whole, number = f"{name}_{number}", number + 1
    return whole
