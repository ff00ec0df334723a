r"""p-values of the net factors by exchanging the conditions of donors.

If a subpopulation is equally common in both conditions, its shares do not depend on the condition
of a donor.  This is also true when the state of the subpopulation moved, after the movement is
removed.  The target cells are therefore moved back to the source by the fitted maps (the
barycentric map of :mod:`cgmm.transport.barycentric_map`, from target to source), and both
conditions form one cloud.  Conditions are exchanged between donors: within a donor when the design
is paired, within a batch when batches are known.  For every exchange both mixtures and the coupling
are refitted from the source mixture (:mod:`cgmm.donors.refit`).  The statistic is the moderated t
of :mod:`cgmm.donors.moderated_t`.  The statistic of the observed labels is computed by the same
procedure.  Components that are new have no counterpart in the source.  These components are not
moved, so their cells do not count for other components, and they have no p-value.

.. math:: p_k = \#\{b : |t_k^{(b)}| \ge |t_k|\} / n, \qquad
          \text{observed labels among the } n \text{ counted.}

Exchanges do not contain the variance between partitions of the cells.  :func:`widened` adds this
variance afterwards, which raises p.  Where there are few distinct exchanges, all of them are made;
an exchange and its mirror image, where there is one, count as one.  The smallest attainable p is
one over the number of assignments, the observed one included.

References: Phipson & Smyth 2010, Stat Appl Genet Mol Biol 9:39 (never zero); Tusher et al. 2001,
PNAS 98:5116 (moderated statistics under permutation); Pesarin & Salmaso 2010, Permutation Tests
for Complex Data (exchange within blocks).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.stats

from cgmm.coupled.result import CoupledFit
from cgmm.donors.design import Design
from cgmm.donors.moderated_t import counting_variance, log_odds, moderated_t
from cgmm.donors.refit import Refit, Refitter
from cgmm.donors.running import run_all
from cgmm.mixture.gaussian_mixture import GaussianMixture
from cgmm.transport.barycentric_map import BarycentricMap
from cgmm.transport.coupling import is_gone, share_of_target


class Labellings(NamedTuple):
    """Assignments of the conditions to the units; the observed one comes first.

    Attributes
    ----------
    labels
        Shape (n, n_units), 0 or 1.
    n_distinct
        Number of distinct assignments; an assignment and its mirror image count once.
    complete
        Whether ``labels`` holds all distinct assignments.
    """

    labels: np.ndarray
    n_distinct: int
    complete: bool

    @property
    def smallest_p(self) -> float:
        """Smallest p that the test can give."""
        return 1 / len(self.labels)


def labellings(design: Design, n_most: int, random_state: int) -> Labellings:
    """Return all assignments when there are few, otherwise assignments drawn at random.

    Parameters
    ----------
    design
        The design of the donors; conditions are exchanged within a block of the design.
    n_most
        Largest number of assignments besides the observed one.
    random_state
        Seed of the draws.
    """
    observed = design.sides
    groups = design.groups
    parts = [np.flatnonzero(groups == g) for g in np.unique(groups)]
    n_ways = math.prod(math.comb(len(p), int(observed[p].sum())) for p in parts)
    mirrored = all(2 * int(observed[p].sum()) == len(p) for p in parts)
    n_distinct = n_ways // 2 if mirrored else n_ways
    if n_distinct - 1 <= n_most:
        every = _all_assignments(observed, parts)
        seen: dict[bytes, np.ndarray] = {_key(observed, mirrored=mirrored): observed}
        for labels in every:
            seen.setdefault(_key(labels, mirrored=mirrored), labels)
        return Labellings(np.stack(list(seen.values())), n_distinct, True)
    rng = np.random.default_rng(random_state)
    drawn = np.tile(observed, (n_most + 1, 1))
    for row in drawn[1:]:
        for p in parts:
            row[p] = rng.permutation(row[p])
    return Labellings(drawn, n_distinct, False)


def _all_assignments(observed: np.ndarray, parts: list[np.ndarray]) -> list[np.ndarray]:
    """Return all assignments of labels within the parts, mirror images included."""
    choices = [list(itertools.combinations(p, int(observed[p].sum()))) for p in parts]
    out = []
    for combination in itertools.product(*choices):
        labels = np.zeros(len(observed), int)
        labels[[i for chosen in combination for i in chosen]] = 1
        out.append(labels)
    return out


def _key(labels: np.ndarray, *, mirrored: bool) -> bytes:
    """Return a key of an assignment; with ``mirrored``, its mirror image has the same key."""
    if mirrored and labels[0]:
        labels = 1 - labels
    return np.asarray(labels, np.int8).tobytes()


class Aligned(NamedTuple):
    """Both conditions as one cloud in the state of the source.

    Attributes
    ----------
    points
        Source cells, then target cells carried back, shape (N0 + N1, D).
    units
        Unit of every cell, in the order of ``design.units``, shape (N0 + N1,).
    """

    points: np.ndarray
    units: np.ndarray


def align(
    fit: CoupledFit,
    points: tuple[np.ndarray, np.ndarray],
    units: tuple[np.ndarray, np.ndarray],
) -> Aligned:
    """Return both conditions as one cloud: target cells are moved back to the source.

    Target cells of new components are not moved.

    Parameters
    ----------
    fit
        The fit.
    points, units
        Points (N, D) of source and target, and their units as whole numbers from 0.
    """
    source, target = fit.prevalence_source, fit.prevalence_target
    back = share_of_target(fit.coupling, fit.shares_source)
    map_ = BarycentricMap.of(target, source, back.T)
    moved = points[1] + map_.displacement(points[1], target.responsibilities(points[1]))
    moved = np.where(np.isnan(moved), points[1], moved)
    n0 = int(units[0].max()) + 1
    return Aligned(np.concatenate([points[0], moved]), np.concatenate([units[0], units[1] + n0]))


class Permuted(NamedTuple):
    """p-values of the permutation test.

    Attributes
    ----------
    p
        Shape (K0,), NaN where the statistic is not finite.
    t
        Statistic of the observed labels, shape (K0,).
    """

    p: np.ndarray
    t: np.ndarray


def permutation_p(
    fit: CoupledFit,
    aligned: Aligned,
    design: Design,
    ways: Labellings,
    *,
    between: np.ndarray | None = None,
    n_jobs: int = 1,
    tick: Callable[[], None] | None = None,
) -> Permuted:
    """Return the p-values of the net factors.

    Parameters
    ----------
    fit
        The fit.
    aligned
        From :func:`align`.
    design
        The design of the donors.
    ways
        From :func:`labellings`.
    between
        Variance of the log-odds that does not come from donors, shape (K0,).
    n_jobs
        Threads.
    tick
        Called after every refit.

    Returns
    -------
    Permuted
    """
    start, n_source = _start(fit), len(fit.shares_source)
    both = (aligned.points, aligned.points)
    refitter = Refitter(fit, both, (aligned.units, aligned.units), start=(start, start))
    n_cells = np.array([u.n_cells for u in design.units])
    weights = [(1.0 - labels, labels.astype(float)) for labels in ways.labels]
    refits = run_all(lambda pair: refitter(pair, n_steps=1), weights, n_jobs=n_jobs, tick=tick)
    tests = []
    for refit, labels in zip(refits, ways.labels, strict=True):
        shares = _shares(refit, labels)[:, :n_source]
        test = moderated_t(
            log_odds(shares, n_cells),
            design.matrix(labels),
            counting=counting_variance(shares, n_cells),
        )
        tests.append(test)
    t = np.stack([test.t for test in tests])
    # rounding must not separate equivalent assignments
    reached = np.abs(t) >= np.abs(t[0]) * (1 - 1e-9)
    p = np.where(np.isfinite(t[0]), reached.sum(axis=0) / len(t), np.nan)
    if between is not None:
        p = widened(p, tests[0].coefficient, between)
    return Permuted(p, t[0])


def widened(p: np.ndarray, coefficient: np.ndarray, between: np.ndarray) -> np.ndarray:
    """Return p-values after adding a variance that exchanges of donors do not contain.

    The coefficient divided by the normal quantile of p is the standard error that p implies.  The
    variance is added to the square of this standard error.

    Parameters
    ----------
    p
        Two-sided, shape (K0,).
    coefficient
        Coefficient that was tested, shape (K0,).
    between
        Variance of the coefficient, shape (K0,).
    """
    z = np.maximum(scipy.stats.norm.isf(np.minimum(p, 1 - 1e-12) / 2), 1e-12)
    error = np.sqrt(np.square(coefficient / z) + between)
    return 2 * scipy.stats.norm.sf(np.abs(coefficient) / np.maximum(error, 1e-300))


def _start(fit: CoupledFit) -> GaussianMixture:
    """Return the source components, followed by the new target components, unchanged."""
    source, target = fit.prevalence_source, fit.prevalence_target
    new = is_gone(fit.coupling.T)
    if not new.any():
        return source
    weights = np.concatenate([source.weights, target.weights[new]])
    return GaussianMixture(
        weights / weights.sum(),
        np.concatenate([source.means, target.means[new]]),
        np.concatenate([source.covariances, target.covariances[new]]),
    )


def _shares(refit: Refit, labels: np.ndarray) -> np.ndarray:
    """Return the shares of the components of :func:`_start` in the units, (n_units, K)."""
    source = labels == 0
    s = refit.shares_source[source].mean(axis=0)
    carried = refit.shares_target @ share_of_target(refit.coupling, s).T
    return np.where(source[:, None], refit.shares_source, carried)
