r"""Moderated t-test of genes on pseudobulks, with weights from the trend of the variance (voom).

The sum :math:`y_{dg}` of gene :math:`g` in sample :math:`d`, with the effective number of counts
:math:`L_d`, becomes :math:`x_{dg} = \log_2 (10^6 (y_{dg} + 1/2) / (L_d + 1))`, which follows a
linear model of the condition and, where there are any, donors or covariates.  A small sum is less
precise than a large one.  The square root of the residual standard deviation is therefore smoothed
over the expected :math:`\log_2` count, by the lowess of all genes, and each value gets the weight
:math:`1 / \hat\sigma^2` at its own expected count.  The model is then fitted again by weighted
least squares, and the residual variances of the genes are shrunk towards their common value
(:mod:`cgmm.donors.moderated_t`).

:math:`L_d` is the number of all counts times a factor: the median ratio of the genes of the sample
to their geometric mean over samples.  A response that takes a large part of the RNA of a cell
therefore does not lower all other genes.

References: Law et al. 2014 (voom), Genome Biology 15:R29; Smyth 2004, Stat Appl Genet Mol Biol 3:3;
Anders & Huber 2010 (size factors), Genome Biology 11:R106.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cgmm._utils.codes import coded
from cgmm.donors.false_discovery import benjamini_hochberg
from cgmm.donors.moderated_t import Tests, moderate
from cgmm.genes.differential import Differential, on_one_scale, testable
from cgmm.genes.pseudobulk import Samples

MIN_GENES_IN_ALL_SAMPLES = 50  # for size factors; with fewer the number of counts is taken
LOWESS_SPAN = 0.5  # part of the genes in the window of the lowess
GENES_AT_ONCE = 2048


class LinearFit(NamedTuple):
    """Weighted least squares of every tested gene, and the test of its change."""

    usable: np.ndarray  #: (n_genes,) of bool, the genes that were tested
    tests: Tests  #: arrays of shape (n_tested,)
    residuals: (
        np.ndarray
    )  #: (n_samples, n_tested), times the root of the weight, over the moderated SD
    freedom: int  #: residual degrees of freedom of one gene


def differential(samples: Samples, genes: np.ndarray) -> tuple[Differential | None, str]:
    """Return tests of the change of each gene between conditions, with samples as replicates.

    Parameters
    ----------
    samples
        The pseudobulks.
    genes
        Genes to test, boolean, shape (n_genes,). Genes with fewer than ten counts in all samples
        together, or with counts in fewer than three samples, are left out.

    Returns
    -------
    tests
        Tests of the genes; None when too few genes or donors are left.
    reason
        Why there is no test, in a sentence; else "".
    """
    return _tests(*linear_fit(samples, genes), len(genes))


def differential_of_means(samples: Samples, genes: np.ndarray) -> tuple[Differential | None, str]:
    """Return tests of the change of mean values, for values that are not counts (cytometry).

    Parameters
    ----------
    samples
        The means of the samples in place of sums of counts. Every sample counts equally.
    genes
        Features to test, boolean, shape (n_genes,).

    Returns
    -------
    As :func:`differential`; ``log2_change`` is in the units of the values.
    """
    usable = genes & np.isfinite(samples.counts).all(axis=0)
    if not usable.any():
        return None, "No feature has values in all donors."
    y = samples.counts[:, usable].astype(float)
    return _tests(*_fitted(y, np.ones_like(y), samples, usable), len(genes))


def _tests(fit: LinearFit | None, reason: str, n_genes: int) -> tuple[Differential | None, str]:
    if fit is None:
        return None, reason
    columns = [np.full(n_genes, np.nan) for _ in range(3)]
    values = (fit.tests.coefficient, fit.tests.p, benjamini_hochberg(fit.tests.p))
    for column, value in zip(columns, values, strict=True):
        column[fit.usable] = value
    return Differential(*columns), ""


def linear_fit(samples: Samples, genes: np.ndarray) -> tuple[LinearFit | None, str]:
    """Return the weighted fit of every gene that can be tested; None and a sentence without one."""
    usable, reason = testable(samples.counts, genes)
    if reason:
        return None, reason
    library = effective_library(samples.counts)
    y = log2_cpm(samples.counts[:, usable].astype(float), library)
    return _fitted(y, precision(y, model(samples)[0], library), samples, usable)


def _fitted(
    y: np.ndarray, weights: np.ndarray, samples: Samples, usable: np.ndarray
) -> tuple[LinearFit | None, str]:
    """Return the weighted fit of values, (n_samples, n_tested), to the model of the samples."""
    matrix, change = model(samples)
    freedom = len(matrix) - int(np.linalg.matrix_rank(matrix))
    if freedom < 1:
        return None, "Too few donors for the model: no donor is left to measure the spread."
    beta, scale, residual = weighted_least_squares(y, matrix, weights, change)
    variance = np.square(residual).sum(axis=0) / freedom
    tests = moderate(beta, variance, freedom, scale)
    spread = tests.error / np.sqrt(scale)
    spread = np.where(spread > 0, spread, np.inf)
    return LinearFit(usable, tests, residual / spread, freedom), ""


def model(samples: Samples) -> tuple[np.ndarray, np.ndarray]:
    """Return the model matrix of the samples, (n_samples, p), and the weights of the change, (p,).

    The change is the condition: within donors where donors are paired, after the other columns of
    a design formula where there is one.
    """
    if samples.matrix is not None and samples.change is not None:
        return on_one_scale(samples.matrix, samples.change)
    treated = samples.treated.astype(float)[:, None]
    if samples.donors is None:
        matrix = np.hstack([np.ones_like(treated), treated])
    else:
        own = coded(samples.donors)[1]
        matrix = np.hstack([(own[:, None] == np.arange(own.max() + 1)).astype(float), treated])
    return matrix, np.eye(matrix.shape[1])[-1]


def effective_library(counts: np.ndarray) -> np.ndarray:
    """Return the number of counts of every sample, corrected for the response of few genes.

    Parameters
    ----------
    counts
        Summed counts of all genes, shape (n_samples, n_genes).

    Returns
    -------
    Shape (n_samples,). The factors that correct the numbers of counts have the geometric mean 1.
    """
    library = np.maximum(counts.sum(axis=1).astype(float), 1.0)
    everywhere = (counts > 0).all(axis=0)
    if everywhere.sum() < MIN_GENES_IN_ALL_SAMPLES:
        return library
    logs = np.log(counts[:, everywhere]) - np.log(library)[:, None]
    factor = np.median(logs - logs.mean(axis=0), axis=1)
    return library * np.exp(factor - factor.mean())


def log2_cpm(counts: np.ndarray, library: np.ndarray) -> np.ndarray:
    """Return log2 counts per million with half a count added, shape (n_samples, n_genes)."""
    return np.log2((counts + 0.5) / (library + 1.0)[:, None] * 1e6)


def precision(y: np.ndarray, matrix: np.ndarray, library: np.ndarray) -> np.ndarray:
    """Return the voom weights of log2 counts per million, shape (n_samples, n_genes)."""
    from statsmodels.nonparametric.smoothers_lowess import lowess

    fitted = matrix @ (np.linalg.pinv(matrix) @ y)
    freedom = max(len(matrix) - int(np.linalg.matrix_rank(matrix)), 1)
    spread = np.sqrt(np.square(y - fitted).sum(axis=0) / freedom)
    to_counts = np.log2(library + 1.0) - np.log2(1e6)
    size = y.mean(axis=0) + to_counts.mean()
    keep = spread > 1e-8
    if keep.sum() < 2 or np.ptp(size[keep]) == 0:
        return np.ones_like(y)
    trend = lowess(
        np.sqrt(spread[keep]),
        size[keep],
        frac=LOWESS_SPAN,
        delta=0.01 * float(np.ptp(size[keep])),
        return_sorted=True,
    )
    at = fitted + to_counts[:, None]
    root = np.interp(at, trend[:, 0], np.maximum(trend[:, 1], 1e-3))
    return root**-4.0


def weighted_least_squares(
    y: np.ndarray, matrix: np.ndarray, weights: np.ndarray, change: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the change of every gene, its variance for a residual variance of one, and residuals.

    Parameters
    ----------
    y, weights
        Values and their weights, shape (n_samples, n_genes).
    matrix, change
        Model matrix, shape (n_samples, p), and weights of the coefficients, shape (p,).

    Returns
    -------
    change, scale
        Shape (n_genes,).
    residuals
        Times the root of the weight, shape (n_samples, n_genes).
    """
    found, scale, residuals = np.empty(y.shape[1]), np.empty(y.shape[1]), np.empty_like(y)
    for start in range(0, y.shape[1], GENES_AT_ONCE):
        part = slice(start, start + GENES_AT_ONCE)
        heavy = weights[:, part].T[:, :, None] * matrix  # (genes, samples, p)
        inverse = np.linalg.pinv(np.swapaxes(heavy, 1, 2) @ matrix, hermitian=True)
        beta = (inverse @ (np.swapaxes(heavy, 1, 2) @ y[:, part].T[:, :, None]))[:, :, 0]
        found[part] = beta @ change
        scale[part] = np.einsum("i,gij,j->g", change, inverse, change)
        residuals[:, part] = np.sqrt(weights[:, part]) * (y[:, part] - matrix @ beta.T)
    return found, scale, residuals
