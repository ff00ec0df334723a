"""Variable genes and principal components of values that are read in blocks of rows.

Every statistic is one pass over the blocks in a loop; the next block is read in a thread meanwhile.
The genes are those of ``scanpy.pp.highly_variable_genes`` with its defaults (Satija et al. 2015,
Nature Biotechnology 33, 495), from sums per gene and sample; the components are eigenvectors of the
covariance of genes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import scipy.linalg

from cgmm._utils.blas import one_thread
from cgmm._utils.lazy_rows import blocks_in_order

N_BINS = 20  # of mean expression, within which dispersions are compared
LEAST_MEAN = 1e-12


class Moments(NamedTuple):
    """Sums over the cells of each sample, of values that are not logarithms.

    Attributes
    ----------
    n_cells
        Cells of each sample, shape (S,).
    n_seen, sums, squares
        Cells with a value, sum and sum of squares of each gene, shape (S, G).
    """

    n_cells: np.ndarray
    n_seen: np.ndarray
    sums: np.ndarray
    squares: np.ndarray


class Components(NamedTuple):
    """Principal components of genes.

    Attributes
    ----------
    loadings
        Shape (genes, C), double precision.
    points
        Shape (cells, C), single precision.
    variance_ratio
        Share of the variance of all genes, shape (C,).
    """

    loadings: np.ndarray
    points: np.ndarray
    variance_ratio: np.ndarray


def moments_of_genes(values: Any, samples: np.ndarray) -> Moments:
    """Return sums per sample and gene, from one pass.

    Parameters
    ----------
    values
        Natural logarithms of one plus a value: a Dask array of CSR blocks, (cells, G).
    samples
        Number of the sample of each cell, 0, 1, ..., shape (cells,).
    """
    from cgmm.pp._gram import add_moments  # loads numba

    n_samples = int(samples.max()) + 1
    totals = np.zeros((3, n_samples, values.shape[1]))
    at = 0
    for block in blocks_in_order(values):
        mine = samples[at : at + block.shape[0]]
        at += block.shape[0]
        add_moments(totals, block.indptr, mine, block.indices, np.expm1(block.data))
    return Moments(np.bincount(samples, minlength=n_samples), *totals)


def variable_genes(moments: Moments, n_top_genes: int) -> pd.DataFrame:
    """Return which genes vary most within samples, in scanpy's columns.

    Parameters
    ----------
    moments
        From :func:`moments_of_genes`. With one sample, genes that no cell has take part too.
    n_top_genes
        How many genes to mark.

    Returns
    -------
    DataFrame
        One row per gene: means, dispersions, dispersions_norm, highly_variable, and with several
        samples highly_variable_nbatches and highly_variable_intersection.
    """
    several = len(moments.n_cells) > 1
    parts = []
    for n, seen, sums, squares in zip(*moments, strict=True):
        there = seen > 0 if several else np.ones(len(seen), dtype=bool)
        mean = sums[there] / n
        variance = (squares[there] / n - mean**2) * (n / max(n - 1, 1))
        part = _dispersions(mean, variance)
        scores = part["dispersions_norm"].to_numpy()
        top = np.nan_to_num(scores, nan=-np.inf) >= _highest(scores, n_top_genes)
        part["highly_variable"] = top.astype(int)
        part.index = pd.Index(np.flatnonzero(there))
        parts.append(part.reindex(range(len(seen)), fill_value=0))
    if not several:
        return parts[0].astype({"highly_variable": bool})
    n_samples = len(parts)
    columns = ("means", "dispersions", "dispersions_norm")
    table = pd.concat(parts)
    whole = table.groupby(level=0)[list(columns)].mean()
    times = table["highly_variable"].groupby(level=0).sum()
    order = pd.DataFrame({"times": times, "score": whole["dispersions_norm"]}).sort_values(
        ["times", "score"], ascending=False, na_position="last"
    )
    whole["highly_variable"] = False
    whole.loc[order.index[:n_top_genes], "highly_variable"] = True
    whole["highly_variable_nbatches"] = times
    whole["highly_variable_intersection"] = times == n_samples
    return whole


def _dispersions(mean: np.ndarray, variance: np.ndarray) -> pd.DataFrame:
    """Return logarithms of mean and dispersion, and the dispersion beside genes of like mean."""
    mean = np.where(mean == 0, LEAST_MEAN, mean)
    dispersion = np.where(variance == 0, np.nan, variance) / mean
    table = pd.DataFrame({"means": np.log1p(mean), "dispersions": np.log(dispersion)})
    bins = pd.cut(table["means"], bins=N_BINS)
    groups = table.groupby(bins, observed=True)["dispersions"]
    average, deviation = groups.transform("mean"), groups.transform("std")
    # one gene in its bin: it is one deviation off
    alone = deviation.isna() & average.notna()
    deviation, average = deviation.where(~alone, average), average.where(~alone, 0)
    table["dispersions_norm"] = (table["dispersions"] - average) / deviation
    return table


def _highest(scores: np.ndarray, n: int) -> float:
    """Return the n-th highest score, or the lowest when there are fewer."""
    known = np.sort(scores[~np.isnan(scores)])[::-1]
    return float(known[min(n, len(known)) - 1])


def _sorted(block: Any) -> Any:
    block.sort_indices()
    return block


def components_of_genes(values: Any, chosen: np.ndarray, n_components: int) -> Components:
    """Return principal components of some genes, from two passes.

    Parameters
    ----------
    values
        A Dask array of CSR blocks, (cells, G).
    chosen
        True for the genes that take part, shape (G,).
    n_components
        How many components.
    """
    from cgmm.pp._gram import products  # loads numba

    n_cells, n_chosen = values.shape[0], int(chosen.sum())
    place = np.where(chosen, np.cumsum(chosen) - 1, -1)
    total, sums = products(map(_sorted, blocks_in_order(values)), place)
    mean = sums / n_cells
    covariance = (total - n_cells * np.outer(mean, mean)) / (n_cells - 1)
    variance = np.trace(covariance)
    with one_thread():
        largest = (n_chosen - n_components, n_chosen - 1)
        sizes, vectors = scipy.linalg.eigh(
            covariance, lower=False, subset_by_index=largest, overwrite_a=True
        )
    sizes, vectors = sizes[::-1], np.ascontiguousarray(vectors[:, ::-1])
    weights = np.zeros((values.shape[1], n_components), dtype=np.float32)
    weights[chosen] = vectors
    points = np.empty((n_cells, n_components), dtype=np.float32)
    at = 0
    for block in blocks_in_order(values):
        points[at : at + block.shape[0]] = block @ weights - (mean @ vectors)
        at += block.shape[0]
    return Components(vectors, points, sizes / variance)
