"""Join samples, filter cells and genes, normalise."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

from cgmm._utils.files import atomic
from cgmm._utils.h5ad import plain_strings
from cgmm.pp._columns import labels_of
from cgmm.pp._counted_once import (
    MIN_COPIES_OF_EVENTS,
    check_copies,
    signatures,
    signatures_of_events,
)
from cgmm.pp._dropped import DROPPED, dropped_cells
from cgmm.pp._gene_checks import no_mitochondrial
from cgmm.pp._kept import KEPT, kept_by_label
from cgmm.pp._limits import fewest_genes
from cgmm.pp._names import is_mitochondrial
from cgmm.pp._one_name import Features
from cgmm.pp._read import read_samples_of_file, resolve_files
from cgmm.pp._samples import (
    CYTOMETRY,
    LEAVE_OUT,
    RNA,
    ZERO,
    InputError,
    Sample,
    check_missing_genes,
    check_modality,
    listed,
)
from cgmm.pp._value_checks import problem_of_counts

logger = logging.getLogger(__name__)

COUNTS = "counts"
TARGET_SUM = 1e4


def join_samples(
    samples: Sequence[Sample],
    *,
    counts_layer: str | None = None,
    gene_column: str | None = None,
    use_rep: str | None = None,
    modality: str = RNA,
    features: Mapping[str, Sequence[str]] | None = None,
    missing_genes: str = LEAVE_OUT,
    reading: Mapping[str, Any] | None = None,
    values: bool = True,
) -> ad.AnnData:
    """Read samples and join them over the genes they share.

    Parameters
    ----------
    samples
        The samples, with their files; each file is read once.
    counts_layer, gene_column, use_rep, modality, features, missing_genes, reading
        As for :func:`check_samples`.
    values
        Whether to read the values; without them ``X`` is None.

    Returns
    -------
    AnnData
        ``X`` values (CSR float32 for RNA), cells named ``barcode-sample``, ``obs`` sample,
        condition, barcode, and donor, batch when given; further columns that every file has.
        Genes in the order of the first sample; with ``missing_genes="zero"`` the genes that it
        lacks follow in the order of the next.

    Raises
    ------
    InputError
        When a value is not a count (RNA) or not finite, two samples hold the same cells, or a file
        cannot be read.
    """
    check_modality(modality, samples)
    check_missing_genes(missing_genes)
    resolved = resolve_files(
        [sample.path for sample in samples],
        counts_layer=counts_layer,
        gene_column=gene_column,
        modality=modality,
        features=features,
        reading=reading,
    )
    ordered = _read(
        samples,
        resolved.files,
        modality=modality,
        counts_layer=counts_layer,
        use_rep=use_rep,
        reading=reading,
        values=values,
    )
    keys = [s.sample for s in samples]
    if missing_genes == ZERO:
        genes = union_of(part.var_names for part in ordered)
        joined = ad.concat(ordered, join="outer", keys=keys, index_unique="-", fill_value=0)
        adata = joined[:, genes].copy()
    else:
        adata = ad.concat(ordered, join="inner", keys=keys, index_unique="-")
    obs: Any = adata.obs
    for name in ("sample", "condition", "donor", "batch"):
        levels = list(dict.fromkeys(getattr(s, name) for s in samples))
        if levels == [""]:
            del obs[name]
        else:
            obs[name] = pd.Categorical(obs[name].astype(str), categories=levels)
    matrix: Any = adata.X
    if not values:
        return adata
    if modality == RNA:
        adata.X = sp.csr_matrix(matrix)
    elif sp.issparse(matrix):
        adata.X = matrix.toarray()
    return adata


def union_of(lists: Iterable[pd.Index]) -> list[str]:
    """Every gene of several lists, in order of first appearance."""
    lists = list(lists)
    if all(names is lists[0] or names.equals(lists[0]) for names in lists):
        return list(lists[0])
    return list(dict.fromkeys(name for names in lists for name in names))


def _read(
    samples: Sequence[Sample],
    features: dict[str, Features],
    *,
    modality: str,
    values: bool,
    **where: Any,
) -> list[ad.AnnData]:
    """Read the samples, each file once; ``obs`` has what the sheet says and what all share."""
    parts: dict[str, ad.AnnData] = {}
    files: dict[str, list[Sample]] = {}
    for sample in samples:
        files.setdefault(sample.path, []).append(sample)
    for path, here in files.items():
        logger.info("reading %s (%d samples)", path, len(here))
        found = read_samples_of_file(path, here, features=features[path], values=values, **where)
        parts |= {s.sample: part for s, part in zip(here, found, strict=True)}
    ordered = [parts[s.sample] for s in samples]
    kept: set[str] | None = None
    for sample, part in zip(samples, ordered, strict=True):
        if values:
            check_all_values(part.X, sample, modality)
        own = set(part.obs.columns)
        kept = own if kept is None else kept & own
    if values and modality == RNA:
        check_copies(
            samples, [signatures(sp.csr_matrix(part.X), part.var_names) for part in ordered]
        )
    if values and modality == CYTOMETRY:
        dense = [p.X.toarray() if sp.issparse(p.X) else p.X for p in ordered]
        marks = [signatures_of_events(x, p.var_names) for x, p in zip(dense, ordered, strict=True)]
        check_copies(samples, marks, least=MIN_COPIES_OF_EVENTS)
    mixed = _mixed(ordered, kept or set())
    for sample, part in zip(samples, ordered, strict=True):
        part.obs = part.obs[[c for c in part.obs.columns if c in (kept or ())]]
        for name in mixed:
            text = pd.Series(labels_of(part.obs[name])).fillna("")
            part.obs[name] = text.to_numpy(dtype=object)
        part.obs["sample"] = sample.sample
        part.obs["condition"] = sample.condition
        part.obs["donor"] = sample.donor
        part.obs["batch"] = sample.batch
    return ordered


def _mixed(parts: Sequence[ad.AnnData], columns: Iterable[str]) -> list[str]:
    """Columns of ``obs`` that are numbers in some parts, and text or truth values in others."""
    found = []
    for name in columns:
        kinds = {
            "truth" if pd.api.types.is_bool_dtype(dtype) else pd.api.types.is_numeric_dtype(dtype)
            for dtype in (part.obs[name].dtype for part in parts)
        }
        if len(kinds) > 1:
            found.append(name)
    return found


def check_all_values(matrix: Any, sample: Sample, modality: str = RNA) -> None:
    """Raise an InputError when values of a sample cannot be used."""
    values = matrix.data if sp.issparse(matrix) else np.ravel(matrix)
    reason = (
        problem_of_counts(values)
        if modality == RNA
        else (None if np.isfinite(values).all() else "hold missing or infinite values")
    )
    if reason is None:
        return
    advice = (
        "Raw counts are needed: name the layer that holds them as `counts_layer` in the config."
        if modality == RNA
        else "Remove those cells."
    )
    msg = f"Sample {sample.sample}: the values in {sample.path} {reason}. {advice}"
    raise InputError(msg)


def quality_control(
    adata: ad.AnnData,
    *,
    min_genes: int | None = None,
    min_cells: int = 10,
    max_pct_mt: float | None = None,
    modality: str = RNA,
) -> pd.DataFrame:
    """Filter cells and genes in place; report per sample what was kept.

    Parameters
    ----------
    adata
        Counts in ``X``, ``obs["sample"]``. Changed in place.
    min_genes
        Cells with fewer genes are removed. None: 200, or 2 % of the genes that were measured where
        that is less, as in panels.
    min_cells
        Genes seen in fewer cells are removed.
    max_pct_mt
        Cells with a larger percentage of mitochondrial counts are removed; None: no limit. Known
        are genes ``MT-...`` in any case and with the prefix of a genome, and the Ensembl ids of
        human and mouse.
    modality
        ``"cytometry"``: nothing is filtered.

    Returns
    -------
    DataFrame
        One row per sample: sample, n_cells_read, n_cells_kept, median_genes, median_counts,
        median_pct_mt (of the cells kept; NaN where it has no meaning).

    Raises
    ------
    InputError
        When a sample, or every gene, is filtered away, or when there is a limit of mitochondrial
        counts, but no mitochondrial gene is known.

    Notes
    -----
    Sets ``obs["n_genes", "n_counts", "pct_mt"]``, ``uns["kept_by_label"]`` (cells read and kept of
    each label of each column of ``obs``, by condition) and ``uns["dropped_cells"]`` (cells of each
    sample that were read, and that were dropped for each reason, and the limit ``min_genes`` that
    was applied) for RNA.
    """
    check_modality(modality)
    if "sample" not in adata.obs or not hasattr(adata.obs["sample"], "cat"):
        msg = "obs has no column 'sample' with categories: give what cgmm.pp.join_samples returns."
        raise InputError(msg)
    adata.obs["sample"] = adata.obs["sample"].cat.remove_unused_categories()
    read = adata.obs["sample"].value_counts()
    if modality == RNA:
        labels = list(adata.obs.columns)
        mitochondrial = mitochondrial_for(adata.var_names, max_pct_mt)
        for name, values in cell_quality(adata.X, mitochondrial).items():
            adata.obs[name] = values
        least = fewest_genes(min_genes, adata.n_vars)
        keep = passing(adata.obs, least, max_pct_mt)
        check_kept(adata.obs, keep, least, max_pct_mt)
        adata.uns[KEPT] = kept_by_label(pd.DataFrame(adata.obs[labels]), keep)
        adata.uns[DROPPED] = dropped_cells(pd.DataFrame(adata.obs), keep, least)
        adata._inplace_subset_obs(keep)
        matrix: Any = adata.X
        adata._inplace_subset_var(seen_enough((matrix > 0).sum(axis=0), min_cells))
    obs: Any = adata.obs
    return table_of_samples(obs, read)


def mitochondrial_for(genes: pd.Index, max_pct_mt: float | None) -> np.ndarray:
    """Which genes are mitochondrial, bool; an InputError when a limit needs some and none is."""
    found = is_mitochondrial(genes)
    if max_pct_mt is not None and not found.any():
        raise InputError(no_mitochondrial(max_pct_mt))
    return found


def cell_quality(matrix: Any, mitochondrial: np.ndarray) -> dict[str, np.ndarray]:
    """Genes seen, counts and percentage of mitochondrial counts of each row of counts (CSR)."""
    totals = np.asarray(matrix.sum(axis=1), dtype=float).ravel()
    share = np.full(len(totals), np.nan)
    if mitochondrial.any():
        mt = np.asarray(matrix[:, np.flatnonzero(mitochondrial)].sum(axis=1)).ravel()
        share = 100.0 * mt / np.maximum(totals, 1.0)
    n_genes = np.asarray((matrix > 0).sum(axis=1)).ravel().astype(np.int64)
    return {"n_genes": n_genes, "n_counts": totals, "pct_mt": share}


def passing(quality: Any, min_genes: int, max_pct_mt: float | None) -> np.ndarray:
    """Which cells pass, from what :func:`cell_quality` found; bool."""
    keep = (np.asarray(quality["n_genes"]) >= min_genes) & (np.asarray(quality["n_counts"]) > 0)
    share = np.asarray(quality["pct_mt"])
    if max_pct_mt is not None:
        keep &= share <= max_pct_mt
    return keep


def seen_enough(n_cells: np.ndarray, min_cells: int) -> np.ndarray:
    """Which genes are seen in enough cells, bool; raises an InputError when none are."""
    keep = np.asarray(n_cells).ravel() >= min_cells
    if keep.sum() < 2:
        msg = (
            f"Only {keep.sum()} genes are seen in at least {min_cells} cells. "
            "Lower qc.min_cells in the config."
        )
        raise InputError(msg)
    return keep


def table_of_samples(kept: pd.DataFrame, read: pd.Series) -> pd.DataFrame:
    """Tell what was kept per sample: the table of :func:`quality_control`.

    Parameters
    ----------
    kept
        ``obs`` of the cells that were kept.
    read
        How many cells of each sample were read.
    """
    names = kept["sample"].cat.categories
    groups = kept.groupby("sample", observed=False)

    def median(column: str) -> np.ndarray:
        if column not in kept:
            return np.full(len(names), np.nan)
        return groups[column].median().reindex(names).to_numpy(dtype=float)

    return pd.DataFrame(
        {
            "sample": np.asarray(names, dtype=object),
            "n_cells_read": read.reindex(names).to_numpy(),
            "n_cells_kept": groups.size().reindex(names).to_numpy(),
            "median_genes": median("n_genes"),
            "median_counts": median("n_counts"),
            "median_pct_mt": median("pct_mt"),
        }
    )


def check_kept(
    obs: pd.DataFrame, keep: np.ndarray, min_genes: int, max_pct_mt: float | None
) -> None:
    """Raise an InputError when a sample keeps no cell, with what its cells have."""
    sample = obs["sample"]
    left = sample[keep].value_counts().reindex(sample.cat.categories, fill_value=0)
    lost = [str(name) for name, n in left.items() if n == 0]
    if lost:
        cells = obs.loc[np.asarray(sample == lost[0])]
        limit, has = "", f"{cells['n_genes'].median():.0f} genes"
        if max_pct_mt is not None:
            limit = f" or raise qc.max_pct_mt ({max_pct_mt})"
            has += f" and {cells['pct_mt'].median():.1f} % mitochondrial counts"
        msg = (
            f"No cell of {listed(lost)} passes quality control: the median cell of {lost[0]} has "
            f"{has}. Lower qc.min_genes ({min_genes}){limit} in the config, or remove the sample "
            "from the sample sheet."
        )
        raise InputError(msg)


def normalise(adata: ad.AnnData, *, modality: str = RNA) -> None:
    """Scale each cell to 10,000 counts and take natural log1p, in place.

    Parameters
    ----------
    adata
        Counts in ``X``.
    modality
        ``"cytometry"``: the values are transformed already and stay as they are.

    Notes
    -----
    Sets ``layers["counts"]`` (the counts) and ``X`` (the logarithms).
    """
    check_modality(modality)
    if modality == CYTOMETRY:
        return
    adata.layers[COUNTS] = adata.X
    adata.X = log_normalised(adata.X)


def log_normalised(counts: Any) -> sp.csr_matrix:
    """Natural log1p of counts per 10,000 of each row, as scanpy makes it; counts are kept."""
    totals = np.asarray(counts.sum(axis=1), dtype=np.float32).ravel()
    totals[totals == 0] = TARGET_SUM
    logs = counts.astype(np.float32, copy=True)
    logs.data /= np.repeat(totals / np.float32(TARGET_SUM), np.diff(logs.indptr))
    np.log1p(logs.data, out=logs.data)
    return logs


def write_prepared(adata: ad.AnnData, path: Path | str) -> None:
    """Write the large file between the steps: uncompressed, which is several times faster."""
    with atomic(path) as temporary, plain_strings():
        adata.write_h5ad(temporary)
