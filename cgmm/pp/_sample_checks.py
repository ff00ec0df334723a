"""Check samples before any heavy work: every problem of every file as one sentence.

Reads names, metadata and a spread of values with h5py; the matrices are never loaded. The check of
*all* values (are they whole numbers?) is repeated when they are read for good, by
:func:`cgmm.pp.join_samples`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from anndata.io import read_elem

from cgmm._utils.rows import BLOCK_VALUES
from cgmm.pp._columns import (
    labels_of,
    read_column,
    stored_name,
    table_columns,
    table_index,
    unreadable_columns,
)
from cgmm.pp._counted_once import Seen
from cgmm.pp._features import Choice, StoredFeatures, resolve
from cgmm.pp._file_checks import check_table, part
from cgmm.pp._gene_checks import check_join
from cgmm.pp._read import Cells, features_of, opened, values_of
from cgmm.pp._samples import (
    CYTOMETRY,
    LEAVE_OUT,
    RNA,
    InputError,
    Sample,
    check_missing_genes,
    check_modality,
    listed,
    notice,
)
from cgmm.pp._value_checks import Spread, notices_of_channels, problems_of_values, spread

CENTRED = 1e-4  # of a standard deviation; a mean of fewer is that of a PCA of these cells alone


class _Checked:
    """What is found while one file after the other is looked at."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.notices: list[dict[str, str]] = []
        self.facts: list[dict[str, Any]] = []
        self.features: dict[str, StoredFeatures] = {}
        self.spreads: dict[str, Spread] = {}
        self.dims: dict[str, int] = {}
        self.centred: dict[str, bool] = {}
        self.seen = Seen()
        self.extras: dict[str, Any] = {"data_source": None, "truth": None}


def check_samples(
    samples: Sequence[Sample],
    *,
    counts_layer: str | None = None,
    gene_column: str | None = None,
    use_rep: str | None = None,
    annotation_keys: Sequence[str] = (),
    modality: str = RNA,
    features: Mapping[str, Sequence[str]] | None = None,
    missing_genes: str = LEAVE_OUT,
    max_pct_mt: float | None = None,
) -> dict[str, Any]:
    """Check the samples that are to be analysed in one space.

    Parameters
    ----------
    samples
        The samples, with their files.
    counts_layer
        Layer with the counts (or transformed features), ``"raw"`` for ``.raw``; None: ``X``.
    gene_column
        Column of ``var`` with the gene names; None: its row names.
    use_rep
        Key of ``obsm`` that must be there; None: not needed.
    annotation_keys
        Columns of ``obs`` that must be there.
    modality
        ``"rna"``: values must be counts; features that ``var["feature_types"]`` calls something
        else than gene expression are left out. ``"cytometry"``: values must be finite.
    features
        ``{"use": [...], "leave_out": [...]}``: names or patterns (``CD*``) of features; None: all.
    missing_genes
        ``"leave_out"``: genes that a file lacks are left out. ``"zero"``: they count as zero there.
    max_pct_mt
        Limit of :func:`quality_control` that needs mitochondrial genes; None: no limit.

    Returns
    -------
    dict
        ``samples``: per sample its fields, ``sha256`` of the file and ``n_cells_read``;
        ``genes``: ``n_shared`` and ``share_of_smallest``, and ``lacking`` where files lack genes;
        ``notices``: list of dict with level, text and advice; ``data_source`` and ``truth``:
        ``uns`` entries of a file that has them.

    Raises
    ------
    InputError
        With one sentence per problem, when there is any.
    """
    check_modality(modality, samples)
    check_missing_genes(missing_genes)
    choice = Choice.of(features)
    found = _Checked()
    if repeated := _repeated([s.sample for s in samples]):
        found.problems.append(
            f"Sample names must be unique, but {listed(repeated)} is used more than once: "
            "rename it in the sample sheet."
        )
    for path, here in _by_file(samples).items():
        try:
            with opened(path) as file:
                _look(
                    file,
                    here,
                    found,
                    counts_layer=counts_layer,
                    gene_column=gene_column,
                    modality=modality,
                )
                found.problems += _problems_of_columns(file, annotation_keys, use_rep, found)
        except InputError as error:
            found.problems += error.problems
    resolved = resolve(found.features, modality=modality, choice=choice)
    found.problems += resolved.problems
    if modality == CYTOMETRY and not found.problems:
        for path, own in resolved.files.items():
            with opened(path) as file:
                stored = values_of(file, layer=counts_layer)
                found.notices += notices_of_channels(path, found.spreads[path], stored, own)
    join = check_join(
        resolved.files,
        {path: found.spreads[path].sums[own.columns] for path, own in resolved.files.items()},
        missing_genes=missing_genes,
        max_pct_mt=max_pct_mt if modality == RNA else None,
    )
    found.problems += _problems_of_rep(use_rep, found) + join.problems
    if not found.problems:
        found.problems += found.seen.problems_of_copies(counts_layer)
    if found.problems:
        raise InputError(found.problems)
    lacking = {"lacking": join.lacking} if join.lacking else {}
    return {
        "samples": found.facts,
        "genes": {"n_shared": join.n_shared, "share_of_smallest": join.share_of_smallest} | lacking,
        "notices": [*join.notices, *resolved.notices, *found.notices],
        **found.extras,
    }


def _by_file(samples: Sequence[Sample]) -> dict[str, list[Sample]]:
    """Group samples by the file in which they lie."""
    found: dict[str, list[Sample]] = {}
    for sample in samples:
        found.setdefault(sample.path, []).append(sample)
    return found


def _look(
    file: h5py.File,
    samples: Sequence[Sample],
    found: _Checked,
    *,
    counts_layer: str | None,
    gene_column: str | None,
    modality: str,
) -> None:
    """Look at a file: values, features, and the cells of its samples."""
    path = samples[0].path
    seen = spread(values_of(file, layer=counts_layer))
    found.problems += problems_of_values(file, seen, layer=counts_layer, modality=modality)
    found.spreads[path] = seen
    found.features[path] = features_of(file, layer=counts_layer, gene_column=gene_column)
    barcodes = table_index(file["obs"])
    digest = sha256(path)
    found.extras |= _extras(file)
    cells = Cells(file)
    for sample in samples:
        try:
            rows = cells.of(sample)
        except InputError as error:
            found.problems += error.problems
            continue
        if problems := _problems_of_barcodes(barcodes[rows], sample):
            found.problems += problems
        else:
            found.problems += found.seen.add(sample, rows, barcodes, digest)
        found.facts.append(vars(sample) | {"sha256": digest, "n_cells_read": len(rows)})
    if unreadable := unreadable_columns(file, "obs"):
        found.notices.append(
            notice(
                "info",
                f"{path}: columns of obs that cannot be read were left out ({listed(unreadable)}).",
            )
        )
    for column, n_missing in cells.n_missing.items():
        if n_missing:
            found.notices.append(
                notice(
                    "info",
                    f"{path}: obs {column!r} is missing in {n_missing} of {cells.n_cells} cells, "
                    "which are in no sample.",
                )
            )


def _problems_of_rep(use_rep: str | None, found: _Checked) -> list[str]:
    """Sentences about embeddings that cannot have been computed on all files together."""
    if len(set(found.dims.values())) > 1:
        sizes = "; ".join(f"{path}: {n}" for path, n in found.dims.items())
        return [
            f"obsm {use_rep!r} has not the same number of dimensions in every file ({sizes}). "
            "The representation must be computed on all samples together."
        ]
    if len(found.centred) > 1 and all(found.centred.values()):
        return [
            f"obsm {use_rep!r} has the mean zero in each of the {len(found.centred)} files, so it "
            "was computed on each by itself, and its axes differ. The representation must be "
            "computed on all samples together."
        ]
    return []


def check_annotation(paths: Sequence[str | Path], *, annotation_key: str) -> None:
    """Check that every file has a column of ``obs`` to name subpopulations by.

    Parameters
    ----------
    paths
        The h5ad files.
    annotation_key
        The column.

    Raises
    ------
    InputError
        With one sentence per file that lacks it or cannot be read.
    """
    problems: list[str] = []
    for path in paths:
        try:
            with opened(path) as file:
                problems += _problems_of_columns(file, [annotation_key], None, _Checked())
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)


def sha256(path: str | Path) -> str:
    """SHA-256 of a file, read in blocks."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _extras(file: h5py.File) -> dict[str, Any]:
    """Where data are from and the truth of simulated ones, as cgmm itself writes them.

    Other programs may use the same names for anything: that is left alone.
    """
    found: dict[str, Any] = {
        name: read_elem(stored)
        for name in ("data_source", "truth")
        if isinstance(stored := part(file, f"uns/{name}"), h5py.Group)
        and stored.attrs.get("encoding-type") == "dict"
    }
    source, truth = found.get("data_source"), found.get("truth")
    kept: dict[str, Any] = {}
    if source and all(isinstance(value, str) for value in source.values()):
        kept["data_source"] = source
    if truth and {"names", "log2_net"} <= set(truth):
        names, values = (np.asarray(truth[name]) for name in ("names", "log2_net"))
        if names.ndim == 1 and names.shape == values.shape and values.dtype.kind == "f":
            kept["truth"] = truth
    return kept


def _repeated(names: Sequence[str] | pd.Index) -> list[str]:
    index = pd.Index(names)
    return [str(name) for name in index[index.duplicated()].unique()]


def _problems_of_columns(
    file: h5py.File, annotation_keys: Sequence[str], use_rep: str | None, found_so_far: _Checked
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
            found_so_far.dims[str(file.filename)] = found.shape[1]
            finite, centred = _moments(found)
            found_so_far.centred[str(file.filename)] = centred
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


def _problems_of_barcodes(barcodes: pd.Index, sample: Sample) -> list[str]:
    repeated = _repeated(barcodes)
    if not repeated:
        return []
    n_twice = int(barcodes.duplicated(keep=False).sum())
    return [
        f"Sample {sample.sample}: {n_twice} cells of {sample.path} share a barcode with another "
        f"cell ({listed(repeated, most=3)}). If the file joins several libraries, give each its "
        "own row in the sample sheet with `obs_column` and `obs_value`; otherwise remove the "
        "duplicates."
    ]
