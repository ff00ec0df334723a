"""Intervals and p-values of the factors, transfers and shifts of a fit, with the donor as unit.

:func:`uncertainty` takes a design (:mod:`cgmm.donors.design`).  Intervals come from a bootstrap
over donors (:mod:`cgmm.donors.bootstrap`).  p-values come from a permutation test, which exchanges
conditions between donors (:mod:`cgmm.donors.permutation`), and from a moderated t-test
(:mod:`cgmm.donors.moderated_t`).  :mod:`cgmm.donors.which_test` chooses the test to report.

Shares add up to one, so factors are relative: when one subpopulation grows, the shares of all
others shrink.  The change of a share relative to a baseline is therefore returned too.  The
baseline is the median subpopulation, a subpopulation that is assumed not to change, or, where it is
known, the number of all cells (:class:`cgmm.donors.intervals.Baseline`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from cgmm.coupled.result import CoupledFit
from cgmm.donors import permutation
from cgmm.donors.bootstrap import Interval, Shift
from cgmm.donors.design import Design, unit_of_cells
from cgmm.donors.facts import Exchanges, Facts
from cgmm.donors.intervals import MEDIAN, Baseline, Intervals, intervals_of
from cgmm.donors.moderated_t import moderated_t
from cgmm.donors.observations import Observations
from cgmm.donors.reasons import Note, Reason, in_words
from cgmm.donors.refit import MAX_CELLS
from cgmm.donors.t_interval import benjamini_hochberg
from cgmm.donors.which_test import Test, choose_test
from cgmm.thresholds import LEVEL
from cgmm.transport.coupling import share_of_source

MIN_TRANSFER = 0.01


class Factors(NamedTuple):
    """Interval and tests of the log2 net factor of each source component.

    Arrays have shape (K0,).  Where numbers are NaN, ``notes`` has the reason.
    """

    low: np.ndarray  #: interval of the log2 net factor
    high: np.ndarray
    p: np.ndarray  #: of the reported test
    q: np.ndarray  #: Benjamini-Hochberg
    p_moderated: np.ndarray
    p_permutation: np.ndarray
    relative: np.ndarray  #: log2 net factor less the baseline
    relative_low: np.ndarray
    relative_high: np.ndarray
    notes: list[Note | None]

    @property
    def reason(self) -> list[str]:
        """The sentence of each note, "" where there is no note."""
        return in_words(self.notes)


class Uncertainty(NamedTuple):
    """Intervals and tests of one fit.

    Attributes
    ----------
    factors
        Intervals and tests of the source components.
    transfers
        Interval of the share of each source component that goes to each target one, (K0, K1).
    shifts
        Lengths of the moves between the means of ``pairs``, with intervals, in units of the points.
    pairs
        Source and target component of each shift, shape (P, 2).
    facts
        How the numbers were computed.
    """

    factors: Factors
    transfers: Interval
    shifts: Shift
    pairs: np.ndarray
    facts: Facts


def uncertainty(
    fit: CoupledFit,
    points: tuple[np.ndarray, np.ndarray],
    donors: tuple[np.ndarray | None, np.ndarray | None],
    design: Design,
    *,
    n_bootstrap: int = 200,
    n_permutations: int = 1000,
    test: Test = "auto",
    baseline: Baseline = MEDIAN,
    totals: tuple[np.ndarray, np.ndarray] | None = None,
    level: float = LEVEL,
    n_jobs: int = 1,
    random_state: int = 0,
    tick: Callable[[], None] | None = None,
) -> Uncertainty:
    """Return intervals and p-values of a fit.

    Parameters
    ----------
    fit
        The fit.
    points
        Points of the fit, source (N0, D) and target (N1, D).
    donors
        Donor of every point of source and target, or None without donors.
    design
        From :func:`cgmm.donors.design.design`.
    n_bootstrap
        Number of draws of donors; fewer than two: no intervals.
    n_permutations
        Largest number of exchanges of conditions; 0: no permutation test.
    test
        Test to report; "auto": chosen by :func:`cgmm.donors.which_test.choose_test`.
    baseline
        Baseline of relative factors; the kind "counts" needs ``totals``.
    totals
        Number of all cells (in an organ, per volume) of every unit of source and target, in the
        order of ``design.side(0)`` and ``design.side(1)``.
    level
        Coverage of the intervals.
    n_jobs
        Threads; results do not depend on it.
    random_state
        Seed.
    tick
        Called after every refit.

    Returns
    -------
    Uncertainty
    """
    sizes = (len(points[0]), len(points[1]))
    units = unit_of_cells(design, donors, sizes, random_state)
    kept = [u >= 0 for u in units]
    cells = tuple(x if keep.all() else x[keep] for x, keep in zip(points, kept, strict=True))
    unit = tuple(u[keep] for u, keep in zip(units, kept, strict=True))
    observed = Observations.of(fit, cells, unit, design)
    with_intervals = n_bootstrap > 1 and design.too_few_donors is None
    pairs = np.argwhere(share_of_source(fit.coupling) >= MIN_TRANSFER)
    intervals = Intervals.missing(fit.coupling.shape, len(pairs))
    notes = design.notes
    if with_intervals:
        if max(int(np.max(np.bincount(u))) for u in unit) > MAX_CELLS:
            notes = (*notes, Reason.CELLS_OF_LARGE_DONORS.note(n_cells=MAX_CELLS))
        intervals = intervals_of(
            fit,
            cells,
            unit,
            design,
            observed,
            pairs,
            n_draws=n_bootstrap,
            baseline=baseline.log2_factor(observed.usable, totals),
            level=level,
            n_jobs=n_jobs,
            random_state=random_state,
            tick=tick,
        )
    p = dict.fromkeys(("", "moderated_t", "permutation"), np.full(len(observed.usable), np.nan))
    exchanges = None
    if design.testable:
        p["moderated_t"] = _moderated_p(observed, design)
        p["permutation"], exchanges = _permutation_p(
            fit, cells, unit, design, observed, n_permutations, n_jobs, random_state, tick
        )
    chosen, why = choose_test(test, exchanges, int(observed.usable.sum()), design)
    facts = Facts(
        n_bootstrap=n_bootstrap if with_intervals else 0,
        test=chosen,
        test_reason=why,
        level=level,
        n_donors=design.n_units if design.replicated else (0, 0),
        paired=design.paired,
        adjusted_for_batch=design.adjusted,
        baseline=baseline,
        baseline_log2=intervals.baseline,
        source="" if not with_intervals else "donors" if design.replicated else "cells",
        notes=notes,
        exchanges=exchanges,
    )
    factors = _factors(observed, intervals, p, chosen, design)
    return Uncertainty(factors, intervals.transfers, intervals.shifts, pairs, facts)


def _factors(
    observed: Observations,
    intervals: Intervals,
    p: dict[str, np.ndarray],
    chosen: str,
    design: Design,
) -> Factors:
    """Return the numbers of the source components, NaN where a component has too few cells."""
    low, high, relative, relative_low, relative_high = (
        np.where(observed.usable, x, np.nan)
        for x in (*intervals.net, intervals.relative, *intervals.relative_interval)
    )
    return Factors(
        low,
        high,
        p[chosen],
        benjamini_hochberg(p[chosen]),
        p["moderated_t"],
        p["permutation"],
        relative,
        relative_low,
        relative_high,
        observed.missing(design),
    )


def _moderated_p(observed: Observations, design: Design) -> np.ndarray:
    """Return the p-values of the moderated t-test, shape (K0,)."""
    tests = moderated_t(
        observed.log_odds,
        design.matrix(),
        counting=observed.counting,
        between=observed.between_log_odds,
        n_between=observed.n_between,
    )
    return np.where(observed.usable, tests.p, np.nan)


def _permutation_p(
    fit: CoupledFit,
    cells: tuple[np.ndarray, ...],
    units: tuple[np.ndarray, ...],
    design: Design,
    observed: Observations,
    n_permutations: int,
    n_jobs: int,
    random_state: int,
    tick: Callable[[], None] | None,
) -> tuple[np.ndarray, Exchanges]:
    """Return the p-values of the permutation test, shape (K0,), and the exchanges made."""
    if n_permutations < 1:
        return np.full(len(observed.log2_net), np.nan), Exchanges(0)
    ways = permutation.labellings(design, n_permutations, random_state)
    permuted = permutation.permutation_p(
        fit,
        permutation.align(fit, (cells[0], cells[1]), (units[0], units[1])),
        design,
        ways,
        between=observed.between_log_odds,
        n_jobs=n_jobs,
        tick=tick,
    )
    exchanges = Exchanges(len(ways.labels) - 1, ways.n_distinct, ways.smallest_p)
    return np.where(observed.usable, permuted.p, np.nan), exchanges
