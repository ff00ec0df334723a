"""Samples larger than memory: prepared and embedded in blocks of rows.

The numbers are those of the path through memory: the same cells, genes and values, and principal
components that differ by rounding. Beside a few blocks of :data:`cgmm._utils.rows.BLOCK_VALUES`
values only what has one row per cell is in memory (``obs``, embeddings).
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import anndata as ad
import h5py
import numpy as np
import pandas as pd
from anndata.io import read_elem

from cgmm._utils.ahead import ahead
from cgmm._utils.files import atomic
from cgmm._utils.h5ad import plain_strings
from cgmm._utils.optional import how_to_install
from cgmm._utils.rows import RowsWriter, as_dask
from cgmm.pp._blocks import Block, blocks_of
from cgmm.pp._counted_once import check_copies, signatures
from cgmm.pp._dropped import DROPPED, dropped_cells
from cgmm.pp._kept import KEPT, kept_by_label
from cgmm.pp._limits import fewest_genes
from cgmm.pp._prepare import (
    COUNTS,
    cell_quality,
    check_kept,
    join_samples,
    log_normalised,
    mitochondrial_for,
    passing,
    seen_enough,
    table_of_samples,
)
from cgmm.pp._read import opened, resolve_files, values_of
from cgmm.pp._reading import Reading
from cgmm.pp._samples import LEAVE_OUT, RNA, InputError, Sample

logger = logging.getLogger(__name__)

MEMORY = "memory"
LAZY = "lazy"
AUTO = "auto"
SCALE = "scale"  # entry of uns of a prepared file
LAZY_VALUES = 100_000_000  # stored values; in memory they take about 3 GB


def choose_scale(
    samples: Sequence[Sample],
    scale: str = AUTO,
    *,
    counts_layer: str | None = None,
    modality: str = RNA,
    reading: Mapping[str, Any] | None = None,
) -> str:
    """Choose whether samples go through memory or are read in blocks.

    Parameters
    ----------
    samples
        The samples.
    scale
        ``"memory"``, ``"lazy"``, or ``"auto"``: lazy above ``LAZY_VALUES`` stored values.
    counts_layer, modality, reading
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
        with opened(path, Reading.of(reading)) as file:
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
        reason = f"Dask is not installed. Install it with `{how_to_install('dask')}`"
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
    min_genes: int | None = None,
    min_cells: int = 10,
    max_pct_mt: float | None = None,
    features: Mapping[str, Sequence[str]] | None = None,
    missing_genes: str = LEAVE_OUT,
    reading: Mapping[str, Any] | None = None,
) -> tuple[pd.DataFrame, int]:
    """Join, filter and normalise samples of RNA counts into a file, in blocks of rows.

    Reads each file twice, from its first row to its last: to find the cells and genes to keep, and
    to write them.

    Parameters
    ----------
    samples
        The samples.
    path
        The file to write: what :func:`write_prepared` would write, and ``uns["scale"]``.
    counts_layer, gene_column, use_rep, features, missing_genes, reading
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
        "reading": Reading.of(reading),
    }
    adata = join_samples(
        samples, use_rep=use_rep, missing_genes=missing_genes, values=False, **where
    )
    labels = list(adata.obs.columns)
    files = resolve_files([sample.path for sample in samples], **where).files
    place: dict[str, Any] = {"counts_layer": counts_layer, "reading": where["reading"]}
    found = _Measured(adata.n_obs, adata.var_names, min_cells)
    mitochondrial = mitochondrial_for(adata.var_names, max_pct_mt)
    least = fewest_genes(min_genes, adata.n_vars)
    for block in ahead(blocks_of(samples, files, adata.var_names, check=True, **place)):
        found.add(block, mitochondrial, (least, max_pct_mt))
    for name, values in found.quality.items():
        adata.obs[name] = values
    ends = np.cumsum([0, *adata.obs["sample"].value_counts().reindex([s.sample for s in samples])])
    check_copies(samples, [found.marks[a:b] for a, b in pairwise(ends)])
    obs: Any = adata.obs
    cells = passing(obs, least, max_pct_mt)
    check_kept(obs, cells, least, max_pct_mt)
    genes = seen_enough(found.n_cells, min_cells)
    kept = adata[cells, genes].copy()
    kept.uns |= {
        SCALE: LAZY,
        KEPT: kept_by_label(pd.DataFrame(obs[labels]), cells),
        DROPPED: dropped_cells(obs, cells, least),
    }
    with atomic(path) as temporary:
        with plain_strings():
            kept.write_h5ad(temporary)
        with h5py.File(temporary, "a") as file:
            again = ahead(blocks_of(samples, files, adata.var_names, **place))
            _write_values(file, again, cells, genes, found.sizes())
    kept_obs: Any = kept.obs
    return table_of_samples(kept_obs, obs["sample"].value_counts()), kept.n_vars


class _Measured:
    """What one pass over all samples finds, by row of the joined object.

    Parameters
    ----------
    n_rows, genes
        Rows and genes of the joined object.
    min_cells
        Genes seen in fewer passing cells will be left out.
    """

    def __init__(self, n_rows: int, genes: pd.Index, min_cells: int) -> None:
        self.quality = {name: np.zeros(n_rows) for name in ("n_genes", "n_counts", "pct_mt")}
        self.quality["n_genes"] = np.zeros(n_rows, dtype=np.int64)
        self.marks = np.zeros(n_rows)
        self.n_cells = np.zeros(len(genes), dtype=np.int64)
        self._genes, self._min_cells = genes, min_cells
        self._rare = np.zeros((2, 0), dtype=np.int64)  # row and gene of values that may be left out

    def add(
        self, block: Block, mitochondrial: np.ndarray, limits: tuple[int, float | None]
    ) -> None:
        """Take in a block."""
        found = cell_quality(block.values, mitochondrial)
        for name, values in found.items():
            self.quality[name][block.rows] = values
        self.marks[block.rows] = signatures(block.values, self._genes)
        keep = passing(found, *limits)
        kept = block.values[keep]
        self.n_cells += kept.getnnz(axis=0)
        rare = self.n_cells < self._min_cells
        here = rare[kept.indices]
        rows = np.repeat(block.rows[keep], np.diff(kept.indptr))[here]
        both = np.concatenate([self._rare, np.stack([rows, kept.indices[here]])], axis=1)
        self._rare = both[:, rare[both[1]]]

    def sizes(self) -> np.ndarray:
        """Values of each row that stay when rare genes are left out."""
        left_out = np.bincount(self._rare[0], minlength=len(self.marks))
        return self.quality["n_genes"] - left_out


def _write_values(
    file: h5py.File, blocks: Iterator[Block], cells: Any, genes: Any, sizes: np.ndarray
) -> None:
    """Write counts and logarithms of the cells and genes that are kept."""
    if "X" in file:
        del file["X"]
    n = int(genes.sum())
    counts = RowsWriter(file.require_group("layers").create_group(COUNTS), sizes[cells], n)
    logs = RowsWriter(file.create_group("X"), sizes[cells], n)
    columns, places = np.flatnonzero(genes), np.cumsum(cells) - 1
    for block in blocks:
        keep = cells[block.rows]
        kept = block.values[keep]
        kept = kept if genes.all() else kept[:, columns]
        rows = places[block.rows[keep]]
        counts.write(kept, rows)
        logs.write(log_normalised(kept), rows)


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
        values = as_dask(file["X"]) if lazy else read_elem(file["X"])
        return ad.AnnData(X=values, **slots)
