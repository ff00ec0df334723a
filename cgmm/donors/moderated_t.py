r"""Moderated t-test of donors' shares: few donors borrow their variance from all subpopulations.

The share of a subpopulation in donor d, as a log-odds :math:`y_d`, follows a linear model with the
condition and, where there are any, batches or pairs.  Its residual variance :math:`s_k^2` is drawn
towards what all subpopulations have in common.  They do not have the variance in common, for rare
ones are counted less well: with :math:`e_k` the variance that counting alone gives a log-odds,
:math:`1 / (n p (1 - p))`, it is the ratio to :math:`e_k + \tau^2` that is alike, and
:math:`\tau^2` is the value that makes it most alike,

.. math:: \tilde s_k^2 = \frac{d_0 s_0^2 (e_k + \tau^2) + d\, s_k^2}{d_0 + d}, \qquad
          t_k = \hat\beta_k / \sqrt{\tilde s_k^2 v + B_k}, \qquad \tilde d = d_0 + d,

with :math:`d_0, s_0^2` from the first two moments of the log ratio.  :math:`B_k` is a variance
that does not come from donors (how far other partitions of the cells disagree); its degrees of
freedom are combined with those of the donors as in multiple imputation.

References: Smyth 2004, Stat Appl Genet Mol Biol 3:3 (sections 4 to 6); Phipson et al. 2022
(propeller), Bioinformatics 38:4720; Barnard & Rubin 1999, Biometrika 86:948.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.stats

MAX_PRIOR = 1e6


class Tests(NamedTuple):
    """Coefficient of the condition and its test, per subpopulation.

    Attributes
    ----------
    coefficient
        Change of the log-odds (natural logarithm), shape (K,).
    error
        Its standard error, B included, shape (K,).
    t, freedom, p
        Statistic, degrees of freedom, two-sided p, shapes (K,).
    """

    coefficient: np.ndarray
    error: np.ndarray
    t: np.ndarray
    freedom: np.ndarray
    p: np.ndarray


def log_odds(shares: np.ndarray, n_cells: np.ndarray) -> np.ndarray:
    """Log-odds of shares, half a cell added on either side.

    Parameters
    ----------
    shares
        Shape (n_donors, K).
    n_cells
        Cells of each donor, shape (n_donors,).
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
) -> Tests:
    """Test the last column of a design.

    Parameters
    ----------
    y
        Log-odds, shape (n_samples, K).
    design
        Shape (n_samples, p), of full rank with fewer columns than rows; the condition comes last.
    counting
        Variances e of a log-odds from counting alone, shape (K,).  None: all alike.
    between
        Variances B that do not come from donors, shape (K,).  None: zero.
    n_between
        From how many values they were taken.

    Returns
    -------
    Tests
    """
    inverse = np.linalg.pinv(design)
    beta = inverse @ y
    freedom = len(y) - design.shape[1]
    variance = np.square(y - design @ beta).sum(axis=0) / freedom
    scale = float(inverse[-1] @ inverse[-1])
    usual = usual_variance(variance, np.zeros_like(variance) if counting is None else counting)
    prior, level = squeeze(variance / usual, freedom)
    common = level * usual
    whole = float(min(prior + freedom, freedom * len(variance)))
    if np.isinf(prior):
        moderate = common
    else:
        moderate = (prior * common + freedom * variance) / (prior + freedom)
    within = moderate * scale
    extra = np.zeros_like(within) if between is None else np.asarray(between, float)
    total = within + extra
    df = combined_freedom(within, extra, whole, n_between)
    safe = np.where(total > 0, total, np.nan)
    t = beta[-1] / np.sqrt(safe)
    return Tests(beta[-1], np.sqrt(total), t, df, 2 * scipy.stats.t.sf(np.abs(t), df))


def combined_freedom(
    within: np.ndarray, between: np.ndarray, freedom: np.ndarray | float, n_between: int
) -> np.ndarray:
    """Degrees of freedom of the sum of two variances (Welch and Satterthwaite).

    Parameters
    ----------
    within, between
        The variances, shapes (K,).
    freedom
        Degrees of freedom of ``within``, shape (K,) or one number.
    n_between
        Number of values that ``between`` was taken from.
    """
    total = np.maximum(within + between, 1e-300)
    inverse = np.square(within / total) / freedom
    if n_between > 1:
        inverse = inverse + np.square(between / total) / (n_between - 1)
    return 1 / np.where(inverse > 0, inverse, 1 / np.asarray(freedom))


def usual_variance(variance: np.ndarray, counting: np.ndarray) -> np.ndarray:
    """Shape that the variances of all subpopulations follow: counting and a constant.

    Parameters
    ----------
    variance
        Residual variances, shape (K,).
    counting
        Their part from counting, shape (K,).

    Returns
    -------
    ``counting + tau^2``, shape (K,), with the ``tau^2`` for which the variances differ least from
    it in ratio.
    """
    usable = variance > 1e-12 * max(float(np.max(variance)), 1e-300)
    if usable.sum() < 3 or not counting.any():
        return np.ones_like(variance)
    log_variance, part = np.log(variance[usable]), counting[usable]
    found = scipy.optimize.minimize_scalar(
        lambda x: float(np.var(log_variance - np.log(part + np.exp(x)))),
        bounds=(np.log(1e-4), np.log(10.0)),
        method="bounded",
    )
    return counting + np.exp(found.x)


def counting_variance(shares: np.ndarray, n_cells: np.ndarray) -> np.ndarray:
    """Variance of a donor's log-odds from counting alone, averaged over donors.

    Parameters
    ----------
    shares
        Shape (n_donors, K).
    n_cells
        Cells of each donor, shape (n_donors,).

    Returns
    -------
    Shape (K,): mean over donors of ``1 / (n p + 1/2) + 1 / (n (1 - p) + 1/2)``, p being the mean
    share.
    """
    p = np.clip(shares.mean(axis=0), 0.0, 1.0)
    n = np.asarray(n_cells, float)[:, None]
    return (1 / (n * p + 0.5) + 1 / (n * (1 - p) + 0.5)).mean(axis=0)


def squeeze(variance: np.ndarray, freedom: float) -> tuple[float, float]:
    """Prior degrees of freedom and prior variance of variances that share a scaled F.

    Parameters
    ----------
    variance
        Residual variances, shape (K,).
    freedom
        Their degrees of freedom.

    Returns
    -------
    ``d0`` (infinite when the variances differ no more than chance makes them; zero when there are
    fewer than three) and ``s0^2``.
    """
    usable = variance[variance > 1e-12 * max(float(np.max(variance)), 1e-300)]
    if len(usable) < 3:
        return 0.0, 1.0
    half = freedom / 2
    z = np.log(usable) - scipy.special.digamma(half) + np.log(half)
    spread = float(z.var(ddof=1) - scipy.special.polygamma(1, half))
    if spread <= 1 / MAX_PRIOR:
        return np.inf, float(np.exp(z.mean()))
    # trigamma falls from infinity to zero, so the root is unique
    prior = 2 * scipy.optimize.brentq(
        lambda x: float(scipy.special.polygamma(1, x)) - spread, 1e-8, 2 * MAX_PRIOR
    )
    level = z.mean() + scipy.special.digamma(prior / 2) - np.log(prior / 2)
    return float(prior), float(np.exp(level))
