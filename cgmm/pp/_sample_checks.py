"""Check samples before any heavy work: every problem of every file as one sentence.

Reads names, metadata and a spread of values with h5py; the matrices are never loaded. The check of
*all* values (are they whole numbers?) is repeated when they are read for good, by
:func:`cgmm.pp.join_samples`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from anndata.io import read_elem

from cgmm._utils.files import checksum
from cgmm.pp._columns import (
    table_index,
    unreadable_columns,
)
from cgmm.pp._counted_once import Seen
from cgmm.pp._features import Choice, StoredFeatures, resolve
from cgmm.pp._file_checks import part
from cgmm.pp._formats import Converted, as_h5ad
from cgmm.pp._gene_checks import check_join
from cgmm.pp._read import Cells, features_of, opened, values_of
from cgmm.pp._reading import Reading
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
from cgmm.pp._table_checks import (
    Representations,
    problems_of_barcodes,
    problems_of_columns,
    repeated_names,
)
from cgmm.pp._value_checks import (
    Spread,
    notices_of_channels,
    notices_of_counts,
    problems_of_values,
    spread,
)


class _Checked:
    """What is found while one file after the other is looked at."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.notices: list[dict[str, str]] = []
        self.facts: list[dict[str, Any]] = []
        self.features: dict[str, StoredFeatures] = {}
        self.spreads: dict[str, Spread] = {}
        self.reps = Representations()
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
    reading: Mapping[str, Any] | None = None,
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
    reading
        What files of other formats do not say: ``{"h5mu_modality": name, "cofactor": number}``;
        None: the modality of gene expression; 150, or 5 for mass cytometers.

    Returns
    -------
    dict
        ``samples``: per sample its fields, ``sha256`` of the file, ``n_cells_read``, and
        ``transform`` where the reader of its format transformed the values;
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
    choice, how = Choice.of(features), Reading.of(reading)
    found = _Checked()
    if repeated := repeated_names([s.sample for s in samples]):
        found.problems.append(
            f"Sample names must be unique, but {listed(repeated)} is used more than once: "
            "rename it in the sample sheet."
        )
    for path, here in _by_file(samples).items():
        try:
            with opened(path, how) as file:
                _look(
                    file,
                    here,
                    found,
                    counts_layer=counts_layer,
                    gene_column=gene_column,
                    modality=modality,
                    converted=as_h5ad(path, how),
                )
                found.problems += problems_of_columns(file, annotation_keys, use_rep, found.reps)
        except InputError as error:
            found.problems += error.problems
        found.problems = _named(found.problems, path, how)
    resolved = resolve(found.features, modality=modality, choice=choice)
    found.problems += resolved.problems
    if modality == CYTOMETRY and not found.problems:
        for path, own in resolved.files.items():
            with opened(path, how) as file:
                stored = values_of(file, layer=counts_layer)
                found.notices += notices_of_channels(path, found.spreads[path], stored, own)
    join = check_join(
        resolved.files,
        {path: found.spreads[path].sums[own.columns] for path, own in resolved.files.items()},
        missing_genes=missing_genes,
        max_pct_mt=max_pct_mt if modality == RNA else None,
    )
    found.problems += _problems_of_rep(use_rep, found) + join.problems
    found.notices += _notices_of_transforms(found.facts)
    if not found.problems:
        found.problems += found.seen.problems_of_copies(counts_layer, how)
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
    converted: Converted,
) -> None:
    """Look at a file: values, features, and the cells of its samples."""
    path = samples[0].path
    seen = spread(values_of(file, layer=counts_layer))
    if converted.transform and modality == RNA:
        found.problems.append(
            f"{path}: holds channels of cytometry. Set `modality: cytometry` in the config."
        )
    else:
        wrong = problems_of_values(file, seen, layer=counts_layer, modality=modality)
        found.problems += wrong
        if modality == RNA and not wrong:
            found.notices += notices_of_counts(path, values_of(file, layer=counts_layer))
    found.spreads[path] = seen
    found.features[path] = features_of(file, layer=counts_layer, gene_column=gene_column)
    barcodes = table_index(file["obs"])
    digest = checksum(path)
    found.extras |= _extras(file)
    cells = Cells(file)
    for sample in samples:
        try:
            rows = cells.of(sample)
        except InputError as error:
            found.problems += error.problems
            continue
        if problems := problems_of_barcodes(barcodes[rows], sample):
            found.problems += problems
        else:
            found.problems += found.seen.add(sample, rows, barcodes, digest)
        fact = {"sha256": digest, "n_cells_read": len(rows)}
        if converted.transform:
            fact["transform"] = converted.transform
        found.facts.append(vars(sample) | fact)
    if converted.remark:
        found.notices.append(notice("info", f"{path}: {converted.remark}."))
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


def _notices_of_transforms(facts: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Warn when channels of files were not transformed alike."""
    by_formula: dict[str, str] = {}
    for fact in facts:
        by_formula.setdefault(fact.get("transform", "no transformation"), fact["path"])
    if len(by_formula) < 2:
        return []
    shown = listed(f"{formula} of {path}" for formula, path in by_formula.items())
    return [
        notice(
            "warning",
            f"The values of the files were transformed in different ways ({shown}), so they "
            "may not be comparable.",
            "Set `reading: {cofactor: ...}` in the config to the divisor for all files.",
        )
    ]


def _problems_of_rep(use_rep: str | None, found: _Checked) -> list[str]:
    """Sentences about embeddings that cannot have been computed on all files together."""
    if len(set(found.reps.dims.values())) > 1:
        sizes = "; ".join(f"{path}: {n}" for path, n in found.reps.dims.items())
        return [
            f"obsm {use_rep!r} has not the same number of dimensions in every file ({sizes}). "
            "The representation must be computed on all samples together."
        ]
    if len(found.reps.centred) > 1 and all(found.reps.centred.values()):
        return [
            f"obsm {use_rep!r} has the mean zero in each of the {len(found.reps.centred)} files, "
            "so it was computed on each by itself, and its axes differ. The representation must be "
            "computed on all samples together."
        ]
    return []


def check_annotation(
    paths: Sequence[str | Path], *, annotation_key: str, reading: Mapping[str, Any] | None = None
) -> None:
    """Check that every file has a column of ``obs`` to name subpopulations by.

    Parameters
    ----------
    paths
        The h5ad files.
    annotation_key
        The column.
    reading
        As for :func:`check_samples`.

    Raises
    ------
    InputError
        With one sentence per file that lacks it or cannot be read.
    """
    problems: list[str] = []
    for path in paths:
        try:
            with opened(path, Reading.of(reading)) as file:
                problems += problems_of_columns(file, [annotation_key], None, Representations())
        except InputError as error:
            problems += error.problems
        problems = _named(problems, str(path), Reading.of(reading))
    if problems:
        raise InputError(problems)


def _named(problems: Sequence[str], path: str, reading: Reading) -> list[str]:
    """Sentences with the file of the user in place of the h5ad that was made of it."""
    try:
        made = str(as_h5ad(path, reading).path)
    except InputError:
        return list(problems)
    return [problem.replace(made, path) for problem in problems]


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
