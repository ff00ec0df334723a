"""Intervals of the factors, transfers and shifts of a fit, and the baseline of relative factors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

from cgmm.coupled.result import CoupledFit
from cgmm.donors.bootstrap import (
    Interval,
    Shift,
    draw_weights,
    draws,
    factor_interval,
    run_all,
    shift_interval,
    transfer_interval,
)
from cgmm.donors.design import Design
from cgmm.donors.observations import Observations
from cgmm.donors.refit import STEPS, Refitter
from cgmm.donors.t_interval import welch_freedom
from cgmm.transport.coupling import share_of_source


class Intervals(NamedTuple):
    """Intervals from draws of donors.

    Attributes
    ----------
    baseline
        Log2 net factor of the baseline in the fit.
    net
        Interval of the log2 net factors, shapes (K0,).
    relative, relative_interval
        Log2 net factors less the baseline, and their interval, shapes (K0,).
    transfers
        Interval of the share of each source component that goes to each target one, (K0, K1).
    shifts
        Lengths of the moves of the chosen pairs of components, with their intervals, shapes (P,).
    """

    baseline: float
    net: Interval
    relative: np.ndarray
    relative_interval: Interval
    transfers: Interval
    shifts: Shift

    @classmethod
    def missing(cls, shape: tuple[int, ...], n_pairs: int) -> Intervals:
        """Return intervals of NaN for a coupling of shape (K0, K1) and ``n_pairs`` shifts."""
        per_source, per_pair = np.full(shape[0], np.nan), np.full(shape, np.nan)
        return cls(
            np.nan,
            Interval(per_source, per_source),
            per_source,
            Interval(per_source, per_source),
            Interval(per_pair, per_pair),
            Shift(*np.full((3, n_pairs), np.nan)),
        )


class Baseline(NamedTuple):
    """Baseline of relative factors.

    Attributes
    ----------
    kind
        "median": the median source component.  "subpopulation": one source component, which is
        assumed not to change.  "counts": the number of all cells, with which factors are absolute.
    component
        Number of the source component, for the kind "subpopulation".
    """

    kind: Literal["median", "subpopulation", "counts"]
    component: int | None = None

    def log2_factor(
        self, usable: np.ndarray, totals: tuple[np.ndarray, np.ndarray] | None
    ) -> LogFactor:
        """Return a function that computes the log2 net factor of the baseline.

        Parameters
        ----------
        usable
            Source components with enough cells, boolean, shape (K0,); only these enter the median.
        totals
            Number of all cells of every unit of source and target, for the kind "counts".

        Returns
        -------
        Function of the log2 net factors (K0,) and the weights of the units of source and target.
        """

        def of_median(net: np.ndarray, _: tuple[np.ndarray, np.ndarray]) -> float:
            values = net[usable & np.isfinite(net)]
            return float(np.median(values)) if len(values) else np.nan

        def of_subpopulation(net: np.ndarray, _: tuple[np.ndarray, np.ndarray]) -> float:
            return float(net[self.component])

        def of_counts(_: np.ndarray, weights: tuple[np.ndarray, np.ndarray]) -> float:
            source, target = (
                (w * n).sum() / w.sum() for w, n in zip(weights, totals or (), strict=True)
            )
            return float(np.log2(source / target))

        functions: dict[str, LogFactor] = {
            "median": of_median,
            "subpopulation": of_subpopulation,
            "counts": of_counts,
        }
        return functions[self.kind]


LogFactor = Callable[[np.ndarray, tuple[np.ndarray, np.ndarray]], float]
MEDIAN = Baseline("median")
COUNTS = Baseline("counts")


def intervals_of(
    fit: CoupledFit,
    cells: tuple[np.ndarray, ...],
    units: tuple[np.ndarray, ...],
    design: Design,
    observed: Observations,
    pairs: np.ndarray,
    *,
    n_draws: int,
    baseline: LogFactor,
    level: float,
    n_jobs: int,
    random_state: int,
    tick: Callable[[], None] | None,
) -> Intervals:
    """Return intervals from refits under weights of drawn donors (:mod:`cgmm.donors.bootstrap`).

    Parameters
    ----------
    fit
        The fit.
    cells, units
        Points (N, D) of source and target, and their units as whole numbers from 0.
    design
        The design of the donors.
    observed
        Shares of the units.
    pairs
        Source and target component of each shift, shape (P, 2).
    n_draws
        Number of draws.
    baseline
        From :meth:`Baseline.log2_factor`.
    level
        Coverage.
    n_jobs
        Threads.
    random_state
        Seed of the draws.
    tick
        Called after every refit.

    Returns
    -------
    Intervals
    """
    refitter = Refitter(fit, (cells[0], cells[1]), (units[0], units[1]))
    n0, n1 = design.n_units
    equal = (np.ones(n0), np.ones(n1))
    weights = [equal, *draw_weights(design, n_draws, random_state)]
    refits = run_all(lambda pair: refitter(pair, n_steps=STEPS), weights, n_jobs=n_jobs, tick=tick)
    centre = draws(fit, refits[:1], weights[:1])
    drawn = draws(fit, refits[1:], weights[1:])
    lowest = float(n0 - 1 if design.paired else n0 + n1 - 2)
    if design.paired:
        freedom = np.full(len(observed.log2_net), lowest)
    else:
        freedom = welch_freedom(observed.log_odds[:n0], observed.log_odds[n0:])
    options: dict[str, Any] = {"freedom": freedom, "n_between": observed.n_between, "level": level}
    net = factor_interval(
        observed.log2_net, drawn, centre.log2_net[0], between=observed.between, **options
    )
    of_baseline = baseline(observed.log2_net, equal)
    drift = np.array(
        [baseline(n, w) for n, w in zip(drawn.log2_net, weights[1:], strict=True)]
    ) - baseline(centre.log2_net[0], equal)
    relative = observed.log2_net - of_baseline
    relative_interval = factor_interval(
        relative,
        drawn._replace(log2_net=drawn.log2_net - drift[:, None]),
        centre.log2_net[0],
        between=observed.between,
        **options,
    )
    k, j = pairs.T
    shifts = shift_interval(
        np.asarray(fit.target.means)[j] - np.asarray(fit.source.means)[k],
        drawn.means_target[:, j] - drawn.means_source[:, k],
        freedom=lowest,
        level=level,
    )
    transfers = transfer_interval(share_of_source(fit.coupling), drawn, freedom=lowest, level=level)
    return Intervals(of_baseline, net, relative, relative_interval, transfers, shifts)
