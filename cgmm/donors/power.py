r"""What a study could have seen: power, the donors that twofold needs, and calls where nothing is.

The estimate of a change of log-odds has the error :math:`s` with :math:`f` degrees of freedom.  A
change :math:`\delta` is found (p below .05) in a part of repeats of the study that the noncentral t
with :math:`\delta / s` gives.  The smallest visible change is the one that is found in 80 %.
With m times as many donors the error is :math:`s / \sqrt m`, and each further unit adds a degree of
freedom.

The null is drawn from the study itself: residuals of the model without the change are exchanged
between donors within the blocks of the design, and the whole test is made again.

Reference: Cohen 1988, Statistical power analysis for the behavioral sciences.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.optimize
import scipy.stats
from scipy.special import expit, logit, ndtr

from cgmm.donors.false_discovery import benjamini_hochberg
from cgmm.donors.freedman_lane import exchangeable, exchanged, exchanged_orders
from cgmm.donors.linear import Observations
from cgmm.donors.moderated_t import moderated_t
from cgmm.thresholds import ALPHA

POWER = 0.8
MAX_DONORS = 1000  # per condition; more are not a design
N_NULL = 100
N_POINTS = 1000
LARGE = 1e4  # degrees of freedom that count as infinite


class NullCalls(NamedTuple):
    """Calls of a test, and of the same test where nothing changed.

    Attributes
    ----------
    n_tested
        Labels that were tested.
    n_called
        Labels with q below .05 in the study.
    mean_called
        Mean number of such labels over exchanges of the study's own donors.
    any_called
        Part of the exchanges with at least one.
    n_exchanges
        Number of exchanges.
    """

    n_tested: int
    n_called: int
    mean_called: float
    any_called: float
    n_exchanges: int


def noncentrality(freedom: float, *, power: float = POWER, alpha: float = ALPHA) -> float:
    """Return the ratio of a change to its error that a two-sided test finds with a given power.

    Parameters
    ----------
    freedom
        Degrees of freedom of the error.
    power
        Part of repeats in which the change is found.
    alpha
        The p below which it is found.
    """
    freedom = float(min(freedom, LARGE))
    limit = scipy.stats.t.isf(alpha / 2, freedom) * np.sqrt(_chi_square(freedom) / freedom)

    def missing(ratio: float) -> float:
        return float((ndtr(ratio - limit) + ndtr(-ratio - limit)).mean()) - power

    return float(scipy.optimize.brentq(missing, 0.0, float(limit.max()) + 10))


def _chi_square(freedom: float) -> np.ndarray:
    """Return points of equal weight of a chi-squared distribution.

    The noncentral t of scipy is NaN far from the middle; the mean of the normal over these points
    has the same value.
    """
    return scipy.stats.chi2.ppf((np.arange(N_POINTS) + 0.5) / N_POINTS, freedom)


def smallest_change(error: np.ndarray, freedom: np.ndarray, *, power: float = POWER) -> np.ndarray:
    """Return the change of log-odds that would be found in a part of repeats.

    Parameters
    ----------
    error, freedom
        Standard error and its degrees of freedom, shapes (K,); NaN where there is no test.
    power
        Part of repeats.
    """
    made = np.full(len(error), np.nan)
    for k in np.flatnonzero(np.isfinite(error)):
        made[k] = noncentrality(freedom[k], power=power) * error[k]
    return made


def smallest_factor(before: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Return log2 of the factor of a share that a change of log-odds upwards makes.

    Parameters
    ----------
    before
        Log-odds before the change, shape (K,).
    change
        Change of the log-odds, shape (K,).
    """
    return np.log2(expit(before + change) / expit(before))


def donors_for_twofold(
    before: np.ndarray, error: np.ndarray, freedom: np.ndarray, *, n_donors: float, n_units: int
) -> np.ndarray:
    """Return the number of donors per condition (or pairs) that would find a twofold change.

    Parameters
    ----------
    before
        Log-odds before the change, shape (K,).  A share doubles; a share of a half or more halves.
    error, freedom
        Standard error and degrees of freedom in the study, shapes (K,).
    n_donors
        Mean number of donors per condition in the study.
    n_units
        Units of the study.

    Returns
    -------
    Shape (K,); NaN where there is no test, infinite where more than 1000 would be needed.
    """
    share = expit(before)
    doubled = logit(np.clip(2 * share, None, 1 - 1e-12)) - before
    wanted = np.where(share < 0.5, doubled, before - logit(share / 2))
    made = np.full(len(before), np.nan)
    for k in np.flatnonzero(np.isfinite(error)):
        made[k] = _fewest(wanted[k] / error[k], freedom[k], n_donors, n_units)
    return made


def _fewest(ratio: float, freedom: float, n_donors: float, n_units: int) -> float:
    """Return the fewest donors, at least 3, with which a ratio of change to error is found."""

    def found(n: int) -> bool:
        times = n / n_donors
        more = max(freedom + (times - 1) * n_units, 1.0)
        return ratio * np.sqrt(times) >= noncentrality(more)

    low, high = 3, MAX_DONORS
    if not found(high):
        return np.inf
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if found(middle) else (middle + 1, high)
    return float(low)


def null_calls(
    seen: Observations,
    contrast: np.ndarray,
    tested: np.ndarray,
    *,
    n_exchanges: int = N_NULL,
    random_state: int = 0,
) -> NullCalls | None:
    """Return how many labels are called in the study, and where its donors are exchanged.

    Parameters
    ----------
    seen
        Counts, model matrix and donors.
    contrast
        Weights of the coefficients, shape (p,).
    tested
        Which labels are tested, shape (K,), bool.
    n_exchanges
        Number of exchanges.
    random_state
        Seed.

    Returns
    -------
    NullCalls; None when there are too few exchanges.
    """
    data = exchangeable(seen)
    if data is None or not tested.any():
        return None
    data = data._replace(y=data.y[:, tested], counting=data.counting[tested])
    orders = exchanged_orders(data.groups, n_exchanges, random_state)
    fitted, residuals = exchanged(data, contrast, orders)

    def calls(y: np.ndarray) -> int:
        found = moderated_t(y, data.matrix, counting=data.counting, contrast=contrast)
        return int((benjamini_hochberg(found.p) < ALPHA).sum())

    made = np.array([calls(fitted + own) for own in residuals])
    return NullCalls(
        int(tested.sum()),
        calls(data.y),
        float(made.mean()),
        float((made > 0).mean()),
        n_exchanges,
    )
