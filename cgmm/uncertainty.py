"""How sure the factors, transfers and shifts of a fit are, with the donor as the unit.

Puts together the design (:mod:`cgmm.design`), intervals from drawing donors anew
(:mod:`cgmm.bootstrap`), and p-values from exchanging conditions between donors
(:mod:`cgmm.permutation`) or from a moderated t-test (:mod:`cgmm.moderated`).  Which of the two
tests is the one to read depends on the design alone: exchanging donors is exact but cannot give a
small p when there are few ways to exchange them.  The permutation test is taken when a p of three
times the smallest would survive a correction for all subpopulations, so that not only the most
extreme of all exchanges can be a finding, and the moderated t-test otherwise.

Shares add up to one, so factors are relative: when one subpopulation grows all others shrink.
Besides the change of the share there is the change against a baseline: the median subpopulation,
a named one, or none when the number of all cells is known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

from . import bootstrap, permutation
from .coupled import CoupledFit
from .design import Design, unit_of_cells
from .donors import (
    MIN_DONORS,
    DonorShares,
    benjamini_hochberg,
    donor_shares,
    lost,
    share_of_source,
    too_few_cells,
)
from .moderated import counting_variance, log_odds, moderated_t
from .refit import MOST_CELLS, STEPS, Refitter

Test = Literal["auto", "permutation", "moderated_t"]
ALPHA = 0.05
ROOM = 3
LEAST_TRANSFER = 0.01
FARTHEST = 4.0


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
    transfers: bootstrap.Interval
    shifts: bootstrap.Shift
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
    level: float = bootstrap.LEVEL,
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
        From :func:`cgmm.design.design`.
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
    reading = _Reading.of(fit, cells, own, design)
    intervals = n_bootstrap > 1 and (not design.replicated or min(design.n_units) >= MIN_DONORS)
    pairs = np.argwhere(share_of_source(fit.coupling) >= LEAST_TRANSFER)
    found = _Intervals.unknown(fit.coupling.shape, len(pairs))
    sentences = list(design.sentences)
    if intervals and max(int(np.max(np.bincount(unit))) for unit in own) > MOST_CELLS:
        sentences.append(f"Refits look at {MOST_CELLS:,} cells of every donor that has more.")
    if intervals:
        found = _intervals(
            fit,
            cells,
            own,
            design,
            reading,
            pairs,
            n_draws=n_bootstrap,
            baseline=_baseline(baseline, reference, totals, reading.usable),
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
    reading: _Reading, found: _Intervals, p: dict[str, np.ndarray], chosen: str, design: Design
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


class _Reading(NamedTuple):
    """Shares of the units as the fit has them."""

    log2_net: np.ndarray
    source: DonorShares
    carried: DonorShares
    log_odds: np.ndarray
    counting: np.ndarray
    between: np.ndarray
    between_log_odds: np.ndarray
    n_between: int
    usable: np.ndarray
    why_not: list[str]

    @classmethod
    def of(
        cls,
        fit: CoupledFit,
        cells: tuple[np.ndarray, ...],
        units: tuple[np.ndarray, ...],
        design: Design,
    ) -> _Reading:
        mixtures = (fit.prevalence_source, fit.prevalence_target)
        names = [np.array([f"{u:06d}" for u in unit]) for unit in units]
        shares = [
            donor_shares(m.responsibilities(x), name)
            for m, x, name in zip(mixtures, cells, names, strict=True)
        ]
        carried = shares[1]._replace(shares=shares[1].shares @ fit.origin.T)
        net = fit.log2_net
        between, n_between = bootstrap.between_partitions(net, fit.sensitivity)
        for_tests, _ = bootstrap.between_partitions(net, fit.sensitivity, farthest=FARTHEST)
        both = (shares[0], carried)
        y = np.concatenate([log_odds(s.shares, s.n_cells) for s in both])
        sizes = np.concatenate([s.n_cells for s in both])
        mean = np.concatenate([shares[0].shares, carried.shares]).mean(axis=0)
        to_log_odds = np.square(np.log(2) / np.clip(1 - mean, 0.05, 1.0))
        gone = lost(fit.coupling)
        why_not = [
            too_few_cells(
                shares[0].shares[:, k],
                shares[0].n_cells,
                shares[0].shares[:, k] if gone[k] else carried.shares[:, k],
                shares[0].n_cells if gone[k] else carried.n_cells,
            )
            if design.replicated
            else ""
            for k in range(len(net))
        ]
        return cls(
            net,
            shares[0],
            carried,
            y,
            counting_variance(np.concatenate([s.shares for s in both]), sizes),
            between,
            for_tests * to_log_odds,
            n_between,
            np.array([not w for w in why_not]),
            why_not,
        )

    def reasons(self, design: Design) -> list[str]:
        """Why numbers are missing, per component."""
        general = ""
        if design.replicated and min(design.n_units) < MIN_DONORS:
            general = next(s for s in reversed(design.sentences) if s.startswith("Only "))
        elif not design.replicated:
            general = "No donors: the interval is that of drawing cells, and there is no p-value."
        return [general or why for why in self.why_not]


class _Intervals(NamedTuple):
    """Intervals from the draws, and the log2 factor of the baseline in the fit."""

    baseline: float
    net: bootstrap.Interval
    relative: np.ndarray
    relative_interval: bootstrap.Interval
    transfers: bootstrap.Interval
    shifts: bootstrap.Shift

    @classmethod
    def unknown(cls, shape: tuple[int, ...], n_pairs: int) -> _Intervals:
        """Give missing numbers for a coupling of a shape (K0, K1)."""
        one, both = np.full(shape[0], np.nan), np.full(shape, np.nan)
        return cls(
            np.nan,
            bootstrap.Interval(one, one),
            one,
            bootstrap.Interval(one, one),
            bootstrap.Interval(both, both),
            bootstrap.Shift(*np.full((3, n_pairs), np.nan)),
        )


Baseline = Callable[[np.ndarray, tuple[np.ndarray, np.ndarray]], float]


def _baseline(
    kind: str,
    reference: int | None,
    totals: tuple[np.ndarray, np.ndarray] | None,
    usable: np.ndarray,
) -> Baseline:
    """Log2 factor of the baseline, from log2 net factors and weights of the donors."""

    def of_median(net: np.ndarray, _: tuple[np.ndarray, np.ndarray]) -> float:
        values = net[usable & np.isfinite(net)]
        return float(np.median(values)) if len(values) else np.nan

    def of_reference(net: np.ndarray, _: tuple[np.ndarray, np.ndarray]) -> float:
        return float(net[reference])

    def of_counts(_: np.ndarray, weights: tuple[np.ndarray, np.ndarray]) -> float:
        source, target = (
            (w * n).sum() / w.sum() for w, n in zip(weights, totals or (), strict=True)
        )
        return float(np.log2(source / target))

    return {"median": of_median, "reference": of_reference, "counts": of_counts}[kind]


def _intervals(
    fit: CoupledFit,
    cells: tuple[np.ndarray, ...],
    units: tuple[np.ndarray, ...],
    design: Design,
    reading: _Reading,
    pairs: np.ndarray,
    *,
    n_draws: int,
    baseline: Baseline,
    level: float,
    n_jobs: int,
    random_state: int,
    tick: Callable[[], None] | None,
) -> _Intervals:
    refitter = Refitter(fit, (cells[0], cells[1]), (units[0], units[1]))
    n0, n1 = design.n_units
    equal = (np.ones(n0), np.ones(n1))
    weights = [equal, *bootstrap.draw_weights(design, n_draws, random_state)]
    refits = bootstrap.run_all(
        lambda pair: refitter(pair, n_steps=STEPS), weights, n_jobs=n_jobs, tick=tick
    )
    centre = bootstrap.draws(fit, refits[:1], weights[:1])
    found = bootstrap.draws(fit, refits[1:], weights[1:])
    lowest = float(n0 - 1 if design.paired else n0 + n1 - 2)
    if design.paired:
        freedom = np.full(len(reading.log2_net), lowest)
    else:
        freedom = bootstrap.welch_freedom(reading.log_odds[:n0], reading.log_odds[n0:])
    options: dict[str, Any] = {"freedom": freedom, "n_between": reading.n_between, "level": level}
    net = bootstrap.factor_interval(
        reading.log2_net, found, centre.log2_net[0], between=reading.between, **options
    )
    ground = baseline(reading.log2_net, equal)
    drift = np.array(
        [baseline(n, w) for n, w in zip(found.log2_net, weights[1:], strict=True)]
    ) - baseline(centre.log2_net[0], equal)
    against = found._replace(log2_net=found.log2_net - drift[:, None])
    relative = reading.log2_net - ground
    relative_interval = bootstrap.factor_interval(
        relative, against, centre.log2_net[0], between=reading.between, **options
    )
    k, j = pairs.T
    shifts = bootstrap.shift_interval(
        np.asarray(fit.target.means)[j] - np.asarray(fit.source.means)[k],
        found.means_target[:, j] - found.means_source[:, k],
        freedom=lowest,
        level=level,
    )
    transfers = bootstrap.transfer_interval(
        share_of_source(fit.coupling), found, freedom=lowest, level=level
    )
    return _Intervals(ground, net, relative, relative_interval, transfers, shifts)


def _moderated(reading: _Reading, design: Design) -> np.ndarray:
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
    reading: _Reading,
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
    if ROOM * smallest * n_tests <= ALPHA:
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
