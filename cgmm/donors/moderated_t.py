r"""Moderated t-test of donors' shares: variances are shrunk by means of all subpopulations.

The share of a subpopulation in donor d, as a log-odds :math:`y_d`, follows a linear model with the
condition and, where there are any, batches or pairs.  With few donors the residual variance
:math:`s_k^2` is uncertain, so it is shrunk towards a variance that all subpopulations share.  Rare
subpopulations are counted less precisely, so the variance itself is not shared.  Let :math:`e_k` be
the variance of a log-odds from counting alone, :math:`1 / (n p (1 - p))`.  The ratio of
:math:`s_k^2` to :math:`e_k + \tau^2` is shared, with the :math:`\tau^2` for which this ratio varies
least over subpopulations,

.. math:: \tilde s_k^2 = \frac{d_0 s_0^2 (e_k + \tau^2) + d\, s_k^2}{d_0 + d}, \qquad
          t_k = \hat\beta_k / \sqrt{\tilde s_k^2 v + B_k}, \qquad \tilde d = d_0 + d,

with :math:`d_0, s_0^2` from the first two moments of the log ratio.  :math:`B_k` is a variance that
does not come from donors: the variance between partitions of the cells.  The degrees of freedom of
:math:`B_k` are combined with the degrees of freedom of the donors as in multiple imputation.

References: Smyth 2004, Stat Appl Genet Mol Biol 3:3 (sections 4 to 6); Phipson et al. 2022
(propeller), Bioinformatics 38:4720; Barnard & Rubin 1999, Biometrika 86:948.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.stats

MAX_PRIOR = 1e6


class Tests(NamedTuple):
    """Coefficient of the condition and its test, for each of K subpopulations.

    Attributes
    ----------
    coefficient
        Change of the log-odds (natural logarithm), shape (K,).
    error
        Standard error of the coefficient, B included, shape (K,).
    t, freedom, p
        Statistic, degrees of freedom, two-sided p, shapes (K,).
    """

    coefficient: np.ndarray
    error: np.ndarray
    t: np.ndarray
    freedom: np.ndarray
    p: np.ndarray


def log_odds(shares: np.ndarray, n_cells: np.ndarray) -> np.ndarray:
    """Return the log-odds of shares, with half a cell added to the share and to its complement.

    Parameters
    ----------
    shares
        Shape (n_donors, K).
    n_cells
        Number of cells of each donor, shape (n_donors,).

    Returns
    -------
    Natural logarithms, shape (n_donors, K).
    """
    n = np.asarray(n_cells, float)[:, None]
    shares = np.clip(shares, 0.0, 1.0)
    return np.log(shares * n + 0.5) - np.log((1 - shares) * n + 0.5)


def moderated_t(
    y: np.ndarray,
    design: np.ndarray,
    *,
    counting: np.ndarray | None = None,
    between: np.ndarray | None = None,
    n_between: int = 0,
    contrast: np.ndarray | None = None,
) -> Tests:
    """Return the moderated t-test of a contrast of the coefficients of a design matrix.

    Parameters
    ----------
    y
        Log-odds, shape (n_samples, K).
    design
        Shape (n_samples, p), of full rank with fewer columns than rows.
    counting
        Variances e of a log-odds from counting alone, shape (K,).  None: residual variances are
        shared as they are.
    between
        Variances B that do not come from donors, shape (K,).  None: zero.
    n_between
        Number of values from which ``between`` was estimated.
    contrast
        Weights of the coefficients, shape (p,).  None: the last coefficient.

    Returns
    -------
    Tests
    """
    inverse = np.linalg.pinv(design)
    asked = np.eye(design.shape[1])[-1] if contrast is None else np.asarray(contrast, float)
    beta = inverse @ y
    freedom = len(y) - design.shape[1]
    variance = np.square(y - design @ beta).sum(axis=0) / freedom
    scale = float(np.square(asked @ inverse).sum())
    return moderate(
        asked @ beta,
        variance,
        freedom,
        scale,
        counting=counting,
        between=between,
        n_between=n_between,
    )


def moderate(
    change: np.ndarray,
    variance: np.ndarray,
    freedom: np.ndarray | float,
    scale: np.ndarray | float,
    *,
    counting: np.ndarray | None = None,
    between: np.ndarray | None = None,
    n_between: int = 0,
) -> Tests:
    """Return the test of changes whose residual variances are shrunk towards a shared variance.

    Parameters
    ----------
    change
        Shape (K,).
    variance
        Residual variances, shape (K,).
    freedom
        Their degrees of freedom, shape (K,) or one number.
    scale
        Variance of a change for a residual variance of one, shape (K,) or one number.
    counting, between, n_between
        As in :func:`moderated_t`.
    """
    usual = usual_variance(variance, np.zeros_like(variance) if counting is None else counting)
    prior, level = squeeze(variance / usual, freedom)
    common = level * usual
    whole = np.minimum(prior + freedom, np.broadcast_to(freedom, variance.shape).sum())
    if np.isinf(prior):
        moderated = common
    else:
        moderated = (prior * common + freedom * variance) / (prior + freedom)
    within = moderated * scale
    extra = np.zeros_like(within) if between is None else np.asarray(between, float)
    total = within + extra
    df = combined_freedom(within, extra, whole, n_between)
    safe = np.where(total > 0, total, np.nan)
    t = change / np.sqrt(safe)
    return Tests(change, np.sqrt(total), t, df, 2 * scipy.stats.t.sf(np.abs(t), df))


def combined_freedom(
    within: np.ndarray, between: np.ndarray, freedom: np.ndarray | float, n_between: int
) -> np.ndarray:
    """Return the degrees of freedom of a sum of two variances (Welch and Satterthwaite).

    Parameters
    ----------
    within, between
        The variances, shapes (K,).
    freedom
        Degrees of freedom of ``within``, shape (K,) or one number.
    n_between
        Number of values from which ``between`` was estimated.

    Returns
    -------
    Shape (K,).
    """
    total = np.maximum(within + between, 1e-300)
    inverse = np.square(within / total) / freedom
    if n_between > 1:
        inverse = inverse + np.square(between / total) / (n_between - 1)
    return 1 / np.where(inverse > 0, inverse, 1 / np.asarray(freedom))


def usual_variance(variance: np.ndarray, counting: np.ndarray) -> np.ndarray:
    """Return variances up to a common factor: the part from counting plus a constant.

    Parameters
    ----------
    variance
        Residual variances, shape (K,).
    counting
        Variances from counting alone, shape (K,).

    Returns
    -------
    ``counting + tau^2``, shape (K,).  ``tau^2`` minimises the variance of the logarithm of
    ``variance / (counting + tau^2)``.  Ones for fewer than three subpopulations, or when
    ``counting`` is zero.
    """
    usable = variance > 1e-12 * max(float(np.max(variance)), 1e-300)
    if usable.sum() < 3 or not counting.any():
        return np.ones_like(variance)
    log_variance, part = np.log(variance[usable]), counting[usable]
    minimum = scipy.optimize.minimize_scalar(
        lambda x: float(np.var(log_variance - np.log(part + np.exp(x)))),
        bounds=(np.log(1e-4), np.log(10.0)),
        method="bounded",
    )
    return counting + np.exp(minimum.x)


def counting_variance(shares: np.ndarray, n_cells: np.ndarray) -> np.ndarray:
    """Return the variance of a log-odds from counting alone, averaged over donors.

    Parameters
    ----------
    shares
        Shape (n_donors, K).
    n_cells
        Cells of each donor, shape (n_donors,).

    Returns
    -------
    Shape (K,): mean over donors of ``1 / (n p + 1/2) + 1 / (n (1 - p) + 1/2)``, where p is the
    mean share.
    """
    p = np.clip(shares.mean(axis=0), 0.0, 1.0)
    n = np.asarray(n_cells, float)[:, None]
    return (1 / (n * p + 0.5) + 1 / (n * (1 - p) + 0.5)).mean(axis=0)


def squeeze(variance: np.ndarray, freedom: np.ndarray | float) -> tuple[float, float]:
    """Return the prior degrees of freedom and the prior variance of residual variances.

    The variances are assumed to follow a scaled F distribution (Smyth 2004, section 6.2).

    Parameters
    ----------
    variance
        Residual variances, shape (K,).
    freedom
        Residual degrees of freedom, shape (K,) or one number.

    Returns
    -------
    ``d0`` and ``s0^2``.  ``d0`` is infinite when the variances differ no more than by chance, and
    zero for fewer than three variances.
    """
    varies = variance > 1e-12 * max(float(np.max(variance)), 1e-300)
    if varies.sum() < 3:
        return 0.0, 1.0
    half = np.broadcast_to(freedom, variance.shape)[varies] / 2
    z = np.log(variance[varies]) - scipy.special.digamma(half) + np.log(half)
    spread = float(z.var(ddof=1) - scipy.special.polygamma(1, half).mean())
    if spread <= 1 / MAX_PRIOR:
        return np.inf, float(np.exp(z.mean()))
    # trigamma falls from infinity to zero, so the root is unique
    prior = 2 * scipy.optimize.brentq(
        lambda x: float(scipy.special.polygamma(1, x)) - spread, 1e-8, 2 * MAX_PRIOR
    )
    level = z.mean() + scipy.special.digamma(prior / 2) - np.log(prior / 2)
    return float(prior), float(np.exp(level))
