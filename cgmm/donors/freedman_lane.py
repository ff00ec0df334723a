r"""Permutation test of a contrast with nuisance covariates (Freedman and Lane).

The model without the contrast is fitted; its residuals e are exchanged between units, within the
blocks of the design (a pair, a batch, or all units), and the full model is fitted to what results.
Its statistic is the moderated t with the prior of the observed data, so exchanged and observed
statistics are the same function.  The p is the part of the exchanges, the observed order included,
whose statistic is at least as large.

Where every donor has the same number of samples, and the columns of the model are the same in all
of them, the means of donors are exchanged: the test of a random donor effect is then the test of
these means.  There is no test with other repeated samples, or where the conditions can be assigned
to the donors in fewer than ``MIN_DISTINCT`` ways.

References: Freedman & Lane 1983, J Bus Econ Stat 1:292; Winkler et al. 2014, NeuroImage 92:381.
"""

from __future__ import annotations

from math import comb
from typing import NamedTuple

import numpy as np
import scipy.linalg

from cgmm.donors.linear import Observations
from cgmm.donors.moderated_t import moderated_t, squeeze, usual_variance

N_EXCHANGES = 999
MIN_DISTINCT = 200
TIE = 1e-9


class Exchangeable(NamedTuple):
    """Observations that can be exchanged within blocks where a contrast is zero.

    Attributes
    ----------
    y
        Log-odds, shape (n, K).
    matrix
        Model matrix, shape (n, p).
    counting
        Variance of a log-odds from counting alone, shape (K,).
    groups
        Block of every observation, shape (n,).
    """

    y: np.ndarray
    matrix: np.ndarray
    counting: np.ndarray
    groups: np.ndarray


def n_distinct(seen: Observations) -> int:
    """Return in how many ways the conditions can be assigned to the donors within their blocks."""
    groups, sides = seen.plan.groups, seen.plan.sides
    n = 1
    for group in np.unique(groups):
        own = sides[groups == group]
        n *= comb(len(own), int(own.sum()))
    return n


def exchangeable(seen: Observations) -> Exchangeable | None:
    """Return what a permutation test exchanges; None where there is no such test.

    Parameters
    ----------
    seen
        Counts, model matrix and donors.
    """
    if not seen.plan.testable or n_distinct(seen) < MIN_DISTINCT:
        return None
    y, matrix, groups = seen.log_odds, seen.matrix, seen.plan.groups
    if not seen.repeated:
        return Exchangeable(y, matrix, seen.counting, groups[seen.donors])
    donors, sizes = np.unique(seen.donors, return_counts=True)
    first = np.array([matrix[seen.donors == donor][0] for donor in donors])
    place = np.searchsorted(donors, seen.donors)
    if len(set(sizes)) > 1 or not np.allclose(first[place], matrix):
        return None
    means = np.array([y[seen.donors == donor].mean(axis=0) for donor in donors])
    return Exchangeable(means, first, seen.counting / sizes[0], groups[donors])


def exchanged_orders(groups: np.ndarray, n: int, random_state: int) -> np.ndarray:
    """Return random orders of observations, exchanged within their blocks, (n, n_observations)."""
    rng = np.random.default_rng(random_state)
    orders = np.tile(np.arange(len(groups)), (n, 1))
    for group in np.unique(groups):
        own = np.flatnonzero(groups == group)
        orders[:, own] = rng.permuted(np.tile(own, (n, 1)), axis=1)
    return orders


def nuisance(matrix: np.ndarray, contrast: np.ndarray) -> np.ndarray:
    """Return the model matrix without a contrast: its columns span what is left when it is zero."""
    return matrix @ scipy.linalg.null_space(contrast[None, :])


def exchanged(
    data: Exchangeable, contrast: np.ndarray, orders: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return fit and exchanged residuals of the model without a contrast.

    Parameters
    ----------
    data
        From :func:`exchangeable`.
    contrast
        Weights of the coefficients, shape (p,).
    orders
        From :func:`exchanged_orders`, shape (n_orders, n).

    Returns
    -------
    fitted
        Shape (n, K).
    residuals
        Shape (n_orders, n, K).
    """
    reduced = nuisance(data.matrix, contrast)
    fitted = reduced @ (np.linalg.pinv(reduced) @ data.y)
    return fitted, (data.y - fitted)[orders]


def freedman_lane(
    seen: Observations,
    contrast: np.ndarray,
    tested: np.ndarray,
    *,
    n_exchanges: int = N_EXCHANGES,
    random_state: int = 0,
) -> np.ndarray:
    """Return the permutation p of a contrast of every label.

    Parameters
    ----------
    seen
        Counts, model matrix and donors.
    contrast
        Weights of the coefficients, shape (p,).
    tested
        Which labels are tested, shape (K,), bool.
    n_exchanges
        Number of random exchanges.
    random_state
        Seed.

    Returns
    -------
    Shape (K,); NaN where a label is not tested, everywhere when there is no permutation test.
    """
    p = np.full(len(tested), np.nan)
    data = exchangeable(seen)
    if data is None or not tested.any():
        return p
    data = data._replace(y=data.y[:, tested], counting=data.counting[tested])
    orders = exchanged_orders(data.groups, n_exchanges, random_state)
    _, residuals = exchanged(data, contrast, orders)
    statistic, observed = _statistics(data, contrast, residuals)
    larger = (statistic >= observed * (1 - TIE)).sum(axis=0)
    p[tested] = (1 + larger) / (1 + n_exchanges)
    return p


def _statistics(
    data: Exchangeable, contrast: np.ndarray, residuals: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the absolute moderated t of exchanged residuals, (n_orders, K), and the observed."""
    inverse = np.linalg.pinv(data.matrix)
    left = np.eye(len(data.matrix)) - data.matrix @ inverse
    freedom = len(left) - data.matrix.shape[1]
    observed = moderated_t(data.y, data.matrix, counting=data.counting, contrast=contrast)
    variance = np.square(left @ data.y).sum(axis=0) / freedom
    usual = usual_variance(variance, data.counting)
    prior, level = squeeze(variance / usual, freedom)
    weight = 1.0 if np.isinf(prior) else prior / (prior + freedom)
    change = np.einsum("i,nik->nk", contrast @ inverse, residuals)
    spread = np.square(np.einsum("ij,njk->nik", left, residuals)).sum(axis=1) / freedom
    scale = np.square(contrast @ inverse).sum()
    error = np.sqrt((weight * level * usual + (1 - weight) * spread) * scale)
    return np.abs(change) / np.where(error > 0, error, np.inf), np.abs(observed.t)
