"""Read the slots of an h5ad file that a sample needs, and nothing else of it."""

from __future__ import annotations

import logging
import unicodedata
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import anndata as ad
import h5py
import numpy as np
import pandas as pd
from anndata.io import read_elem

from cgmm.pp._columns import (
    UNREADABLE,
    labels_of,
    read_column,
    read_table,
    table_columns,
    writable,
)
from cgmm.pp._features import Choice, StoredFeatures, read_features, resolve
from cgmm.pp._file_checks import check_indices, check_matrix, check_table, part
from cgmm.pp._formats import as_h5ad, format_of
from cgmm.pp._one_name import Features, Resolved
from cgmm.pp._reading import DEFAULT, Reading
from cgmm.pp._samples import RNA, InputError, Sample, listed

logger = logging.getLogger(__name__)

Matrix: TypeAlias = h5py.Group | h5py.Dataset

#: what `counts_layer` may be for the values of ``.raw``
RAW = ("raw", "raw/X", "raw.X")


@contextmanager
def opened(path: str | Path, reading: Reading = DEFAULT) -> Iterator[h5py.File]:
    """Open a file for reading as h5ad; turn every way it can be broken into one sentence.

    A file of another format (:mod:`cgmm.pp._formats`) is read by its library first, as
    ``reading`` says.

    Raises
    ------
    InputError
        When the file is missing, is not HDF5, holds no AnnData object, or is damaged.
    """
    if format_of(path) is None and not Path(path).is_file():
        kind = "is a folder, not a file" if Path(path).is_dir() else "the file does not exist"
        msg = f"{path}: {kind}. Correct `path` in the sample sheet."
        raise InputError(msg)
    source = as_h5ad(path, reading).path
    try:
        with h5py.File(source, "r") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # names are checked here, with better words
            for slot in ("obs", "var"):
                check_table(file, slot)
            yield file
    except InputError as error:
        if source == Path(path):
            raise
        # a sentence names the file of the user, not the copy that was read
        raise InputError([p.replace(str(source), str(path)) for p in error.problems]) from error
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


class Place(NamedTuple):
    """Where the values of a file are, and the table of their features."""

    matrix: str
    var: str
    said: str  #: as a sentence names it


def place_of(file: h5py.File, layer: str | None) -> Place:
    """Find the values that ``counts_layer`` names.

    Parameters
    ----------
    file
        An open h5ad file.
    layer
        None: X. ``"raw"`` or ``"raw/X"``: the values of ``.raw``, with its genes. Another name, or
        ``"raw"`` where a layer has this name: a layer.
    """
    if layer is None:
        return Place("X", "var", "X")
    layers = part(file, "layers")
    if isinstance(layers, h5py.Group) and layer in set(layers):
        return Place(f"layers/{layer}", "var", f"layer {layer!r}")
    if layer in RAW:
        return Place("raw/X", "raw/var", "raw/X")
    return Place(f"layers/{layer}", "var", f"layer {layer!r}")


def values_of(file: h5py.File, *, layer: str | None) -> Matrix:
    """Find the matrix of counts (or of transformed features) in an open file."""
    place = place_of(file, layer)
    found = part(file, place.matrix)
    if found is not None and found.attrs.get("encoding-type") == "null":
        found = None
    there = listed(file.get("layers", {}))
    if found is None and place.matrix == "raw/X":
        msg = (
            f"{file.filename}: there is no raw/X (layers: {there}). "
            "Correct `counts_layer` in the config, or set it to null to read X."
        )
        raise InputError(msg)
    if found is None and layer:
        msg = (
            f"{file.filename}: there is no layer {layer!r} (layers: {there}). "
            "Correct `counts_layer` in the config, or set it to null to read X."
        )
        raise InputError(msg)
    if found is None:
        msg = (
            f"{file.filename}: there is no X (layers: {there}). "
            "Name the layer that holds the counts as `counts_layer` in the config."
        )
        raise InputError(msg)
    check_matrix(found, (check_table(file, "obs"), check_table(file, place.var)))
    return found


def matrix_of(file: h5py.File, *, layer: str | None) -> Any:
    """Read the whole matrix of :func:`values_of`, dense or sparse."""
    stored = values_of(file, layer=layer)
    values: Any = read_elem(stored)
    if isinstance(stored, h5py.Group):
        minor = values.shape[0] if values.format == "csc" else values.shape[1]
        check_indices(values.indices, minor, stored)
        values.sum_duplicates()
    return values


def features_of(file: h5py.File, *, layer: str | None, gene_column: str | None) -> StoredFeatures:
    """Read names, identifiers and kinds of the features whose values ``counts_layer`` names."""
    var = place_of(file, layer).var
    check_table(file, var)
    return read_features(file, var=var, gene_column=gene_column)


def resolve_files(
    paths: Iterable[str],
    *,
    counts_layer: str | None = None,
    gene_column: str | None = None,
    modality: str = RNA,
    features: Any = None,
    reading: Any = None,
) -> Resolved:
    """Read the features of files and give them names that mean the same in all of them.

    Raises
    ------
    InputError
        When a file cannot be read, or lacks a feature that is asked for.
    """
    stored = {}
    for path in dict.fromkeys(paths):
        with opened(path, Reading.of(reading)) as file:
            stored[path] = features_of(file, layer=counts_layer, gene_column=gene_column)
    found = resolve(stored, modality=modality, choice=Choice.of(features))
    if found.problems:
        raise InputError(found.problems)
    return found


class Cells:
    """Which cells of an open file belong to which sample; a column is read once.

    Parameters
    ----------
    file
        The open file.
    """

    def __init__(self, file: h5py.File) -> None:
        self._file = file
        self._columns = table_columns(file["obs"])
        self._groups: dict[str, dict[str, np.ndarray]] = {}
        self.n_missing: dict[str, int] = {}  #: cells without a value, by column that was used
        self.n_cells = check_table(file, "obs")

    def of(self, sample: Sample) -> np.ndarray:
        """Positions of the cells of a sample in the file, increasing.

        Raises
        ------
        InputError
            When the column is missing or the sample has no cell.
        """
        if not sample.obs_column:
            if self.n_cells:
                return np.arange(self.n_cells)
            where = "the file holds no cell"
        else:
            groups = self._grouped(sample)
            rows = groups.get(_value_meant(sample.obs_value, groups))
            if rows is not None:
                return rows
            there = listed(sorted(groups))
            missing = self.n_missing[sample.obs_column]
            there += f"; missing in {missing} cells" if missing else ""
            where = (
                f"no cell has obs {sample.obs_column!r} = {sample.obs_value!r} (values: {there})"
            )
        msg = (
            f"Sample {sample.sample}: it has no cells; in {sample.path} {where}. "
            "Correct the row of the sample sheet, or remove it."
        )
        raise InputError(msg)

    def _grouped(self, sample: Sample) -> dict[str, np.ndarray]:
        """Positions of the cells by label of a column."""
        name = sample.obs_column
        if name not in self._columns:
            msg = (
                f"Sample {sample.sample}: obs of {sample.path} has no column "
                f"{name!r} (columns: {listed(self._columns)}). "
                "Correct `obs_column` in the sample sheet."
            )
            raise InputError(msg)
        if name not in self._groups:
            codes, labels = pd.factorize(labels_of(read_column(self._file, "obs", name)))
            order = np.argsort(codes, kind="stable")
            ends = np.searchsorted(codes[order], np.arange(-1, len(labels)), side="right")
            self._groups[name] = {
                str(label): order[ends[i] : ends[i + 1]] for i, label in enumerate(labels)
            }
            self.n_missing[name] = int(ends[0])
        return self._groups[name]


def _value_meant(value: str, there: Mapping[str, object]) -> str:
    """Find the label that ``obs_value`` means: the same text, number or truth value."""
    if value in there:
        return value
    for label in (f"{value}.0", value.removesuffix(".0"), value.capitalize()):
        # 1 in a column with gaps is 1.0; true is True
        if label in there and (label != value.capitalize() or label in ("True", "False")):
            return label
    alike = [label for label in there if _plain(label) == _plain(value)]
    return alike[0] if len(alike) == 1 else value


def _plain(label: str) -> str:
    """Label without blanks around it, which sheets cannot hold, and in one form of Unicode."""
    return unicodedata.normalize("NFC", label).strip()


def read_samples_of_file(
    path: str | Path,
    samples: list[Sample],
    *,
    features: Features,
    counts_layer: str | None = None,
    use_rep: str | None = None,
    values: bool = True,
    reading: Any = None,
) -> list[ad.AnnData]:
    """Read the samples that lie in one file.

    Parameters
    ----------
    path
        The h5ad file.
    samples
        The samples in it.
    features
        The features to read, and their names.
    counts_layer
        Layer with the values, ``"raw"`` for ``.raw``; None: ``X``.
    use_rep
        Key of ``obsm`` to bring along.
    values
        Whether to read the values; without them ``X`` is None.
    reading
        As for :func:`cgmm.pp.check_samples`.

    Returns
    -------
    list of AnnData
        One per sample: values in ``X`` (float32), ``obs`` of the file (columns made writable; a
        column that cannot be read is left out), ``obs["barcode"]`` the names in the file.
    """
    with opened(path, Reading.of(reading)) as file:
        matrix = matrix_of(file, layer=counts_layer) if values else None
        stored, unreadable = read_table(file, "obs")
        obs = writable(stored)
        rep = None if use_rep is None else np.asarray(part(file, f"obsm/{use_rep}"))
        cells = Cells(file)
        chosen = [cells.of(sample) for sample in samples]
    if unreadable:
        logger.warning("%s: columns of obs left out: %s", path, listed(unreadable))
    if matrix is not None and not features.all_used:
        matrix = matrix[:, features.columns]
    var = pd.DataFrame(index=features.names)
    found = []
    for rows in chosen:
        part_of_file = ad.AnnData(
            X=None if matrix is None else matrix[rows].astype(np.float32),
            obs=obs.iloc[rows].copy(),
            var=var.copy(),
        )
        if use_rep is not None and rep is not None:
            part_of_file.obsm[use_rep] = rep[rows].astype(np.float32)
        part_of_file.obs["barcode"] = np.asarray(part_of_file.obs_names, dtype=object)
        found.append(part_of_file)
    return found
