r"""Intervals of the log2 net factors by Student's t over donors, without refits.

Let :math:`s_{dk}` be the share of component k in donor d (:mod:`cgmm.donors.shares`), where shares
of the target are carried back to the source components.  The factor is the difference of the means
over donors of

.. math:: y_{dk} = \log_2 \left( s_{dk} + \frac{1}{2 n_d} \right),

where :math:`n_d` is the number of cells of the donor.  The interval is Welch's t for independent
donors, and the one-sample t of the differences for paired donors.

References: Welch 1947, Biometrika 34:28; Benjamini & Hochberg 1995, J R Stat Soc B 57:289.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.stats

from cgmm.donors.design import NO_PAIRS, paired_by_default
from cgmm.donors.reasons import Note, Reason, in_words, n_donors_in_words
from cgmm.donors.shares import DonorShares
from cgmm.pair import SIDES
from cgmm.thresholds import LEVEL, MIN_CELLS, MIN_DONORS
from cgmm.transport.coupling import divide

PSEUDOCOUNT = 0.5  # cells
MIN_DONORS_WITH_IT = 2


class DonorIntervals(NamedTuple):
    """Estimate, interval and test of the log2 net factor of each source component."""

    estimate: np.ndarray  #: (K,) difference of the means of log2 shares
    low: np.ndarray  #: (K,) lower end of the interval
    high: np.ndarray  #: (K,) upper end
    p: np.ndarray  #: (K,) two-sided
    q: np.ndarray  #: (K,) Benjamini-Hochberg over components with a p
    notes: list[Note | None]  #: (K,) why the numbers of a component are missing, else None
    paired: bool  #: whether donors were compared with themselves

    @property
    def reason(self) -> list[str]:
        """The sentence of each note, "" where no number is missing."""
        return in_words(self.notes)


def intervals(
    source: DonorShares | None,
    target: DonorShares | None,
    origin: np.ndarray,
    *,
    paired: bool | None = None,
    level: float = LEVEL,
) -> DonorIntervals:
    """Return intervals and tests of the log2 net factors, with the donor as the unit.

    Parameters
    ----------
    source, target
        Shares per donor of source (K0 components) and target (K1), or None without donors.
    origin
        R, where the cells of each target component came from, shape (K0, K1).
    paired
        Whether donors are compared with themselves; donors in one condition only are then left
        out.  None: yes when at least three donors, and at least half of all, are in both
        conditions.
    level
        Coverage of the interval.

    Returns
    -------
    DonorIntervals; numbers are NaN where donors or cells are too few.

    Raises
    ------
    ValueError
        When ``paired=True`` and no donor is in both conditions.
    """
    n = origin.shape[0]
    if source is None or target is None:
        missing = np.full(n, np.nan)
        why: list[Note | None] = [Reason.NO_REPLICATION.note()] * n
        estimate, low, high, p, q = (missing.copy() for _ in range(5))
        return DonorIntervals(estimate, low, high, p, q, why, paired=False)
    both, in_source, in_target = np.intersect1d(source.donors, target.donors, return_indices=True)
    if paired is None:
        n_donors = len(source.donors) + len(target.donors) - len(both)
        paired = paired_by_default(len(both), n_donors)
    if paired:
        if not len(both):
            raise ValueError(NO_PAIRS)
        source = DonorShares(both, source.shares[in_source], source.n_cells[in_source])
        target = DonorShares(both, target.shares[in_target], target.n_cells[in_target])

    carried = target._replace(shares=target.shares @ origin.T)
    y0 = _log2_shares(source.shares, source.n_cells)
    y1 = _log2_shares(carried.shares, carried.n_cells)
    estimate, half, p = _paired(y0, y1, level) if paired else _welch(y0, y1, level)
    notes = [
        too_few_donors(len(source.donors), len(target.donors), paired=paired)
        or too_few_cells(source, carried, k)
        or (None if np.isfinite(half[k]) else Reason.NO_SPREAD.note())
        for k in range(n)
    ]
    absent = np.array([note is not None for note in notes])
    estimate, half, p = (np.where(absent, np.nan, x) for x in (estimate, half, p))
    return DonorIntervals(
        estimate, estimate - half, estimate + half, p, benjamini_hochberg(p), notes, paired
    )


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Return the q-values of Benjamini and Hochberg; NaN stays NaN and does not count as a test.

    Parameters
    ----------
    p
        p-values, shape (n,), may hold NaN.

    Returns
    -------
    q-values, shape (n,).
    """
    q = np.full(len(p), np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    if len(tested):
        q[tested] = scipy.stats.false_discovery_control(p[tested], method="bh")
    return q


def welch_freedom(y0: np.ndarray, y1: np.ndarray) -> np.ndarray:
    """Return Welch's degrees of freedom of a difference of means.

    Parameters
    ----------
    y0, y1
        Observations, shapes (n0, K) and (n1, K), at least two rows each.

    Returns
    -------
    Shape (K,); ``n0 + n1 - 2`` where nothing varies.
    """
    v0, v1 = y0.var(axis=0, ddof=1) / len(y0), y1.var(axis=0, ddof=1) / len(y1)
    df = divide(np.square(v0 + v1), v0**2 / (len(y0) - 1) + v1**2 / (len(y1) - 1))
    return np.where(df > 0, df, len(y0) + len(y1) - 2.0)


def _log2_shares(shares: np.ndarray, n_cells: np.ndarray) -> np.ndarray:
    """Return log2 of shares (n_donors, K), with half a cell added to each share."""
    return np.log2(shares + PSEUDOCOUNT / n_cells[:, None])


def _welch(y0: np.ndarray, y1: np.ndarray, level: float) -> tuple[np.ndarray, ...]:
    """Return mean of y1 (n1, K) less mean of y0 (n0, K), half width of its interval, and p."""
    estimate = y1.mean(axis=0) - y0.mean(axis=0)
    if min(len(y0), len(y1)) < 2:
        return estimate, np.full_like(estimate, np.nan), np.full_like(estimate, np.nan)
    variance = y0.var(axis=0, ddof=1) / len(y0) + y1.var(axis=0, ddof=1) / len(y1)
    return estimate, *_student(estimate, np.sqrt(variance), welch_freedom(y0, y1), level)


def _paired(y0: np.ndarray, y1: np.ndarray, level: float) -> tuple[np.ndarray, ...]:
    """Return mean difference, half width of its interval, p; rows i of y0 and y1 are one donor."""
    difference = y1 - y0
    estimate = difference.mean(axis=0)
    if len(y0) < 2:
        return estimate, np.full_like(estimate, np.nan), np.full_like(estimate, np.nan)
    error = difference.std(axis=0, ddof=1) / np.sqrt(len(y0))
    freedom = np.full_like(estimate, len(y0) - 1.0)
    return estimate, *_student(estimate, error, freedom, level)


def _student(
    estimate: np.ndarray, error: np.ndarray, freedom: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return half width and two-sided p; NaN where donors do not vary."""
    usable = error > 0
    safe = np.where(usable, error, 1.0)
    df = np.where(usable, freedom, 1.0)
    half = scipy.stats.t.ppf(0.5 + level / 2, df) * safe
    p = 2 * scipy.stats.t.sf(np.abs(estimate) / safe, df)
    return np.where(usable, half, np.nan), np.where(usable, p, np.nan)


def too_few_donors(n_source: int, n_target: int, *, paired: bool) -> Note | None:
    """Return a note when donors are too few for an interval, else None."""
    if min(n_source, n_target) >= MIN_DONORS:
        return None
    source, target = n_donors_in_words(n_source), n_donors_in_words(n_target)
    if paired:
        return Reason.FEW_PAIRS.note(donors=source, least=MIN_DONORS)
    return Reason.FEW_IN_EACH.note(source=source, target=target, least=MIN_DONORS)


def too_few_cells(source: DonorShares, target: DonorShares, component: int) -> Note | None:
    """Return a note when a component has too few cells, or cells of one donor only, else None.

    Parameters
    ----------
    source, target
        Shares per donor of both conditions, in the same K components.
    component
        Number of the component.
    """
    for side, donors in zip(SIDES, (source, target), strict=True):
        cells = donors.shares[:, component] * donors.n_cells
        if cells.sum() < MIN_CELLS:
            return Reason.FEW_CELLS.note(n_cells=cells.sum(), side=side, least=MIN_CELLS)
        n_with_it = int((cells >= 1).sum())
        if n_with_it < MIN_DONORS_WITH_IT:
            return Reason.IN_ONE_DONOR.note(donors=n_donors_in_words(n_with_it), side=side)
    return None
