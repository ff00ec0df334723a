r"""Intervals of factors, transfers and shifts by a bootstrap over donors.

From the n donors of a condition (or of a batch within it), n - 1 donors are drawn with replacement,
and their weights are multiplied by n / (n - 1).  The variance over draws is then the variance of a
mean of n donors.  The plain bootstrap gives (n - 1) / n of this variance, four fifths with five
donors.  In a paired design a donor is drawn together with both its conditions.  Both mixtures and
the coupling are refitted for each draw (:mod:`cgmm.donors.refit`).

Intervals are Student's: the estimate plus and minus t times the standard deviation over draws.
Intervals are computed on a scale on which the standard deviation hardly depends on the value: log2
for factors, the angle :math:`\arcsin \sqrt{p}` for transfers.  The degrees of freedom follow from
the number of donors.  The variance between partitions of the cells is added to the variance of a
factor over donors as in multiple imputation, because it is uncertain which cells belong to a
subpopulation.

Noise makes the distance between two estimated means longer than the distance between the true
means.  The squared length of a shift is therefore corrected to
:math:`|\Delta|^2 - \mathrm{tr}\, V`, where V is the covariance of :math:`\Delta` over draws.  Its
variance is :math:`4 \Delta^T V \Delta + 2\, \mathrm{tr}\, V^2`.

References: Rao & Wu 1988, JASA 83:231 (drawing n - 1 of n); Efron & Tibshirani 1993, chapters 12
and 13; Rubin 1987, Multiple Imputation, eq. 3.1.5; Anscombe 1948, Biometrika 35:246 (the angle).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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
    log2_net,
    share_of_source,
    share_of_target,
    shifted_origin,
)

MIN_SHARE = 1e-6


class Draws(NamedTuple):
    """Estimates of the refits, one row per draw.

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
    """Lower and upper end of an interval, NaN where there is no interval."""

    low: np.ndarray
    high: np.ndarray


class Shift(NamedTuple):
    """Lengths of displacements, corrected for noise, and their intervals, shapes (P,)."""

    length: np.ndarray
    low: np.ndarray
    high: np.ndarray


def draw_weights(
    design: Design, n_draws: int, random_state: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the weights of source and target donors in each draw.

    Parameters
    ----------
    design
        The design of the donors.
    n_draws
        Number of draws.
    random_state
        Seed.  Draw i does not depend on the number of draws.

    Returns
    -------
    For each draw, weights of shapes (n_source,) and (n_target,).
    """
    out = []
    for seed in np.random.SeedSequence(random_state).spawn(n_draws):
        rng = np.random.default_rng(seed)
        if design.paired:
            of_pairs = _drawn(np.zeros(design.n_units[0], int), rng)
            out.append((of_pairs, of_pairs))
            continue
        groups, sides = design.groups, design.sides
        source, target = (_drawn(groups[sides == side], rng) for side in (0, 1))
        out.append((source, target))
    return out


def _drawn(strata: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return weights of donors drawn within each stratum; one for a donor alone in a stratum."""
    weights = np.ones(len(strata))
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        n = len(members)
        if n > 1:
            weights[members] = np.bincount(rng.integers(n, size=n - 1), minlength=n) * n / (n - 1)
    return weights


def run_all(
    job: Callable[[tuple[np.ndarray, np.ndarray]], Refit],
    weights: Iterable[tuple[np.ndarray, np.ndarray]],
    *,
    n_jobs: int = 1,
    tick: Callable[[], None] | None = None,
) -> list[Refit]:
    """Return a refit for each pair of weights, in the order of the weights.

    Parameters
    ----------
    job
        Function that makes the refit for weights of source and target donors.
    weights
        The pairs of weights.
    n_jobs
        Threads; the result does not depend on it.
    tick
        Called after every refit.
    """

    def one(pair: tuple[np.ndarray, np.ndarray]) -> Refit:
        refit = job(pair)
        if tick is not None:
            tick()
        return refit

    if n_jobs == 1:
        return [one(pair) for pair in weights]
    with ThreadPoolExecutor(n_jobs) as pool:
        return list(pool.map(one, weights))


def draws(
    fit: CoupledFit, refits: list[Refit], weights: list[tuple[np.ndarray, np.ndarray]]
) -> Draws:
    """Return factors, transfers and means of every refit.

    Parameters
    ----------
    fit
        Fit from which the refits started.  Target cells are not assigned to source cells again:
        the origins ``R`` of the fit change by as much as the origins of the coupling change.
    refits
        Refits, one per draw.
    weights
        Weights of source and target donors in each draw.

    Returns
    -------
    Draws
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
    log2_net: Sequence[Sequence[float]], n_components: int, *, farthest: float = np.inf
) -> tuple[np.ndarray, int]:
    """Return the variance of the factors between partitions of the cells.

    Parameters
    ----------
    log2_net
        Log2 net factors of the K0 source components under each of m partitions.
    n_components
        K0.
    farthest
        Log2 factors are cut to the range from ``-farthest`` to ``farthest``.  A loss beyond
        the range in every partition then has no variance.

    Returns
    -------
    variance
        ``(1 + 1/m) B``, where B is the variance over partitions, shape (K0,); zero for a component
        with a factor that is not finite.
    n
        m.  Below two partitions, ``n`` and the variance are zero.
    """
    if len(log2_net) < 2:
        return np.zeros(n_components), 0
    values = np.asarray(log2_net, float)
    usable = np.isfinite(values).all(axis=0)
    values = np.clip(values, -farthest, farthest)
    spread = np.where(usable, values, 0.0).var(axis=0, ddof=1)
    return spread * (1 + 1 / len(values)), len(values)


def factor_interval(
    log2_net: np.ndarray,
    drawn: Draws,
    reference: np.ndarray,
    *,
    freedom: np.ndarray,
    between: np.ndarray,
    n_between: int,
    level: float = LEVEL,
) -> Interval:
    """Return the interval of the log2 net factors.

    Parameters
    ----------
    log2_net
        Estimates of the fit, shape (K0,).
    drawn
        The draws.
    reference
        Log2 net factors of the refit in which every donor has weight one, shape (K0,).
    freedom
        Degrees of freedom of the variance over donors, shape (K0,).
    between, n_between
        From :func:`between_partitions`.
    level
        Coverage.
    """
    with np.errstate(invalid="ignore"):  # a component that is gone has -inf in all draws
        off = drawn.log2_net - reference
    within = _variance(off)
    df = combined_freedom(within, between, freedom, n_between)
    half = scipy.stats.t.ppf(0.5 + level / 2, df) * np.sqrt(within + between)
    return Interval(log2_net - half, log2_net + half)


def transfer_interval(
    share: np.ndarray, drawn: Draws, *, freedom: float, level: float = LEVEL
) -> Interval:
    """Return the interval of the share of each source component that goes to each target one.

    Parameters
    ----------
    share
        Estimates of the fit, shape (K0, K1).
    drawn
        The draws.
    freedom
        Degrees of freedom of the donors.
    level
        Coverage.
    """
    angle = np.arcsin(np.sqrt(np.clip(share, 0, 1)))
    spread = np.sqrt(_variance(np.arcsin(np.sqrt(np.clip(drawn.share_of_source, 0, 1)))))
    half = scipy.stats.t.ppf(0.5 + level / 2, freedom) * spread
    low, high = (np.square(np.sin(np.clip(angle + sign * half, 0, np.pi / 2))) for sign in (-1, 1))
    return Interval(low, high)


def shift_interval(
    displacement: np.ndarray, drawn: np.ndarray, *, freedom: float, level: float = LEVEL
) -> Shift:
    """Return lengths of displacements between means, corrected for noise, with their interval.

    Parameters
    ----------
    displacement
        Displacements in the fit, shape (P, D).
    drawn
        Displacements in each draw, shape (n_draws, P, D).
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


def _variance(values: np.ndarray) -> np.ndarray:
    """Return the variance over the first axis, NaN where a value is not finite."""
    with np.errstate(invalid="ignore"):
        return values.var(axis=0, ddof=1)
