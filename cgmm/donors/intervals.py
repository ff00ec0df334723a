"""Intervals and baseline of the factors, transfers and shifts of a fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

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
    welch_freedom,
)
from cgmm.donors.design import Design
from cgmm.donors.observations import Observations
from cgmm.donors.refit import STEPS, Refitter
from cgmm.transport.coupling import share_of_source


class Intervals(NamedTuple):
    """Intervals from the draws, and the log2 factor of the baseline in the fit."""

    baseline: float
    net: Interval
    relative: np.ndarray
    relative_interval: Interval
    transfers: Interval
    shifts: Shift

    @classmethod
    def unknown(cls, shape: tuple[int, ...], n_pairs: int) -> Intervals:
        """Give missing numbers for a coupling of a shape (K0, K1)."""
        one, both = np.full(shape[0], np.nan), np.full(shape, np.nan)
        return cls(
            np.nan,
            Interval(one, one),
            one,
            Interval(one, one),
            Interval(both, both),
            Shift(*np.full((3, n_pairs), np.nan)),
        )


Baseline = Callable[[np.ndarray, tuple[np.ndarray, np.ndarray]], float]


def baseline_of(
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


def intervals_of(
    fit: CoupledFit,
    cells: tuple[np.ndarray, ...],
    units: tuple[np.ndarray, ...],
    design: Design,
    reading: Observations,
    pairs: np.ndarray,
    *,
    n_draws: int,
    baseline: Baseline,
    level: float,
    n_jobs: int,
    random_state: int,
    tick: Callable[[], None] | None,
) -> Intervals:
    """Draw donors anew, refit, and read factors, transfers and shifts of every draw."""
    refitter = Refitter(fit, (cells[0], cells[1]), (units[0], units[1]))
    n0, n1 = design.n_units
    equal = (np.ones(n0), np.ones(n1))
    weights = [equal, *draw_weights(design, n_draws, random_state)]
    refits = run_all(lambda pair: refitter(pair, n_steps=STEPS), weights, n_jobs=n_jobs, tick=tick)
    centre = draws(fit, refits[:1], weights[:1])
    found = draws(fit, refits[1:], weights[1:])
    lowest = float(n0 - 1 if design.paired else n0 + n1 - 2)
    if design.paired:
        freedom = np.full(len(reading.log2_net), lowest)
    else:
        freedom = welch_freedom(reading.log_odds[:n0], reading.log_odds[n0:])
    options: dict[str, Any] = {"freedom": freedom, "n_between": reading.n_between, "level": level}
    net = factor_interval(
        reading.log2_net, found, centre.log2_net[0], between=reading.between, **options
    )
    ground = baseline(reading.log2_net, equal)
    drift = np.array(
        [baseline(n, w) for n, w in zip(found.log2_net, weights[1:], strict=True)]
    ) - baseline(centre.log2_net[0], equal)
    against = found._replace(log2_net=found.log2_net - drift[:, None])
    relative = reading.log2_net - ground
    relative_interval = factor_interval(
        relative, against, centre.log2_net[0], between=reading.between, **options
    )
    k, j = pairs.T
    shifts = shift_interval(
        np.asarray(fit.target.means)[j] - np.asarray(fit.source.means)[k],
        found.means_target[:, j] - found.means_source[:, k],
        freedom=lowest,
        level=level,
    )
    transfers = transfer_interval(share_of_source(fit.coupling), found, freedom=lowest, level=level)
    return Intervals(ground, net, relative, relative_interval, transfers, shifts)
