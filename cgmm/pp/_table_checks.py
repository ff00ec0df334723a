"""Whether columns, names and embeddings of a file can be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import h5py
import numpy as np
import pandas as pd

from cgmm._utils.rows import BLOCK_VALUES
from cgmm.pp._columns import labels_of, read_column, stored_name, table_columns
from cgmm.pp._file_checks import check_table, part
from cgmm.pp._samples import Sample, listed

CENTRED = 1e-4  # of a standard deviation; a mean of fewer is that of a PCA of these cells alone


@dataclass
class Representations:
    """What the embeddings of the files are like, by path."""

    dims: dict[str, int] = field(default_factory=dict)
    centred: dict[str, bool] = field(default_factory=dict)


def repeated_names(names: Sequence[str] | pd.Index) -> list[str]:
    index = pd.Index(names)
    return [str(name) for name in index[index.duplicated()].unique()]


def problems_of_columns(
    file: h5py.File, annotation_keys: Sequence[str], use_rep: str | None, seen: Representations
) -> list[str]:
    problems = []
    columns = table_columns(file["obs"])
    for key in annotation_keys:
        if key in columns and stored_name(key) == key:
            problems += _problems_of_labels(file, key)
            continue
        if key in columns:
            problems.append(
                f"{file.filename}: obs {key!r} has a `/` in its name, which HDF5 takes for a "
                f"folder. Write `annotation_key: {stored_name(key)}` in the config."
            )
            continue
        if key in map(stored_name, columns):
            continue
        problems.append(
            f"{file.filename}: obs has no column {key!r} (columns: {listed(columns)}). "
            "Correct `annotation_key` in the config, or set it to null to name subpopulations by "
            "their marker genes."
        )
    if use_rep is not None:
        found = part(file, f"obsm/{use_rep}")
        if found is None:
            problems.append(
                f"{file.filename}: obsm has no {use_rep!r} (keys: {listed(file.get('obsm', {}))}). "
                "Correct `use_rep` in the config, or set it to null to compute PCA."
            )
        elif (
            not isinstance(found, h5py.Dataset)
            or found.ndim != 2
            or 0 in found.shape
            or found.dtype.kind not in "fiu"
        ):
            problems.append(
                f"{file.filename}: obsm {use_rep!r} is not a plain cells x dimensions array of "
                "numbers. Store it as a numpy array."
            )
        elif found.shape[0] != (n_cells := check_table(file, "obs")):
            problems.append(
                f"{file.filename}: obsm {use_rep!r} has {found.shape[0]} rows for {n_cells} cells. "
                "Write the file again with anndata."
            )
        else:
            seen.dims[str(file.filename)] = found.shape[1]
            finite, centred = _moments(found)
            seen.centred[str(file.filename)] = centred
            if not finite:
                problems.append(
                    f"{file.filename}: obsm {use_rep!r} holds missing or infinite values. "
                    "Remove those cells, or compute it again."
                )
    return problems


def _problems_of_labels(file: h5py.File, key: str) -> list[str]:
    """Say when a column of labels holds none."""
    labels = labels_of(read_column(file, "obs", key))
    if len(labels) and pd.isna(labels).all():
        return [
            f"{file.filename}: obs {key!r} is missing in every cell. Correct `annotation_key` in "
            "the config, or set it to null to name subpopulations by their marker genes."
        ]
    return []


def _moments(points: h5py.Dataset) -> tuple[bool, bool]:
    """Whether all values are finite; whether every mean is zero, as a PCA makes it."""
    n_rows, n_columns = points.shape
    sums, squares, finite = np.zeros(n_columns), np.zeros(n_columns), True
    step = max(1, BLOCK_VALUES // n_columns)
    for start in range(0, n_rows, step):
        block = np.asarray(points[start : start + step], dtype=float)
        finite &= bool(np.isfinite(block).all())
        sums += block.sum(axis=0)
        squares += (block**2).sum(axis=0)
    means = sums / n_rows
    deviations = np.sqrt(np.maximum(squares / n_rows - means**2, 0.0))
    centred = finite and deviations.any() and (np.abs(means) <= CENTRED * deviations).all()
    return finite, bool(centred)


def problems_of_barcodes(barcodes: pd.Index, sample: Sample) -> list[str]:
    repeated = repeated_names(barcodes)
    if not repeated:
        return []
    n_twice = int(barcodes.duplicated(keep=False).sum())
    return [
        f"Sample {sample.sample}: {n_twice} cells of {sample.path} share a barcode with another "
        f"cell ({listed(repeated, most=3)}). If the file joins several libraries, give each its "
        "own row in the sample sheet with `obs_column` and `obs_value`; otherwise remove the "
        "duplicates."
    ]
