"""Samples larger than memory: prepared in blocks of rows, embedded through Dask.

The numbers are those of the path through memory: the same cells, genes and values, and principal
components that differ by rounding. Beside a few blocks of :data:`cgmm._utils.rows.BLOCK_VALUES`
values only what has one row per cell is in memory (``obs``, embeddings).
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata.io import read_elem

from cgmm._utils.files import atomic, plain_strings
from cgmm._utils.rows import RowsWriter, row_blocks, row_ends
from cgmm.pp._counted_once import check_copies, signatures
from cgmm.pp._file_checks import check_indices
from cgmm.pp._kept import KEPT, kept_by_label
from cgmm.pp._one_name import Features
from cgmm.pp._prepare import (
    COUNTS,
    cell_quality,
    check_all_values,
    check_kept,
    join_samples,
    log_normalised,
    mitochondrial_for,
    passing,
    seen_enough,
    table_of_samples,
)
from cgmm.pp._read import Cells, opened, resolve_files, values_of
from cgmm.pp._samples import LEAVE_OUT, RNA, InputError, Sample

logger = logging.getLogger(__name__)

MEMORY = "memory"
LAZY = "lazy"
AUTO = "auto"
SCALE = "scale"  # entry of uns of a prepared file
LAZY_VALUES = 100_000_000  # stored values; in memory they take about 3 GB
BLOCK = 1_000_000  # values of a Dask block


def choose_scale(
    samples: Sequence[Sample],
    scale: str = AUTO,
    *,
    counts_layer: str | None = None,
    modality: str = RNA,
) -> str:
    """Choose whether samples go through memory or are read in blocks.

    Parameters
    ----------
    samples
        The samples.
    scale
        ``"memory"``, ``"lazy"``, or ``"auto"``: lazy above ``LAZY_VALUES`` stored values.
    counts_layer, modality
        As for :func:`check_samples`. Features of cytometry are few and always go through memory.

    Returns
    -------
    str
        ``"memory"`` or ``"lazy"``.

    Raises
    ------
    InputError
        When lazy is asked for and a file is stored by columns, or Dask is not installed.
    """
    n_values, by_columns = 0, []
    for path in dict.fromkeys(sample.path for sample in samples):
        with opened(path) as file:
            stored = values_of(file, layer=counts_layer)
            group = isinstance(stored, h5py.Group)
            n_values += stored["data"].shape[0] if group else stored.size
            if group and stored.attrs.get("encoding-type") != "csr_matrix":
                by_columns.append(path)
    large = n_values > LAZY_VALUES
    wanted = modality == RNA and (scale == LAZY or (scale == AUTO and large))
    reason = None
    if by_columns:
        reason = (
            f"{by_columns[0]} stores its values by columns (CSC), which cannot be read by cells. "
            "Write it with `adata.X = adata.X.tocsr()`"
        )
    elif importlib.util.find_spec("dask") is None:
        reason = "Dask is not installed. Install it with `pip install 'cgmm[dask]'`"
    if wanted and reason and scale == LAZY:
        msg = f"scale: lazy is not possible: {reason}, or set `scale: memory` in the config."
        raise InputError(msg)
    if wanted and reason:
        logger.warning("%s values go through memory, although they are many: %s", n_values, reason)
    chosen = LAZY if wanted and not reason else MEMORY
    logger.info("%s stored values: scale %s (auto: lazy above %s)", n_values, chosen, LAZY_VALUES)
    return chosen


def prepare_lazily(
    samples: Sequence[Sample],
    path: Path | str,
    *,
    counts_layer: str | None = None,
    gene_column: str | None = None,
    use_rep: str | None = None,
    min_genes: int = 200,
    min_cells: int = 10,
    max_pct_mt: float | None = None,
    features: Mapping[str, Sequence[str]] | None = None,
    missing_genes: str = LEAVE_OUT,
) -> tuple[pd.DataFrame, int]:
    """Join, filter and normalise samples of RNA counts into a file, in blocks of rows.

    Reads the samples twice: to find the cells and genes to keep, and to write them.

    Parameters
    ----------
    samples
        The samples.
    path
        The file to write: what :func:`write_prepared` would write, and ``uns["scale"]``.
    counts_layer, gene_column, use_rep, features, missing_genes
        As for :func:`join_samples`.
    min_genes, min_cells, max_pct_mt
        As for :func:`quality_control`.

    Returns
    -------
    The table of :func:`quality_control`, and the number of genes kept.

    Raises
    ------
    InputError
        As from :func:`join_samples` and :func:`quality_control`.
    """
    where: dict[str, Any] = {
        "counts_layer": counts_layer,
        "gene_column": gene_column,
        "features": features,
    }
    adata = join_samples(
        samples, use_rep=use_rep, missing_genes=missing_genes, values=False, **where
    )
    labels = list(adata.obs.columns)
    files = resolve_files([sample.path for sample in samples], **where).files
    blocks = _blocks(samples, files, adata.var_names, counts_layer=counts_layer, check=True)
    n_cells, marks = _measure(adata, blocks, min_genes, max_pct_mt)
    ends = np.cumsum([0, *adata.obs["sample"].value_counts().reindex([s.sample for s in samples])])
    check_copies(samples, [marks[a:b] for a, b in pairwise(ends)])
    obs: Any = adata.obs
    cells = passing(obs, min_genes, max_pct_mt)
    check_kept(obs["sample"], cells, min_genes, max_pct_mt)
    genes = seen_enough(n_cells, min_cells)
    kept = adata[cells, genes].copy()
    kept.uns |= {SCALE: LAZY, KEPT: kept_by_label(pd.DataFrame(obs[labels]), cells)}
    with atomic(path) as temporary:
        with plain_strings():
            kept.write_h5ad(temporary)
        with h5py.File(temporary, "a") as file:
            again = _blocks(samples, files, adata.var_names, counts_layer=counts_layer)
            _write_values(file, again, cells, genes)
    kept_obs: Any = kept.obs
    return table_of_samples(kept_obs, obs["sample"].value_counts()), kept.n_vars


def _measure(
    adata: ad.AnnData, blocks: Iterator[Any], min_genes: int, max_pct_mt: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Put the quality of each cell into ``obs``.

    Returns
    -------
    In how many passing cells each gene is seen, and the signature of each cell.
    """
    mitochondrial = mitochondrial_for(adata.var_names, max_pct_mt)
    marks = [np.zeros(0)]
    found: dict[str, list[np.ndarray]] = {"n_genes": [], "n_counts": [], "pct_mt": []}
    n_cells = np.zeros(adata.n_vars, dtype=np.int64)
    for block in blocks:
        quality = cell_quality(block, mitochondrial)
        for name, values in quality.items():
            found[name].append(values)
        n_cells += block[passing(quality, min_genes, max_pct_mt)].getnnz(axis=0)
        marks.append(signatures(block, adata.var_names))
    for name, parts in found.items():
        adata.obs[name] = np.concatenate(parts)
    return n_cells, np.concatenate(marks)


def _write_values(file: h5py.File, blocks: Iterator[Any], cells: Any, genes: Any) -> None:
    """Write counts and logarithms of the cells and genes that are kept."""
    if "X" in file:
        del file["X"]
    n = int(genes.sum())
    counts = RowsWriter(file.require_group("layers").create_group(COUNTS), n)
    logs = RowsWriter(file.create_group("X"), n)
    at, columns = 0, np.flatnonzero(genes)
    for block in blocks:
        kept = block[cells[at : at + block.shape[0]]]
        kept = kept if genes.all() else kept[:, columns]
        at += block.shape[0]
        counts.append(kept)
        logs.append(log_normalised(kept))
    counts.close()
    logs.close()


def _blocks(
    samples: Sequence[Sample],
    features: dict[str, Features],
    genes: pd.Index,
    *,
    counts_layer: str | None,
    check: bool = False,
) -> Iterator[Any]:
    """Go through the counts of all samples in order, float32 CSR, columns as ``genes``.

    Samples of one file that follow each other are read from it while it is open.
    """
    for path, group in groupby(samples, key=lambda sample: sample.path):
        with opened(path) as file:
            cells = Cells(file)
            stored = values_of(file, layer=counts_layer)
            columns = _columns(features[path], genes)
            ends = row_ends(stored)
            for sample in group:
                seen = False
                rows = np.zeros(cells.n_cells, dtype=bool)
                rows[cells.of(sample)] = True
                for block in row_blocks(stored, rows, ends=ends):
                    check_indices(block.indices, features[path].n_stored, stored)
                    block.data = block.data.astype(np.float32)
                    block.eliminate_zeros()
                    if check and block.nnz:
                        seen = True
                        check_all_values(block, sample)
                    chosen = block if columns is None else _taken(block, columns)
                    chosen.sort_indices()
                    yield chosen
                if check and not seen:
                    check_all_values(np.zeros(1), sample)


def _columns(features: Features, genes: pd.Index) -> np.ndarray | None:
    """Where each gene stands in a stored matrix, -1 where it is missing; None: all, in order."""
    at = features.names.get_indexer(genes)
    found = np.where(at < 0, -1, features.columns[at])
    same = len(found) == features.n_stored and bool((found == np.arange(len(found))).all())
    return None if same else found


def _taken(block: Any, columns: np.ndarray) -> Any:
    """Columns of a CSR matrix; a column that it lacks (-1) is empty."""
    missing = columns < 0
    if not missing.any():
        return block[:, columns]
    taken = block[:, columns[~missing]].tocsr()
    places = np.flatnonzero(~missing)
    return sp.csr_matrix(
        (taken.data, places[taken.indices], taken.indptr), shape=(block.shape[0], len(columns))
    )


def read_prepared(path: Path | str) -> ad.AnnData:
    """Read a prepared file without its counts; values as a Dask array when it was made lazily.

    Parameters
    ----------
    path
        From :func:`write_prepared` or :func:`prepare_lazily`.

    Returns
    -------
    AnnData
        Logarithms in ``X``: in memory, or a Dask array of CSR blocks.
    """
    with h5py.File(path, "r") as file:
        slots: dict[str, Any] = {
            name: read_elem(file[name]) for name in ("obs", "var", "obsm", "uns")
        }
        lazy = slots["uns"].get(SCALE) == LAZY
        values = _as_dask(file["X"]) if lazy else read_elem(file["X"])
        return ad.AnnData(X=values, **slots)


def _as_dask(stored: h5py.Group) -> Any:
    from anndata.experimental import read_elem_lazy

    n_rows, n_columns = (int(n) for n in stored.attrs["shape"])
    per_row = max(1, stored["data"].shape[0] // max(1, n_rows))
    rows = min(n_rows, max(1, BLOCK // per_row))
    return read_elem_lazy(stored, chunks=(rows, n_columns))
