"""How sure the factors, transfers and shifts of a fit are, with the donor as the unit.

Puts together the design (:mod:`cgmm.donors.design`), intervals from drawing donors anew
(:mod:`cgmm.donors.bootstrap`), and p-values from exchanging conditions between donors
(:mod:`cgmm.donors.permutation`) or from a moderated t-test (:mod:`cgmm.donors.moderated_t`).  Which
of the two tests is the one to read depends on the design alone: exchanging donors is exact but
cannot give a small p when there are few ways to exchange them.  The permutation test is taken when
a p of three times the smallest would survive a correction for all subpopulations, so that not only
the most extreme of all exchanges can be a finding, and the moderated t-test otherwise.

Shares add up to one, so factors are relative: when one subpopulation grows all others shrink.
Besides the change of the share there is the change against a baseline: the median subpopulation,
a named one, or none when the number of all cells is known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

from cgmm.coupled.result import CoupledFit
from cgmm.donors import permutation
from cgmm.donors.bootstrap import Interval, Shift
from cgmm.donors.design import Design, unit_of_cells
from cgmm.donors.intervals import Intervals, baseline_of, intervals_of
from cgmm.donors.moderated_t import moderated_t
from cgmm.donors.observations import Observations
from cgmm.donors.refit import MAX_CELLS
from cgmm.donors.t_interval import benjamini_hochberg
from cgmm.thresholds import ALPHA, LEVEL, MIN_DONORS
from cgmm.transport.coupling import share_of_source

Test = Literal["auto", "permutation", "moderated_t"]
P_HEADROOM = 3
MIN_TRANSFER = 0.01


class Factors(NamedTuple):
    """Per source component, shapes (K0,); NaN where ``reason`` says why."""

    low: np.ndarray  #: interval of the log2 net factor
    high: np.ndarray
    p: np.ndarray  #: of the chosen test
    q: np.ndarray  #: Benjamini-Hochberg
    p_moderated: np.ndarray
    p_permutation: np.ndarray
    relative: np.ndarray  #: log2 net factor less the baseline
    relative_low: np.ndarray
    relative_high: np.ndarray
    reason: list[str]


class Uncertainty(NamedTuple):
    """Intervals and tests of one fit.

    Attributes
    ----------
    factors
        Of the source components.
    transfers
        Interval of the share of each source component that goes to each target one, (K0, K1).
    shifts
        Lengths of the moves of the means of ``pairs``, in units of the points.
    pairs
        Source and target component of each shift, shape (P, 2).
    facts
        What was done: numbers, names and sentences.
    """

    factors: Factors
    transfers: Interval
    shifts: Shift
    pairs: np.ndarray
    facts: dict[str, Any]


def uncertainty(
    fit: CoupledFit,
    points: tuple[np.ndarray, np.ndarray],
    donors: tuple[np.ndarray | None, np.ndarray | None],
    design: Design,
    *,
    n_bootstrap: int = 200,
    n_permutations: int = 1000,
    test: Test = "auto",
    baseline: str = "median",
    reference: int | None = None,
    totals: tuple[np.ndarray, np.ndarray] | None = None,
    level: float = LEVEL,
    n_jobs: int = 1,
    random_state: int = 0,
    tick: Callable[[], None] | None = None,
) -> Uncertainty:
    """Intervals and p-values of a fit.

    Parameters
    ----------
    fit
        The fit.
    points
        Its points, source (N0, D) and target (N1, D).
    donors
        Donor of every point of either side; None: not known.
    design
        From :func:`cgmm.donors.design.design`.
    n_bootstrap, n_permutations
        Draws of donors, and exchanges of conditions at most; 0: none.
    test
        Which p is the one to read; "auto": see the module.
    baseline
        "median", "reference" (then ``reference``) or "counts" (then ``totals``).
    reference
        Source component that is taken not to change.
    totals
        Number of all cells per donor (in a tissue, per volume), in the order of the units of
        either side.
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
    own = tuple(u[keep] for u, keep in zip(units, kept, strict=True))
    reading = Observations.of(fit, cells, own, design)
    intervals = n_bootstrap > 1 and (not design.replicated or min(design.n_units) >= MIN_DONORS)
    pairs = np.argwhere(share_of_source(fit.coupling) >= MIN_TRANSFER)
    found = Intervals.unknown(fit.coupling.shape, len(pairs))
    sentences = list(design.sentences)
    if intervals and max(int(np.max(np.bincount(unit))) for unit in own) > MAX_CELLS:
        sentences.append(f"Refits look at {MAX_CELLS:,} cells of every donor that has more.")
    if intervals:
        found = intervals_of(
            fit,
            cells,
            own,
            design,
            reading,
            pairs,
            n_draws=n_bootstrap,
            baseline=baseline_of(baseline, reference, totals, reading.usable),
            level=level,
            n_jobs=n_jobs,
            random_state=random_state,
            tick=tick,
        )
    nothing = np.full(len(reading.usable), np.nan)
    p = {"": nothing, "moderated_t": nothing, "permutation": nothing}
    facts: dict[str, Any] = {}
    if design.testable:
        p["moderated_t"] = _moderated(reading, design)
        p["permutation"], facts = _permuted(
            fit, cells, own, design, reading, n_permutations, n_jobs, random_state, tick
        )
    chosen, why = _choose(test, facts, int(reading.usable.sum()), design)
    facts = {
        "n_bootstrap": n_bootstrap if intervals else 0,
        "test": chosen,
        "test_reason": why,
        "level": level,
        "n_donors": list(design.n_units) if design.replicated else [0, 0],
        "paired": design.paired,
        "adjusted_for_batch": design.adjusted,
        "baseline": baseline,
        "baseline_log2": found.baseline,
        "source": "" if not intervals else "donors" if design.replicated else "cells",
        "sentences": sentences,
        **facts,
    }
    factors = _factors(reading, found, p, chosen, design)
    return Uncertainty(factors, found.transfers, found.shifts, pairs, facts)


def _factors(
    reading: Observations, found: Intervals, p: dict[str, np.ndarray], chosen: str, design: Design
) -> Factors:
    """Numbers of the source components, missing where a component cannot be read."""
    low, high, relative, relative_low, relative_high = (
        np.where(reading.usable, x, np.nan)
        for x in (*found.net, found.relative, *found.relative_interval)
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
        reading.reasons(design),
    )


def _moderated(reading: Observations, design: Design) -> np.ndarray:
    """Give the p-values of the moderated t-test, shape (K0,)."""
    found = moderated_t(
        reading.log_odds,
        design.matrix(),
        counting=reading.counting,
        between=reading.between_log_odds,
        n_between=reading.n_between,
    )
    return np.where(reading.usable, found.p, np.nan)


def _permuted(
    fit: CoupledFit,
    cells: tuple[np.ndarray, ...],
    units: tuple[np.ndarray, ...],
    design: Design,
    reading: Observations,
    n_permutations: int,
    n_jobs: int,
    random_state: int,
    tick: Callable[[], None] | None,
) -> tuple[np.ndarray, dict[str, Any]]:
    if n_permutations < 1:
        return np.full(len(reading.log2_net), np.nan), {"n_permutations": 0}
    ways = permutation.labellings(design, n_permutations, random_state)
    found = permutation.permutation_p(
        fit,
        permutation.align(fit, (cells[0], cells[1]), (units[0], units[1])),
        design,
        ways,
        between=reading.between_log_odds,
        n_jobs=n_jobs,
        tick=tick,
    )
    facts = {
        "n_permutations": len(ways.labels) - 1,
        "n_distinct": ways.n_distinct,
        "smallest_p": ways.smallest_p,
    }
    return np.where(reading.usable, found.p, np.nan), facts


def _choose(test: Test, facts: dict[str, Any], n_tests: int, design: Design) -> tuple[str, str]:
    """Which test to read, and why in words."""
    if not design.testable:
        return "", "no p-values: the donors are too few or not known"
    smallest = facts.get("smallest_p")
    if test != "auto":
        return test, "asked for"
    if smallest is None:
        return "moderated_t", "the only one made"
    if P_HEADROOM * smallest * n_tests <= ALPHA:
        return "permutation", (
            f"its smallest p, {smallest:.2g}, is small enough for a correction for {n_tests} "
            "subpopulations"
        )
    if facts["n_permutations"] < facts["n_distinct"] - 1:
        return "moderated_t", (
            f"{facts['n_permutations']} exchanges of the donors cannot give a p below "
            f"{smallest:.2g}, too large for {n_tests} subpopulations; raise n_permutations"
        )
    return "moderated_t", (
        f"there are only {facts['n_distinct']} ways to exchange the donors, so a permutation test "
        f"cannot give a p below {smallest:.2g}, too large for {n_tests} subpopulations"
    )
