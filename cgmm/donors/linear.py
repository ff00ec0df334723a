r"""Changes of prevalence under a design formula: moderated linear models of the donors' log-odds.

The log-odds of every population follow the model matrix of :mod:`cgmm.donors.formula`.  The change
:math:`\beta` is a contrast of the coefficients and starts from the predicted log-odds :math:`y_0`.
Factor, interval and p are those of :mod:`cgmm.donors.change`,

.. math:: \mathrm{net} = \sigma(y_0 + \beta) / \sigma(y_0).

For an interaction, :math:`y_0` is what the share would be if the condition did the same as in the
reference level, so the factor says how many times more there is than that.  Where donors have
several samples, the coefficients have a random donor effect
(:mod:`cgmm.donors.duplicate_correlation`).  Variances are shrunk as in
:mod:`cgmm.donors.moderated_t`.

Absolute abundance is the share times the number of all cells that a unit stands for (per volume,
per mg).  Its logarithm takes the place of the log-odds; the factor is then :math:`e^\beta`.

References: Smyth 2004, Stat Appl Genet Mol Biol 3:3; Phipson et al. 2022, Bioinformatics 38:4720.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.stats
from scipy.special import expit

from cgmm.donors.borders import Borders
from cgmm.donors.change import untested
from cgmm.donors.design import Design
from cgmm.donors.duplicate_correlation import random_effect
from cgmm.donors.false_discovery import benjamini_hochberg
from cgmm.donors.formula import Contrast
from cgmm.donors.labelled import LabelledFactors
from cgmm.donors.moderated_t import Tests, counting_variance, log_odds, moderate, moderated_t
from cgmm.donors.reasons import in_words
from cgmm.thresholds import LEVEL


class Observations(NamedTuple):
    """Counts of labels in units, with their model.

    Attributes
    ----------
    counts
        Cells of every unit with every label, shape (n_units, K).  Every cell has one label.
    matrix
        Model matrix, shape (n_units, p).
    donors
        Row of the donor's side in ``plan.units`` for every unit, shape (n_units,).
    plan
        The donors.
    """

    counts: np.ndarray
    matrix: np.ndarray
    donors: np.ndarray
    plan: Design

    @property
    def repeated(self) -> bool:
        """Whether a donor has several units in a condition."""
        return len(np.unique(self.donors)) < len(self.donors)

    @property
    def shares(self) -> np.ndarray:
        """Share of every label in every unit, shape (n_units, K)."""
        return self.counts / np.maximum(self.counts.sum(axis=1), 1.0)[:, None]

    @property
    def log_odds(self) -> np.ndarray:
        """Log-odds of every label in every unit, shape (n_units, K)."""
        return log_odds(self.shares, self.counts.sum(axis=1))

    @property
    def counting(self) -> np.ndarray:
        """Variance of a log-odds from counting alone, shape (K,)."""
        return counting_variance(self.shares, self.counts.sum(axis=1))

    @property
    def reasons(self) -> list[str]:
        """Why each label has no interval and no test, "" where it has both."""
        per_donor = np.zeros((len(self.plan.units), self.counts.shape[1]))
        np.add.at(per_donor, self.donors, self.counts)
        n_cells = per_donor.sum(axis=1)
        shares = per_donor / np.maximum(n_cells, 1.0)[:, None]
        return in_words(untested(shares, n_cells, self.plan))


class Absolute(NamedTuple):
    """Change of absolute abundance, arrays of shape (K,); NaN where a label is not tested."""

    log2_factor: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    q: np.ndarray


def change_of(
    y: np.ndarray,
    seen: Observations,
    contrast: np.ndarray,
    tested: np.ndarray,
    *,
    borders: Borders | None = None,
) -> tuple[np.ndarray, Tests]:
    """Return the coefficients of every label, and the moderated test of a contrast.

    Parameters
    ----------
    y
        Observations of every label, shape (n_units, K).
    seen
        The units and their model.
    contrast
        Weights of the coefficients, shape (p,).
    tested
        Which labels are tested, shape (K,), bool.
    borders
        As in :func:`linear_factors`.

    Returns
    -------
    coefficients
        Shape (p, K).
    tests
        Of the labels that are tested.
    """
    beta = np.linalg.pinv(seen.matrix) @ y
    counting = seen.counting[tested]
    if not tested.any():
        none = np.empty(0)
        return beta, Tests(none, none, none, none, none)
    extra: dict[str, Any] = {}
    if borders is not None:
        extra = {
            "between": borders.variance(seen.shares)[tested],
            "n_between": len(borders.differences),
        }
    if not seen.repeated:
        found = moderated_t(
            y[:, tested], seen.matrix, counting=counting, contrast=contrast, **extra
        )
        return beta, found
    mixed = random_effect(y, seen.matrix, seen.donors, contrast)
    scale = float(np.square(contrast @ np.linalg.pinv(seen.matrix)).sum())
    tests = moderate(
        contrast @ mixed.coefficient[:, tested],
        mixed.variance[tested] / scale,
        mixed.freedom[tested],
        scale,
        counting=counting,
        **extra,
    )
    return mixed.coefficient, tests


def linear_factors(
    seen: Observations,
    contrast: Contrast,
    *,
    borders: Borders | None = None,
    level: float = LEVEL,
) -> tuple[LabelledFactors, Tests]:
    """Return estimate, interval and test of a change of every label.

    Parameters
    ----------
    seen
        Counts, model matrix and donors.
    contrast
        The change.
    borders
        Of this change, for labels that are found; they widen the interval as in
        :func:`cgmm.donors.labelled.labelled_factors`. None: labels are given.
    level
        Coverage of the interval.

    Returns
    -------
    factors
        Of every label.
    tests
        Change of the log-odds with error and degrees of freedom, NaN where it is not tested.
    """
    y, reasons = seen.log_odds, seen.reasons
    tested = np.array([not reason for reason in reasons])
    coefficients, of_tested = change_of(y, seen, contrast.change, tested, borders=borders)
    tests = _spread_out(of_tested, tested)
    beta = contrast.change @ coefficients
    middle = contrast.base @ coefficients + beta / 2
    half = scipy.stats.t.ppf(0.5 + level / 2, tests.freedom) * tests.error
    log2_net, low, high = (
        np.log2(expit(middle + change / 2)) - np.log2(expit(middle - change / 2))
        for change in (beta, beta - half, beta + half)
    )
    before, after = expit(middle - beta / 2), expit(middle + beta / 2)
    q = benjamini_hochberg(tests.p)
    made = LabelledFactors(before, after, log2_net, low, high, tests.p, q, reasons)
    return made, tests._replace(coefficient=beta)


def absolute_factors(
    seen: Observations, totals: np.ndarray, contrast: Contrast, *, level: float = LEVEL
) -> Absolute:
    """Return the change of the absolute abundance of every label.

    Parameters
    ----------
    seen
        Counts, model matrix and donors.
    totals
        Number of all cells that each unit stands for, shape (n_units,), above zero.
    contrast
        The change.
    level
        Coverage of the interval.
    """
    n_cells = seen.counts.sum(axis=1)
    y = np.log(seen.counts + 0.5) - np.log(n_cells + 1.0)[:, None] + np.log(totals)[:, None]
    tested = np.array([not reason for reason in seen.reasons])
    coefficients, of_tested = change_of(y, seen, contrast.change, tested)
    tests = _spread_out(of_tested, tested)
    half = scipy.stats.t.ppf(0.5 + level / 2, tests.freedom) * tests.error
    change = contrast.change @ coefficients
    factor, low, high = (v / np.log(2) for v in (change, change - half, change + half))
    return Absolute(factor, low, high, tests.p, benjamini_hochberg(tests.p))


def _spread_out(tests: Tests, tested: np.ndarray) -> Tests:
    """Return tests of all labels, NaN where a label is not tested."""
    columns = []
    for values in tests:
        column = np.full(len(tested), np.nan)
        column[tested] = values
        columns.append(column)
    return Tests(*columns)
