"""Changes, intervals and p-values of the components of a fit, with the donor as the unit.

:func:`uncertainty` takes a design (:mod:`cgmm.donors.design`).  Factor, interval and p of a
component are one statistic of the shares of the donors (:mod:`cgmm.donors.change`); to its variance
the variance of an error is added that all donors share (:mod:`cgmm.donors.observations`).  Shifts
have a test and an interval from the positions of the donors (:mod:`cgmm.donors.moves`).  Transfers
have none: no interval that was tried held the truth (``docs/calibration.md``).  A permutation test,
which exchanges conditions between donors (:mod:`cgmm.donors.permutation`), is made when it is asked
for.

Shares add up to one, so factors are relative: when one subpopulation grows, the shares of all
others shrink.  The change of a share relative to a baseline is therefore returned too
(:mod:`cgmm.donors.baseline`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from cgmm.coupled.result import CoupledFit
from cgmm.donors import permutation
from cgmm.donors.baseline import MEDIAN, Baseline, in_units, log2_factor
from cgmm.donors.change import Changes, changes, is_measured, relative
from cgmm.donors.design import Design, unit_of_cells
from cgmm.donors.facts import Exchanges, Facts
from cgmm.donors.false_discovery import benjamini_hochberg
from cgmm.donors.moves import Moves, moves
from cgmm.donors.observations import Observations, between_partitions
from cgmm.donors.reasons import Note, Reason, in_words
from cgmm.donors.refit import MAX_CELLS
from cgmm.donors.which_test import Test, choose_test
from cgmm.mixture.chunked import Points, taken
from cgmm.thresholds import LEVEL
from cgmm.transport.coupling import share_of_source

MIN_TRANSFER = 0.01


class Factors(NamedTuple):
    """Prevalence of each source component, its change, interval and tests.

    Arrays have shape (K0,).  Where numbers are NaN, ``notes`` has the reason.
    """

    share_source: np.ndarray  #: mean over the donors that are counted
    share_target: np.ndarray
    log2_net: np.ndarray
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
        Prevalence of the source components.
    shifts
        Lengths of the moves between the means of ``pairs``, with intervals and tests, in units of
        the points.
    pairs
        Source and target component of each shift, shape (P, 2).
    facts
        How the numbers were computed.
    """

    factors: Factors
    shifts: Moves
    pairs: np.ndarray
    facts: Facts


def uncertainty(
    fit: CoupledFit,
    points: tuple[Points, Points],
    donors: tuple[np.ndarray | None, np.ndarray | None],
    design: Design,
    *,
    n_permutations: int = 0,
    test: Test = "auto",
    baseline: Baseline = MEDIAN,
    totals: tuple[np.ndarray, np.ndarray] | None = None,
    level: float = LEVEL,
    n_jobs: int = 1,
    random_state: int = 0,
    tick: Callable[[], None] | None = None,
) -> Uncertainty:
    """Return changes, intervals and p-values of a fit.

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
    n_permutations
        Largest number of exchanges of conditions; 0: no permutation test.
    test
        Test to report; "auto": the moderated t-test, whose interval is reported.
    baseline
        Baseline of relative factors; the kind "counts" needs ``totals``.
    totals
        Number of all cells (in an organ, per volume) of every unit of source and target, in the
        order of ``design.side(0)`` and ``design.side(1)``.
    level
        Coverage of the intervals.
    n_jobs
        Threads of the permutation test; results do not depend on it.
    random_state
        Seed.
    tick
        Called after every refit.

    Returns
    -------
    Uncertainty
    """
    sizes = (len(points[0]), len(points[1]))
    units = tuple(unit_of_cells(design, donors, sizes, random_state))
    pairs = np.argwhere(share_of_source(fit.coupling) >= MIN_TRANSFER)
    if min(design.n_units) == 0:
        return _nothing(fit, design, pairs, level, baseline)
    observed = Observations.of(fit, points, units, design)
    found = changes(
        observed.shares,
        observed.n_cells,
        design,
        between=observed.between,
        n_between=len(observed.partitions),
        level=level,
    )
    exchanges, permuted, notes = None, np.full_like(found.p, np.nan), design.notes
    if design.testable:
        if n_permutations and max(int(np.max(np.bincount(u[u >= 0]))) for u in units) > MAX_CELLS:
            notes = (*notes, Reason.CELLS_OF_LARGE_DONORS.note(n_cells=MAX_CELLS))
        permuted, exchanges = _permutation_p(
            fit, points, units, design, observed, n_permutations, n_jobs, random_state, tick
        )
        permuted = np.where(np.isfinite(found.p), permuted, np.nan)
    chosen, why = choose_test(test, exchanges, design)
    p = {"": found.p, "moderated_t": found.p, "permutation": permuted}[chosen]
    all_totals = None if totals is None else np.concatenate(totals)
    factors, of_baseline = _factors(
        observed, found, p, permuted, baseline, all_totals, design, level
    )
    measured = bool(np.isfinite(found.low).any())
    facts = Facts(
        test=chosen,
        test_reason=why,
        level=level,
        n_donors=design.n_units if design.replicated else (0, 0),
        paired=design.paired,
        adjusted_for_batch=design.adjusted,
        baseline=baseline,
        baseline_log2=of_baseline,
        source="" if not measured else "donors" if design.replicated else "cells",
        notes=notes,
        exchanges=exchanges,
    )
    shifts = moves(fit, points, units, design, pairs, level=level)
    return Uncertainty(factors, shifts, pairs, facts)


def _nothing(
    fit: CoupledFit, design: Design, pairs: np.ndarray, level: float, baseline: Baseline
) -> Uncertainty:
    """Return what is known where a condition has no donor that counts."""
    missing = np.full(len(fit.log2_net), np.nan)
    notes: list[Note | None] = [design.too_few_donors] * len(missing)
    why = Reason.NO_TEST.note()
    facts = Facts(
        "",
        why,
        level,
        design.n_units,
        design.paired,
        False,
        baseline,
        np.nan,
        "",
        design.notes,
        None,
    )
    names = [name for name in Factors._fields if name != "notes"]
    factors = Factors(**dict.fromkeys(names, missing), notes=notes)
    return Uncertainty(factors, Moves.missing(len(pairs)), pairs, facts)


def _factors(
    observed: Observations,
    found: Changes,
    p: np.ndarray,
    permuted: np.ndarray,
    baseline: Baseline,
    totals: np.ndarray | None,
    design: Design,
    level: float,
) -> tuple[Factors, float]:
    """Return the numbers of the source components, and the log2 factor of the baseline."""
    measured = np.array([is_measured(note) for note in found.notes], dtype=bool)
    members = baseline.members(found.log2_net, measured)
    per_unit = in_units(members, observed.shares, observed.n_cells, totals)
    of_baseline = log2_factor(members, found.log2_net, per_unit, design)
    half = np.full_like(found.p, np.nan)
    if per_unit is not None and measured.any():
        cut = observed.partitions
        if len(members) and len(cut):
            cut = cut - cut[:, members].mean(axis=1, keepdims=True)
        half = relative(
            observed.shares,
            observed.n_cells,
            design,
            per_unit,
            measured=measured,
            between=between_partitions(cut),
            n_between=len(cut),
            level=level,
        )
    change = np.where(measured, found.log2_net - of_baseline, np.nan)
    n0 = design.n_units[0]
    factors = Factors(
        observed.shares[:n0].mean(axis=0),
        observed.shares[n0:].mean(axis=0),
        found.log2_net,
        found.low,
        found.high,
        p,
        benjamini_hochberg(p),
        found.p,
        permuted,
        change,
        change - half,
        change + half,
        _reasons(found, design),
    )
    return factors, of_baseline


def _reasons(found: Changes, design: Design) -> list[Note | None]:
    """Return why numbers are missing; what holds for all components goes before the rest."""
    general = design.too_few_donors if design.replicated else None
    return [general or note for note in found.notes]


def _permutation_p(
    fit: CoupledFit,
    points: tuple[Points, Points],
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
        return np.full(observed.shares.shape[1], np.nan), Exchanges(0)
    ways = permutation.labellings(design, n_permutations, random_state)
    kept = [np.flatnonzero(unit >= 0) for unit in units]
    cells = [taken(x, rows) for x, rows in zip(points, kept, strict=True)]
    of = [unit[rows] for unit, rows in zip(units, kept, strict=True)]
    permuted = permutation.permutation_p(
        fit,
        permutation.align(fit, (cells[0], cells[1]), (of[0], of[1])),
        design,
        ways,
        between=observed.between,
        n_jobs=n_jobs,
        tick=tick,
    )
    exchanges = Exchanges(len(ways.labels) - 1, ways.n_distinct, ways.smallest_p)
    return permuted.p, exchanges
