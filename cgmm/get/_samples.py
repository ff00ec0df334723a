"""Samples: their cells, the quality of these cells, and how far samples lie apart."""

from __future__ import annotations

from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

from cgmm._anndata.keys import DEFAULT_KEY
from cgmm._anndata.populations import take_populations
from cgmm._anndata.samples import quality_of_cells, take_samples
from cgmm._anndata.sides import representation
from cgmm._anndata.storage import read_params
from cgmm.get._common import build, empty
from cgmm.pp._dropped import DROPPED
from cgmm.tables import TABLES
from cgmm.thresholds import MIN_CELLS_PER_POSITION

QUANTILES = {
    "lowest": 0.0,
    "p5": 0.05,
    "p25": 0.25,
    "median": 0.5,
    "p75": 0.75,
    "p95": 0.95,
    "highest": 1.0,
}
READ = ("n_cells_read", "n_few_genes", "n_mitochondrial")


def samples(
    adata: ad.AnnData, *, sample_key: str | None = None, key: str = DEFAULT_KEY
) -> pd.DataFrame:
    """Return the samples of both conditions, and how many of their cells quality control dropped.

    Parameters
    ----------
    adata
        Object with a fit.
    sample_key
        Column of ``obs`` with the samples. By default "sample" if there is such a column, else the
        donors, else the conditions.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    One row per sample, the source first: sample, condition, donor, batch, n_cells (in the object),
    n_cells_read, n_few_genes and n_mitochondrial (cells that were read, and cells that
    :func:`cgmm.pp.quality_control` dropped for each reason; NaN where that is not known).

    Raises
    ------
    KeyError
        When there is no fit or no such column.
    """
    found = take_samples(adata, read_params(adata, key=key), sample_key=sample_key)
    frame = found.table.copy()
    dropped = adata.uns.get(DROPPED)
    if isinstance(dropped, pd.DataFrame):
        counts = dropped.set_index(dropped["sample"].astype(str))[list(READ)]
        frame = frame.join(counts, on="sample")
    else:
        frame[list(READ)] = np.nan
    return build(TABLES["samples"], frame)


def sample_quality(
    adata: ad.AnnData, *, sample_key: str | None = None, key: str = DEFAULT_KEY
) -> pd.DataFrame:
    """Return how genes, counts and mitochondrial counts of cells are distributed in every sample.

    Parameters
    ----------
    adata
        Object with a fit. Read are the columns ``n_genes``, ``n_counts``, ``pct_mt`` of ``obs`` (or
        ``n_genes_by_counts``, ``total_counts``, ``pct_counts_mt`` of scanpy) and, where there is
        one, ``doublet_score``, which :func:`scanpy.pp.scrublet` writes.
    sample_key, key
        As in :func:`samples`.

    Returns
    -------
    One row per sample and measure ("genes", "counts", "mitochondrial" in percent, "doublet score"):
    sample, condition, measure, n_cells, lowest, p5, p25, median, p75, p95, highest. No rows without
    such columns.

    Raises
    ------
    KeyError
        When there is no fit or no such column.
    """
    found = take_samples(adata, read_params(adata, key=key), sample_key=sample_key)
    rows = []
    for measure, values in quality_of_cells(adata, found.rows).items():
        for i, (name, condition) in enumerate(
            zip(found.table["sample"], found.table["condition"], strict=True)
        ):
            own = values[found.of_cell == i]
            own = own[np.isfinite(own)]
            if len(own):
                at = np.quantile(own, list(QUANTILES.values()))
                rows.append((name, condition, measure, len(own), *at))
    if not rows:
        return empty(TABLES["sample_quality"])
    columns = ["sample", "condition", "measure", "n_cells", *QUANTILES]
    return build(TABLES["sample_quality"], pd.DataFrame(rows, columns=columns))


def sample_distances(
    adata: ad.AnnData, *, sample_key: str | None = None, key: str = DEFAULT_KEY
) -> pd.DataFrame:
    r"""Return how far samples lie apart, by the shares of populations and by their states.

    With :math:`p_s` the shares of the populations in sample s, the distance of compositions is that
    of Hellinger, :math:`\sqrt{\sum_k (\sqrt{p_{sk}} - \sqrt{p_{tk}})^2 / 2}` (Legendre & Gallagher
    2001): 0 for equal shares, 1 when no population is in both. With :math:`m_{sk}` the mean cell of
    population k in sample s, :math:`n_{sk}` its number of cells and :math:`v` the variance within
    populations, the squared distance of states is
    :math:`|m_{sk} - m_{tk}|^2 / v - 1/n_{sk} - 1/n_{tk}`, which is zero on average where only
    drawing of cells differs, averaged over populations with the weights
    :math:`n_{sk} n_{tk} / (n_{sk} + n_{tk})`.

    Parameters
    ----------
    adata
        Object with a fit.
    sample_key, key
        As in :func:`samples`.

    Returns
    -------
    One row per pair of samples: sample, other, composition (0 to 1), state (in standard deviations
    within a population; NaN when no population has five cells in both). No rows for one sample, or
    without populations.

    Raises
    ------
    KeyError
        When there is no fit or no such column.
    """
    known = read_params(adata, key=key)
    cells = take_populations(adata, known, key=key)
    found = take_samples(adata, known, sample_key=sample_key)
    n = len(found.table)
    if cells is None or n < 2:
        return empty(TABLES["sample_distances"])
    codes = np.concatenate(cells.codes)  # both in the order source, target
    values = representation(adata, known["use_rep"], known["n_dims"])
    keep = codes >= 0
    points = values[found.rows[keep]].astype(np.float64)
    counts, means, variance = _means(points, found.of_cell[keep], codes[keep], n, len(cells.names))
    i, j = np.triu_indices(n, 1)
    names = found.table["sample"].to_numpy(object)
    frame = {
        "sample": names[i],
        "other": names[j],
        "composition": _hellinger(counts)[i, j],
        "state": [_apart(counts, means, variance, a, b) for a, b in zip(i, j, strict=True)],
    }
    return build(TABLES["sample_distances"], frame)


def _means(
    points: np.ndarray, sample: np.ndarray, population: np.ndarray, n: int, k: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return cells (n, K) and mean cells (n, K, D) by sample and population, and the variance."""
    group = sample * k + population
    ones = np.ones(len(points))
    sums = sp.csr_matrix((ones, (group, np.arange(len(points)))), shape=(n * k, len(points)))
    counts = np.bincount(group, minlength=n * k).astype(float)
    means = np.asarray(sums @ points) / np.maximum(counts, 1.0)[:, None]
    freedom = len(points) - int((counts > 0).sum())
    rest = float(np.square(points - means[group]).sum())
    variance = rest / freedom if freedom > 0 else np.nan
    return counts.reshape(n, k), means.reshape(n, k, -1), variance


def _hellinger(counts: np.ndarray) -> np.ndarray:
    """Return the distances of Hellinger between the rows of counts, shape (n, n)."""
    roots = np.sqrt(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0))
    alike = np.clip(roots @ roots.T, 0.0, 1.0)
    return np.sqrt(1.0 - alike)


def _apart(counts: np.ndarray, means: np.ndarray, variance: float, a: Any, b: Any) -> float:
    """Return the distance of the states of two samples, in standard deviations."""
    both = np.minimum(counts[a], counts[b]) >= MIN_CELLS_PER_POSITION
    if not both.any() or not variance > 0:
        return float("nan")
    n, m = counts[a, both], counts[b, both]
    squared = np.square(means[a, both] - means[b, both]).sum(axis=1) / variance - 1 / n - 1 / m
    weights = n * m / (n + m)
    return float(np.sqrt(max(np.average(squared, weights=weights), 0.0)))
