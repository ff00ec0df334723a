r"""Change of prevalence from shares per donor: estimate, interval and test are one statistic.

The share of a population in a donor is counted by labels (:mod:`cgmm.donors.labelled`) or read from
a fit (:mod:`cgmm.donors.observations`).  The log-odds of the share, with half a cell added to the
share and to its complement, follow the linear model of :mod:`cgmm.donors.moderated_t` with the
condition and, where there are any, pairs or batches.  With the coefficient :math:`\beta` of the
condition and the mean log-odds :math:`y_0` in the source, the factor is the ratio of the typical
shares,

.. math:: \mathrm{net} = \frac{\sigma(y_0 + \beta)}{\sigma(y_0)},
    \qquad \sigma(y) = 1 / (1 + e^{-y}).

The ends of the interval are the ends of the interval of :math:`\beta`, transformed by the same
function about the same middle :math:`y_0 + \hat\beta / 2`, so that the interval of the inverse
comparison is the inverse interval.  Estimate, interval and p therefore come from the same donors
and the same statistic: the interval excludes a factor of one exactly where p is below one minus the
level.

A population is tested when both conditions together have at least ``MIN_CELLS`` of its cells, from
at least two donors.  The rule does not depend on the condition of the cells, so a population that
vanishes or appears is tested like any other population.

Donors count equally.  Weights from the counting variance of each donor were tried and left out: the
normal model of a log-odds does not hold for a handful of cells, and with donors of 60 to 2000 cells
the weights made p below 0.05 in 19 % of the tests without change, equal weights in 5 %
(``benchmarks/calibration.py --part labels``).

References: Phipson et al. 2022 (propeller), Bioinformatics 38:4720; Smyth 2004, Stat Appl Genet
Mol Biol 3:3.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.stats
from scipy.special import expit

from cgmm.donors.design import Design
from cgmm.donors.moderated_t import counting_variance, log_odds, moderated_t
from cgmm.donors.reasons import Note, Reason, n_donors_in_words
from cgmm.thresholds import LEVEL, MIN_CELLS, MIN_DONORS

MIN_DONORS_WITH_IT = 2
PSEUDOCOUNT = 0.5  # cells
NO_SPREAD = 1e-9  # log2 units


class Changes(NamedTuple):
    """Prevalence of K populations and its change, arrays of shape (K,).

    Attributes
    ----------
    share_source, share_target
        Typical share in a donor: the mean log-odds over donors, converted to a share.
    log2_net
        log2(share_target / share_source), adjusted for the pairs or batches of the design.
    low, high
        Interval of ``log2_net``; NaN where there is a note.  Groups of cells have an interval and
        the note ``CELLS_ONLY``.
    p
        Two-sided p of the moderated t-test of the log-odds; NaN where there is a note.
    notes
        Why interval or p are missing, else None.
    """

    share_source: np.ndarray
    share_target: np.ndarray
    log2_net: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    notes: list[Note | None]


def changes(
    shares: np.ndarray,
    n_cells: np.ndarray,
    design: Design,
    *,
    between: np.ndarray | None = None,
    n_between: int = 0,
    level: float = LEVEL,
) -> Changes:
    """Return estimate, interval and test of the change of every population.

    Parameters
    ----------
    shares
        Share of every population in every unit of the design, shape (n_units, K).
    n_cells
        Cells of every unit, shape (n_units,).
    design
        The design.  Units that are groups of cells have intervals, but no p.
    between
        Variance of the change of the log-odds that does not come from donors, shape (K,).  None:
        zero.
    n_between
        Number of values from which ``between`` was estimated.
    level
        Coverage of the interval.
    """
    y = log_odds(shares, n_cells)
    notes = untested(shares, n_cells, design)
    tested = np.array([is_measured(note) for note in notes], dtype=bool)
    matrix = design.matrix()
    beta = (np.linalg.pinv(matrix) @ y)[-1]
    error, freedom, p = (np.full(len(beta), np.nan) for _ in range(3))
    if tested.any():
        found = moderated_t(
            y[:, tested],
            matrix,
            counting=counting_variance(shares[:, tested], n_cells),
            between=None if between is None else between[tested],
            n_between=n_between,
        )
        error[tested], freedom[tested] = found.error, found.freedom
        if design.replicated:
            p[tested] = found.p
    middle = y.mean(axis=0) + beta * (0.5 - design.sides.mean())
    half = scipy.stats.t.ppf(0.5 + level / 2, freedom) * error
    log2_net, low, high = (
        np.log2(expit(middle + change / 2)) - np.log2(expit(middle - change / 2))
        for change in (beta, beta - half, beta + half)
    )
    before, after = expit(middle - beta / 2), expit(middle + beta / 2)
    return Changes(before, after, log2_net, low, high, p, notes)


def relative(
    shares: np.ndarray,
    n_cells: np.ndarray,
    design: Design,
    baseline: np.ndarray,
    *,
    measured: np.ndarray,
    between: np.ndarray | None = None,
    n_between: int = 0,
    level: float = LEVEL,
) -> np.ndarray:
    """Return half the width of the interval of the change relative to a baseline, in log2 units.

    The log2 share of every unit, less the baseline of the unit, follows the same linear model.

    Parameters
    ----------
    shares, n_cells, design, between, n_between, level
        As in :func:`changes`; ``between`` is the variance of the relative change in log2 units.
    baseline
        Log2 of the baseline in every unit, shape (n_units,).
    measured
        Populations that have an interval, boolean, shape (K,).

    Returns
    -------
    Shape (K,); NaN where a population has no interval.
    """
    half = np.full(shares.shape[1], np.nan)
    y = log2_shares(shares, n_cells) - baseline[:, None]
    still = np.ptp(y, axis=0) < NO_SPREAD  # the baseline itself
    half[measured & still] = 0.0
    asked = measured & ~still
    if asked.any():
        found = moderated_t(
            y[:, asked],
            design.matrix(),
            between=None if between is None else between[asked],
            n_between=n_between,
        )
        half[asked] = scipy.stats.t.ppf(0.5 + level / 2, found.freedom) * found.error
    return half


def log2_shares(shares: np.ndarray, n_cells: np.ndarray) -> np.ndarray:
    """Return log2 of shares (n_units, K), with half a cell added to each share."""
    return np.log2(shares + PSEUDOCOUNT / np.asarray(n_cells, float)[:, None])


def untested(shares: np.ndarray, n_cells: np.ndarray, design: Design) -> list[Note | None]:
    """Return why each population has no interval and no test; None where it has both.

    Parameters
    ----------
    shares, n_cells, design
        As in :func:`changes`.
    """
    if not design.replicated:
        groups = min(design.n_units) > 1
        return [(Reason.CELLS_ONLY if groups else Reason.NO_REPLICATION).note()] * shares.shape[1]
    if not design.testable:
        source, target = (n_donors_in_words(n) for n in design.n_units)
        few = (
            Reason.FEW_PAIRS.note(donors=source, least=MIN_DONORS)
            if design.paired
            else Reason.FEW_IN_EACH.note(source=source, target=target, least=MIN_DONORS)
        )
        return [few] * shares.shape[1]
    cells = shares * np.asarray(n_cells, float)[:, None]
    totals, seen = cells.sum(axis=0), (cells >= 0.5).sum(axis=0)
    return [_note(float(total), int(n)) for total, n in zip(totals, seen, strict=True)]


def is_measured(note: Note | None) -> bool:
    """Return whether a population with this note has an interval."""
    return note is None or note.reason is Reason.CELLS_ONLY


def _note(n_cells: float, n_donors: int) -> Note | None:
    if round(n_cells) < MIN_CELLS:
        return Reason.FEW_CELLS_TOGETHER.note(n_cells=round(n_cells), least=MIN_CELLS)
    if n_donors < MIN_DONORS_WITH_IT:
        return Reason.IN_ONE_DONOR_ONLY.note(donors=n_donors_in_words(n_donors))
    return None
