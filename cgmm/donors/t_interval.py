"""t intervals of log2 net factors over donors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.stats

from cgmm.donors.design import NO_PAIRS, counted, paired_unless_told
from cgmm.donors.shares import DonorShares
from cgmm.thresholds import LEVEL, MIN_CELLS, MIN_DONORS
from cgmm.transport.coupling import divide

PSEUDOCOUNT = 0.5


class DonorIntervals(NamedTuple):
    """Estimate, interval and test of the log2 net factor of each source component."""

    estimate: np.ndarray  #: (K,) difference of the means of log2 shares
    low: np.ndarray  #: (K,) lower end of the 95 % interval
    high: np.ndarray  #: (K,) upper end
    p: np.ndarray  #: (K,) two-sided
    q: np.ndarray  #: (K,) Benjamini-Hochberg over components with a p
    reason: list[str]  #: (K,) why a number is missing, else ""
    paired: bool  #: whether donors were compared with themselves


def intervals(
    source: DonorShares | None,
    target: DonorShares | None,
    origin: np.ndarray,
    *,
    paired: bool | None = None,
    level: float = LEVEL,
) -> DonorIntervals:
    """Intervals of the log2 net factors over donors.

    Parameters
    ----------
    source, target
        Shares per donor of either side, or None when donors are not known.
    origin
        R, where the cells of each target component came from, shape (K0, K1).
    paired
        Compare donors with themselves, using those that are in both conditions. None: when at
        least three are, and they are at least half of all donors.
    level
        Coverage of the interval.

    Returns
    -------
    DonorIntervals. Where donors or cells are too few the numbers are NaN and ``reason`` says why.

    Raises
    ------
    ValueError
        When ``paired=True`` and no donor is in both conditions.
    """
    n = origin.shape[0]
    if source is None or target is None:
        return _nothing(
            n, "No donors were given, so there is no replication to base an interval on."
        )
    both, in_source, in_target = np.intersect1d(source.donors, target.donors, return_indices=True)
    if paired is None:
        n_donors = len(source.donors) + len(target.donors) - len(both)
        paired = paired_unless_told(len(both), n_donors)
    if paired:
        if not len(both):
            raise ValueError(NO_PAIRS)
        source = DonorShares(both, source.shares[in_source], source.n_cells[in_source])
        target = DonorShares(both, target.shares[in_target], target.n_cells[in_target])

    carried = target.shares @ origin.T
    y0 = _log2_shares(source.shares, source.n_cells)
    y1 = _log2_shares(carried, target.n_cells)
    estimate, half, p = _paired(y0, y1, level) if paired else _welch(y0, y1, level)

    too_few = _too_few_donors(len(source.donors), len(target.donors), paired=paired)
    reason = [
        too_few or too_few_cells(source.shares[:, k], source.n_cells, carried[:, k], target.n_cells)
        for k in range(n)
    ]
    reason = [
        r or ("" if np.isfinite(half[k]) else "The donors do not differ at all, so no interval.")
        for k, r in enumerate(reason)
    ]
    missing = np.array([bool(r) for r in reason])
    estimate, half, p = (np.where(missing, np.nan, x) for x in (estimate, half, p))
    return DonorIntervals(
        estimate, estimate - half, estimate + half, p, benjamini_hochberg(p), reason, paired
    )


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Benjamini and Hochberg's q-values; NaN stay NaN and do not count as tests.

    Parameters
    ----------
    p
        p-values, shape (n,), may hold NaN.

    Returns
    -------
    q-values, shape (n,).
    """
    q = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    if len(known):
        q[known] = scipy.stats.false_discovery_control(p[known], method="bh")
    return q


def _log2_shares(shares: np.ndarray, n_cells: np.ndarray) -> np.ndarray:
    return np.log2(shares + PSEUDOCOUNT / n_cells[:, None])


def _welch(y0: np.ndarray, y1: np.ndarray, level: float) -> tuple[np.ndarray, ...]:
    """Difference of means, half width, p; y0 (n0, K), y1 (n1, K)."""
    estimate = y1.mean(axis=0) - y0.mean(axis=0)
    if min(len(y0), len(y1)) < 2:
        return estimate, np.full_like(estimate, np.nan), np.full_like(estimate, np.nan)
    v0, v1 = y0.var(axis=0, ddof=1) / len(y0), y1.var(axis=0, ddof=1) / len(y1)
    freedom = divide((v0 + v1) ** 2, v0**2 / (len(y0) - 1) + v1**2 / (len(y1) - 1))
    return estimate, *_student(estimate, np.sqrt(v0 + v1), freedom, level)


def _paired(y0: np.ndarray, y1: np.ndarray, level: float) -> tuple[np.ndarray, ...]:
    """Mean of differences, half width, p; rows of both are the same donors in the same order."""
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
    """Half width and two-sided p; NaN where donors do not vary at all."""
    usable = error > 0
    safe = np.where(usable, error, 1.0)
    df = np.where(usable, freedom, 1.0)
    half = scipy.stats.t.ppf(0.5 + level / 2, df) * safe
    p = 2 * scipy.stats.t.sf(np.abs(estimate) / safe, df)
    return np.where(usable, half, np.nan), np.where(usable, p, np.nan)


def _too_few_donors(n0: int, n1: int, *, paired: bool) -> str:
    if min(n0, n1) >= MIN_DONORS:
        return ""
    if paired:
        return f"Only {counted(n0)} in both conditions; an interval needs at least {MIN_DONORS}."
    return (
        f"Only {counted(n0)} in the source and {counted(n1)} in the target; "
        f"an interval needs at least {MIN_DONORS} in each."
    )


def too_few_cells(s0: np.ndarray, n0: np.ndarray, s1: np.ndarray, n1: np.ndarray) -> str:
    """Sentence if a component has too few cells, or is seen in too few donors, on either side."""
    for side, cells in (("source", s0 * n0), ("target", s1 * n1)):
        if cells.sum() < MIN_CELLS:
            return (
                f"About {cells.sum():.0f} cells in the {side}; "
                f"an interval needs at least {MIN_CELLS}."
            )
        seen = int((cells >= 1).sum())
        if seen < 2:
            return f"Seen in only {counted(seen)} of the {side}; an interval needs at least 2."
    return ""


def _nothing(n: int, reason: str) -> DonorIntervals:
    empty = np.full(n, np.nan)
    return DonorIntervals(
        estimate=empty,
        low=empty.copy(),
        high=empty.copy(),
        p=empty.copy(),
        q=empty.copy(),
        reason=[reason] * n,
        paired=False,
    )
