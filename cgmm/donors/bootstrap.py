r"""Intervals of factors, transfers and shifts by drawing donors anew.

Of the n donors of a side (or of a batch within it) n - 1 are drawn with replacement and their
weights scaled by n / (n - 1): the variance over draws is then that of a mean of n donors, without
the factor (n - 1) / n that the plain bootstrap is short of and that matters with five donors.  In a
paired design a donor is drawn with both its conditions.  Each draw refits both mixtures and the
coupling (:mod:`cgmm.donors.refit`).

Intervals are Student's: the estimate, plus and minus t times the standard deviation over draws on
a scale on which it does not depend on the value (log2 for factors, the angle for transfers), with
the degrees of freedom that so many donors have.  To the variance over donors, that between
partitions of the cells is added as in multiple imputation: which cells make up a subpopulation is
itself not certain.

A distance between two estimated means is longer than that between the true ones by what noise
adds.  The length of a shift is therefore corrected, :math:`|\Delta|^2 - \mathrm{tr}\, V`, with V
the covariance of :math:`\Delta` over draws, and the variance of its square is
:math:`4 \Delta^T V \Delta + 2\, \mathrm{tr}\, V^2`.

References: Rao & Wu 1988, JASA 83:231 (drawing n - 1 of n); Efron & Tibshirani 1993, chapters 12
and 13; Rubin 1987, Multiple Imputation, eq. 3.1.5; Anscombe 1948, Biometrika 35:246 (the angle).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import scipy.stats

from cgmm.coupled.result import CoupledFit
from cgmm.donors.design import Design
from cgmm.donors.moderated_t import combined_freedom
from cgmm.donors.refit import Refit
from cgmm.pair import SIDES
from cgmm.thresholds import LEVEL
from cgmm.transport.coupling import (
    divide,
    log2_net,
    share_of_source,
    share_of_target,
    shifted_origin,
)

MIN_SHARE = 1e-6


class Draws(NamedTuple):
    """What the refits say, one row per draw.

    Attributes
    ----------
    log2_net
        Shape (n_draws, K0).
    share_of_source
        Shape (n_draws, K0, K1).
    means_source, means_target
        In units of the points, shapes (n_draws, K, D).
    """

    log2_net: np.ndarray
    share_of_source: np.ndarray
    means_source: np.ndarray
    means_target: np.ndarray


class Interval(NamedTuple):
    """Lower and upper end, NaN where there is none."""

    low: np.ndarray
    high: np.ndarray


class Shift(NamedTuple):
    """Lengths of displacements, corrected for noise, with their intervals, shapes (P,)."""

    length: np.ndarray
    low: np.ndarray
    high: np.ndarray


def draw_weights(
    design: Design, n_draws: int, random_state: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights of the donors of both sides in each draw.

    Parameters
    ----------
    design
        Who is a replicate of whom.
    n_draws
        Number of draws.
    random_state
        Seed; draw i is the same whatever their number.

    Returns
    -------
    For each draw the weights of source and target donors.
    """
    out = []
    for seed in np.random.SeedSequence(random_state).spawn(n_draws):
        rng = np.random.default_rng(seed)
        if design.paired:
            own = _drawn(np.zeros(design.n_units[0], int), rng)
            out.append((own, own))
            continue
        groups = design.groups
        sides = np.array([u.side for u in design.units])
        source, target = (_drawn(groups[sides == side], rng) for side in (0, 1))
        out.append((source, target))
    return out


def _drawn(strata: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw within each stratum; a donor that is alone in its stratum is kept."""
    weights = np.ones(len(strata))
    for stratum in np.unique(strata):
        own = np.flatnonzero(strata == stratum)
        n = len(own)
        if n > 1:
            weights[own] = np.bincount(rng.integers(n, size=n - 1), minlength=n) * n / (n - 1)
    return weights


def run_all(
    job: Callable[[tuple[np.ndarray, np.ndarray]], Refit],
    weights: Iterable[tuple[np.ndarray, np.ndarray]],
    *,
    n_jobs: int = 1,
    tick: Callable[[], None] | None = None,
) -> list[Refit]:
    """Refit for each pair of weights, in their order whatever the number of threads."""

    def one(pair: tuple[np.ndarray, np.ndarray]) -> Refit:
        found = job(pair)
        if tick is not None:
            tick()
        return found

    if n_jobs == 1:
        return [one(pair) for pair in weights]
    with ThreadPoolExecutor(n_jobs) as pool:
        return list(pool.map(one, weights))


def draws(
    fit: CoupledFit, refits: list[Refit], weights: list[tuple[np.ndarray, np.ndarray]]
) -> Draws:
    """Read factors, transfers and displacements from refits.

    Parameters
    ----------
    fit
        Where the refits started.  Cells do not vote again: origins move by as much as those of the
        coupling do.
    refits
        One per draw.
    weights
        Those they were made with.
    """
    net, to = [], []
    before = share_of_target(fit.coupling, fit.shares_source)
    for refit, (w0, w1) in zip(refits, weights, strict=True):
        s, t = (
            np.maximum(w @ shares / w.sum(), MIN_SHARE)
            for w, shares in ((w0, refit.shares_source), (w1, refit.shares_target))
        )
        after = share_of_target(refit.coupling, s)
        net.append(log2_net(shifted_origin(fit.origin, before, after), s, t))
        to.append(share_of_source(refit.coupling))
    means = (np.stack([getattr(r, f"means_{side}") for r in refits]) for side in SIDES)
    return Draws(np.stack(net), np.stack(to), *means)


def between_partitions(
    log2_net: np.ndarray, rows: list[dict], *, farthest: float = np.inf
) -> tuple[np.ndarray, int]:
    """How far other partitions of the cells disagree on the factors.

    Parameters
    ----------
    log2_net
        Of the fit, shape (K0,).
    rows
        The ``sensitivity`` of the fit.
    farthest
        Factors beyond this many log2 units count as that many: partitions that agree on a loss do
        not disagree on whether there is one, however far below zero they put it.

    Returns
    -------
    Variance (1 + 1/m) B, shape (K0,), and the number m of partitions; zero and zero without any.
    """
    found = [r["log2_net"] for r in rows if r["parameter"] == "partition"]
    if len(found) < 2:
        return np.zeros(len(log2_net)), 0
    values = np.asarray(found, float)
    usable = np.isfinite(values).all(axis=0)
    values = np.clip(values, -farthest, farthest)
    spread = np.where(usable, values, 0.0).var(axis=0, ddof=1)
    return spread * (1 + 1 / len(values)), len(values)


def factor_interval(
    log2_net: np.ndarray,
    found: Draws,
    reference: np.ndarray,
    *,
    freedom: np.ndarray,
    between: np.ndarray,
    n_between: int,
    level: float = LEVEL,
) -> Interval:
    """Interval of the log2 net factors.

    Parameters
    ----------
    log2_net
        Of the fit, shape (K0,).
    found
        The draws.
    reference
        Log2 net factors of the refit in which every donor has weight one, shape (K0,).
    freedom
        Degrees of freedom of the donors, shape (K0,).
    between, n_between
        From :func:`between_partitions`.
    level
        Coverage.
    """
    with np.errstate(invalid="ignore"):  # a component that is gone has -inf in all of them
        off = found.log2_net - reference
    within = _variance(off)
    df = combined_freedom(within, between, freedom, n_between)
    half = scipy.stats.t.ppf(0.5 + level / 2, df) * np.sqrt(within + between)
    return Interval(log2_net - half, log2_net + half)


def transfer_interval(
    share: np.ndarray, found: Draws, *, freedom: float, level: float = LEVEL
) -> Interval:
    """Interval of where the mass of each source component goes.

    Parameters
    ----------
    share
        Of the fit, shape (K0, K1).
    found
        The draws.
    freedom
        Degrees of freedom of the donors.
    level
        Coverage.
    """
    angle = np.arcsin(np.sqrt(np.clip(share, 0, 1)))
    spread = np.sqrt(_variance(np.arcsin(np.sqrt(np.clip(found.share_of_source, 0, 1)))))
    half = scipy.stats.t.ppf(0.5 + level / 2, freedom) * spread
    low, high = (np.square(np.sin(np.clip(angle + sign * half, 0, np.pi / 2))) for sign in (-1, 1))
    return Interval(low, high)


def shift_interval(
    displacement: np.ndarray, drawn: np.ndarray, *, freedom: float, level: float = LEVEL
) -> Shift:
    """Lengths of displacements between means, corrected for noise.

    Parameters
    ----------
    displacement
        Of the fit, shape (P, D).
    drawn
        The same in each draw, shape (n_draws, P, D).
    freedom
        Degrees of freedom of the donors.
    level
        Coverage.
    """
    off = drawn - drawn.mean(axis=0)
    covariance = np.einsum("bki,bkj->kij", off, off) / max(len(off) - 1, 1)
    noise = np.trace(covariance, axis1=1, axis2=2)
    square = np.square(displacement).sum(axis=1) - noise
    along = np.einsum("ki,kij,kj->k", displacement, covariance, displacement)
    spread = np.sqrt(4 * along + 2 * np.square(covariance).sum(axis=(1, 2)))
    half = scipy.stats.t.ppf(0.5 + level / 2, freedom) * spread
    length, low, high = (
        np.sqrt(np.maximum(x, 0.0)) for x in (square, square - half, square + half)
    )
    return Shift(length, low, high)


def welch_freedom(y0: np.ndarray, y1: np.ndarray) -> np.ndarray:
    """Degrees of freedom of a difference of means, shapes (n0, K) and (n1, K) to (K,)."""
    v0, v1 = y0.var(axis=0, ddof=1) / len(y0), y1.var(axis=0, ddof=1) / len(y1)
    df = divide(np.square(v0 + v1), v0**2 / (len(y0) - 1) + v1**2 / (len(y1) - 1))
    return np.where(df > 0, df, len(y0) + len(y1) - 2.0)


def _variance(values: np.ndarray) -> np.ndarray:
    """Variance over the first axis, NaN where a value is not finite."""
    with np.errstate(invalid="ignore"):
        return values.var(axis=0, ddof=1)
