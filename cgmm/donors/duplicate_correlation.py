r"""Several samples of a donor: a random donor effect in the linear model of log-odds.

Samples of one donor in one condition are alike.  With the correlation :math:`\rho` of two such
samples, the covariance of the residuals is :math:`\sigma^2 (I + \gamma Z Z^T)`,
:math:`\gamma = \rho / (1 - \rho)`, where Z says which sample is of which donor.  As in limma's
``duplicateCorrelation``, :math:`\rho` is estimated by restricted maximum likelihood, and the
observations are then whitened.  Two things differ, because there are tens of populations here and
thousands of genes there: every population has a :math:`\rho` of its own, and the degrees of freedom
of a contrast are those of Satterthwaite.  A change between donors is therefore judged by how much
donors differ, whatever the number of their samples: in a balanced design, interval and p are those
of the means of donors.  :func:`consensus` gives the one correlation of limma, for readers.

:math:`\rho` may be negative, down to where the covariance ends to be one.

References: Smyth, Michaud & Scott 2005, Bioinformatics 21:2067; Giesbrecht & Burns 1985, Biometrics
41:477 (degrees of freedom).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.stats

N_GRID = 161
MAX_CORRELATION = 0.99
TRIM = 0.15  # part of the populations left out at each end of the consensus


class RandomEffect(NamedTuple):
    """A contrast of the coefficients of each of K populations, with a random donor effect.

    Attributes
    ----------
    coefficient
        Estimates of the coefficients, shape (p, K).
    variance
        Variance of the contrast, shape (K,).
    freedom
        Satterthwaite's degrees of freedom of the variance, shape (K,).
    correlation
        Correlation of two samples of one donor, shape (K,).
    """

    coefficient: np.ndarray
    variance: np.ndarray
    freedom: np.ndarray
    correlation: np.ndarray


def random_effect(
    y: np.ndarray, design: np.ndarray, blocks: np.ndarray, contrast: np.ndarray
) -> RandomEffect:
    """Return a contrast, its variance and degrees of freedom, with a random effect of blocks.

    Parameters
    ----------
    y
        Log-odds, shape (n_samples, K).
    design
        Shape (n_samples, p), of full rank with fewer columns than rows.
    blocks
        Donor of every sample, shape (n_samples,).
    contrast
        Weights of the coefficients, shape (p,).
    """
    index = np.unique(blocks, return_inverse=True)[1]
    grid = _grid(int(np.bincount(index).max()))
    likelihoods = np.array([_likelihood(y, design, index, rho) for rho in grid])
    best = likelihoods.argmax(axis=0)
    coefficient = np.empty((design.shape[1], y.shape[1]))
    variance, freedom = np.empty(y.shape[1]), np.empty(y.shape[1])
    for i in np.unique(best):
        own = best == i
        rho = float(grid[i])
        white, x = whitened(y[:, own], index, rho), whitened(design, index, rho)
        beta = np.linalg.pinv(x) @ white
        coefficient[:, own] = beta
        residual = np.square(white - x @ beta).sum(axis=0) / (len(y) - design.shape[1])
        scale = float(np.square(contrast @ np.linalg.pinv(x)).sum())
        variance[own] = residual * scale
        freedom[own] = satterthwaite(design, index, contrast, rho)
    return RandomEffect(coefficient, variance, freedom, grid[best])


def consensus(correlation: np.ndarray) -> float:
    """Return one correlation for all populations: a trimmed mean of Fisher's z.

    Parameters
    ----------
    correlation
        Correlation of every population, shape (K,).
    """
    z = np.arctanh(np.clip(correlation, -MAX_CORRELATION, MAX_CORRELATION))
    return float(np.tanh(scipy.stats.trim_mean(z, TRIM)))


def _grid(largest: int) -> np.ndarray:
    """Return correlations at which the covariance of a block of a size is one, zero among them."""
    lowest = -MAX_CORRELATION / max(largest - 1, 1)
    z = np.linspace(np.arctanh(max(lowest, -MAX_CORRELATION)), np.arctanh(MAX_CORRELATION), N_GRID)
    z[np.abs(z).argmin()] = 0.0
    return np.tanh(z)


def _eigenvalues(index: np.ndarray, rho: float) -> np.ndarray:
    """Return the variance of the mean direction of every block, relative to that within blocks."""
    return 1 + np.bincount(index) * rho / (1 - rho)


def whitened(values: np.ndarray, index: np.ndarray, rho: float) -> np.ndarray:
    """Return values, (n_samples, ...), times the inverse root of the covariance (variance 1)."""
    sizes = np.bincount(index)
    sums = np.zeros((len(sizes), *values.shape[1:]))
    np.add.at(sums, index, values)
    less = (1 - 1 / np.sqrt(_eigenvalues(index, rho)))[:, None] * sums / sizes[:, None]
    return values - less[index]


def _likelihood(y: np.ndarray, design: np.ndarray, index: np.ndarray, rho: float) -> np.ndarray:
    """Return the restricted log-likelihood of each population, the variance profiled out, (K,)."""
    white, x = whitened(y, index, rho), whitened(design, index, rho)
    q, r = np.linalg.qr(x)
    residual = np.square(white - q @ (q.T @ white)).sum(axis=0)
    freedom = len(y) - design.shape[1]
    log_det = np.log(_eigenvalues(index, rho)).sum() + 2 * np.log(np.abs(np.diag(r))).sum()
    return -0.5 * (freedom * np.log(np.maximum(residual, 1e-300)) + log_det)


def satterthwaite(design: np.ndarray, index: np.ndarray, contrast: np.ndarray, rho: float) -> float:
    """Return the degrees of freedom of the variance of a contrast; they do not depend on scale.

    Parameters
    ----------
    design, contrast
        As in :func:`random_effect`.
    index
        Donor of every sample as whole numbers from 0, shape (n_samples,).
    rho
        Correlation of two samples of one donor.
    """
    n, gamma = len(index), rho / (1 - rho)
    same = (index[:, None] == index).astype(float)
    inverse = np.linalg.inv(np.eye(n) + gamma * same)
    weighted = inverse @ design
    phi = np.linalg.inv(design.T @ weighted)
    left = weighted @ phi @ contrast
    gradient = np.array([left @ left, left @ same @ left])
    p = inverse - weighted @ phi @ weighted.T
    ps = p @ same
    information = 0.5 * np.array(
        [[np.sum(p * p), np.sum(p * ps.T)], [np.sum(p * ps.T), np.sum(ps * ps.T)]]
    )
    value = float(contrast @ phi @ contrast)
    spread = float(gradient @ np.linalg.solve(information, gradient))
    return float(np.clip(2 * value**2 / max(spread, 1e-300), 1.0, n - design.shape[1]))
