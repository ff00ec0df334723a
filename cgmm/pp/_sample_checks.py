"""Check samples before any heavy work: every problem of every file as one sentence.

Reads names, metadata and a spread of values with h5py; the matrices are never loaded. The check of
*all* values (are they whole numbers?) is repeated when they are read for good, by
:func:`cgmm.pp.join_samples`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from anndata.io import read_elem

from cgmm.pp._file_checks import check_table, part
from cgmm.pp._read import cells_of, gene_names, opened, table_columns, table_index, values_of
from cgmm.pp._samples import CYTOMETRY, RNA, InputError, Sample, check_modality, listed

OVERLAP_REFUSED = 0.3
OVERLAP_NOTICED = 0.7
BLOCK = 250_000
N_BLOCKS = 8

ENSEMBL = re.compile(r"^ENS[A-Z]*G\d{6,}(\.\d+)?$")


def check_samples(
    samples: Sequence[Sample],
    *,
    counts_layer: str | None = None,
    gene_column: str | None = None,
    use_rep: str | None = None,
    annotation_keys: Sequence[str] = (),
    modality: str = RNA,
) -> dict[str, Any]:
    """Check the samples that are to be analysed in one space.

    Parameters
    ----------
    samples
        The samples, with their files.
    counts_layer
        Layer with the counts (or transformed features); None: ``X``.
    gene_column
        Column of ``var`` with the gene names; None: its row names.
    use_rep
        Key of ``obsm`` that must be there; None: not needed.
    annotation_keys
        Columns of ``obs`` that must be there.
    modality
        ``"rna"``: values must be counts. ``"cytometry"``: values must be finite.

    Returns
    -------
    dict
        ``samples``: per sample its fields, ``sha256`` of the file and ``n_cells_read``;
        ``genes``: ``n_shared`` and ``share_of_smallest``; ``notices``: list of dict with level,
        text and advice; ``data_source`` and ``truth``: ``uns`` entries of a file that has them.

    Raises
    ------
    InputError
        With one sentence per problem, when there is any.
    """
    check_modality(modality, samples)
    problems: list[str] = []
    facts: list[dict[str, Any]] = []
    genes: dict[str, pd.Index] = {}
    dims: dict[str, int] = {}
    extras: dict[str, Any] = {"data_source": None, "truth": None}
    if repeated := _repeated([s.sample for s in samples]):
        problems.append(
            f"Sample names must be unique, but {listed(repeated)} is used more than once: "
            "rename it in the sample sheet."
        )
    for path in dict.fromkeys(s.path for s in samples):
        here = [s for s in samples if s.path == path]
        try:
            with opened(path) as file:
                problems += _problems_of_values(file, counts_layer, modality)
                genes[path] = gene_names(file, gene_column=gene_column)
                problems += _problems_of_columns(file, annotation_keys, use_rep, dims)
                barcodes = table_index(file["obs"])
                digest = sha256(path)
                extras |= _extras(file)
                for sample in here:
                    try:
                        mine = barcodes[cells_of(file, sample)]
                    except InputError as error:
                        problems += error.problems
                        continue
                    problems += _problems_of_barcodes(mine, sample)
                    facts.append(vars(sample) | {"sha256": digest, "n_cells_read": len(mine)})
        except InputError as error:
            problems += error.problems
    if len(set(dims.values())) > 1:
        sizes = "; ".join(f"{path}: {n}" for path, n in dims.items())
        problems.append(
            f"obsm {use_rep!r} has not the same number of dimensions in every file ({sizes}). "
            "The representation must be computed on all samples together."
        )
    notices: list[dict[str, str]] = []
    shared, share = _shared_genes(genes, problems, notices)
    notices += _notices_of_names(genes)
    if problems:
        raise InputError(problems)
    return {
        "samples": facts,
        "genes": {"n_shared": shared, "share_of_smallest": share},
        "notices": notices,
        **extras,
    }


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
                problems += _problems_of_columns(file, [annotation_key], None, {})
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)


def notice(level: str, text: str, advice: str = "") -> dict[str, str]:
    """One remark for the report: ``level`` is "warning" or "info"."""
    return {"level": level, "text": text, "advice": advice}


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


def problem_of_counts(values: np.ndarray) -> str | None:
    """Say why values are not counts, as the end of a sentence; None when they are."""
    if values.size == 0:
        return None
    if not np.isfinite(values).all():
        return "hold missing or infinite values"
    low, high = float(values.min()), float(values.max())
    if low < 0:
        return f"hold negative values (smallest {low:.3g}), as scaled data do"
    if np.any(values != np.floor(values)):
        kind = (
            "they look like logarithms"
            if high < 30
            else "they look normalised, or corrected for ambient RNA (then round them)"
        )
        example = float(values[values != np.floor(values)][0])
        return f"are not whole numbers (for example {example:.4g}, largest {high:.4g}): {kind}"
    if high == 0:
        return "are all zero"
    return None


def _spread(matrix: h5py.Group | h5py.Dataset) -> np.ndarray:
    """Read values spread over a stored matrix, at most ``N_BLOCKS * BLOCK`` of them."""
    if isinstance(matrix, h5py.Group):
        stored, per_row = matrix["data"], 1
    else:
        stored, per_row = matrix, max(1, matrix.shape[1])
    length, step = stored.shape[0], max(1, BLOCK // per_row)
    starts = np.unique(np.linspace(0, max(0, length - step), N_BLOCKS).astype(int))
    return np.concatenate([np.ravel(stored[s : s + step]) for s in starts]).astype(float)


def _problems_of_values(file: h5py.File, layer: str | None, modality: str) -> list[str]:
    values = _spread(values_of(file, layer=layer))
    where = f"{file.filename}: the values in {f'layer {layer!r}' if layer else 'X'}"
    if modality == CYTOMETRY:
        if np.isfinite(values).all():
            return []
        return [f"{where} hold missing or infinite values. Remove those cells."]
    reason = problem_of_counts(values)
    if not values.size and check_table(file, "obs") and check_table(file, "var"):
        reason = "are all zero"  # a sparse matrix that stores none
    if reason is None:
        return []
    there = listed(file.get("layers", {}))
    return [
        f"{where} {reason}. Raw counts are needed: name the layer that holds them as "
        f"`counts_layer` in the config (layers: {there}), or export the counts again."
    ]


def _problems_of_columns(
    file: h5py.File, annotation_keys: Sequence[str], use_rep: str | None, dims: dict[str, int]
) -> list[str]:
    problems = []
    columns = table_columns(file["obs"])
    for key in [key for key in annotation_keys if key not in columns]:
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
            dims[str(file.filename)] = found.shape[1]
            if not np.isfinite(_spread(found)).all():
                problems.append(
                    f"{file.filename}: obsm {use_rep!r} holds missing or infinite values. "
                    "Remove those cells, or compute it again."
                )
    return problems


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


def _shared_genes(
    genes: dict[str, pd.Index], problems: list[str], notices: list[dict[str, str]]
) -> tuple[int, float]:
    """Count the genes that all files share; add a sentence when they are few."""
    if not genes:
        return 0, 0.0
    unique = {path: index.unique() for path, index in genes.items()}
    shared = next(iter(unique.values()))
    for index in unique.values():
        shared = shared.intersection(index, sort=False)
    smallest = min(len(index) for index in unique.values())
    share = len(shared) / smallest if smallest else 0.0
    if smallest == 0:
        problems.append(f"There are no genes in {listed(p for p in unique if not len(unique[p]))}.")
    elif share < OVERLAP_REFUSED:
        worst = min(combinations(unique, 2), key=lambda pair: _jaccard(*(unique[p] for p in pair)))
        first, second = (unique[p] for p in worst)
        problems.append(
            f"The samples share only {len(shared)} of {smallest} genes. {worst[0]} has names like "
            f"{listed(first[:3])}; {worst[1]} like {listed(second[:3])}. {_mismatch(first, second)}"
        )
    elif share < OVERLAP_NOTICED:
        notices.append(
            notice(
                "warning",
                f"The samples share {len(shared)} of {smallest} genes ({share:.0%}); the others "
                "were left out.",
                "Align the samples to the same reference and do not filter genes beforehand.",
            )
        )
    return len(shared), share


def _jaccard(a: pd.Index, b: pd.Index) -> float:
    return len(a.intersection(b)) / max(1, len(a.union(b)))


def _mismatch(a: pd.Index, b: pd.Index) -> str:
    """Guess why two lists of genes do not overlap, and say what to do."""
    ensembl = [
        bool(np.mean([bool(ENSEMBL.match(g)) for g in index[:200]]) > 0.5) for index in (a, b)
    ]
    if ensembl[0] != ensembl[1]:
        return (
            "One uses Ensembl ids, the other gene symbols: name the column of var that holds the "
            "same kind of name in every file as `gene_column` in the config."
        )
    versionless = [pd.Index(index.str.replace(r"\.\d+$", "", regex=True)) for index in (a, b)]
    if all(ensembl) and _jaccard(*versionless) > OVERLAP_REFUSED:
        return (
            "They differ by the version suffix of the Ensembl ids (.1, .2): write them without it "
            "in every file."
        )
    if _jaccard(a.str.upper(), b.str.upper()) > OVERLAP_REFUSED:
        return (
            "They differ by upper and lower case: write them in one way, and make sure that the "
            "samples come from one species."
        )
    return "Make sure that the samples come from one species and one reference."


def _notices_of_names(genes: dict[str, pd.Index]) -> list[dict[str, str]]:
    return [
        notice(
            "info",
            f"{path}: {len(repeated)} gene names occur more than once "
            f"({listed(repeated, most=3)}); they were told apart by -1, -2.",
            "Use Ensembl ids through `gene_column` when these genes matter.",
        )
        for path, index in genes.items()
        if (repeated := _repeated(index))
    ]
