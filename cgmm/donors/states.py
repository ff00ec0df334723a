r"""Shares of states within their population: change, interval and test over donors.

A state is a source component; where one ends and the next begins is a choice of the fit.  Its share
of the population can nevertheless be compared when the same borders cut the cells of both
conditions.  Two things can make borders differ, and each is met:

* Each condition has a mixture of its own.  Here the source mixture cuts both: a cell of population
  P, of either condition, has the state of P with the largest :math:`\pi_k N(x; m_k, S_k)`.
* The population may have moved over the borders. Cells are first carried back by the *common move*
  of their condition, the translation of the states under which they are most likely, whatever the
  shares of the states (:mod:`cgmm.donors.alignment`).

The log-odds of each state among the donor's cells of the population then follow the linear model of
the donors, with variances moderated over all states as in :mod:`cgmm.donors.moderated_t`.

An error of the common move is the same for every donor of a condition.  Its variance,
:math:`g_k^T C g_k` with the covariance C of the move over cells and the slope :math:`g_k` of the
log-odds, is added to the variance of the change (:mod:`cgmm.donors.alignment`).

States that moved in different ways cannot be counted like this: no single move carries all of them
back.  No state of the population is tested where the mean cell of a state still differs between the
conditions by half a standard deviation or more (p below .05) after the common move is taken out,
or after the mean of the moves that the fit found for its states is taken out.

``docs/calibration.md`` compares this with other ways to give target cells a state
(``benchmarks/states.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.stats
from scipy.special import expit

from cgmm.donors.alignment import MAX_POINTS, slopes, translation
from cgmm.donors.design import Design
from cgmm.donors.duplicate_correlation import random_effect
from cgmm.donors.false_discovery import benjamini_hochberg
from cgmm.donors.formula import Model
from cgmm.donors.labelled_shifts import shifts_of, state_means
from cgmm.donors.moderated_t import counting_variance, log_odds, moderate
from cgmm.donors.reasons import Note, Reason, in_words
from cgmm.mixture.gaussian_mixture import GaussianMixture
from cgmm.pair import Pair
from cgmm.thresholds import (
    ALPHA,
    LEVEL,
    MIN_CELLS,
    MIN_CELLS_PER_SUM,
    MIN_DONORS,
    MIN_MOVE_APART,
)


class StateChanges(NamedTuple):
    """Shares of states within their population and their change, arrays of shape (K,).

    Attributes
    ----------
    share_source, share_target
        Mean over donors of the share; shares of a population add up to one. NaN where no state of
        the population is tested.
    log2_within
        log2 change of the share of a typical donor (the mean of the log-odds), adjusted like the
        factors of populations.
    low, high
        Interval of ``log2_within``.
    p, q
        p of the moderated t-test of the log-odds; Benjamini-Hochberg q over states with a p.
    reason
        Why change, interval and test are missing, in a sentence; else "".
    """

    share_source: np.ndarray
    share_target: np.ndarray
    log2_within: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    q: np.ndarray
    reason: list[str]


class StateCells(NamedTuple):
    """The cells of both conditions, and how donors are compared.

    Attributes
    ----------
    points
        Shapes (N0, D) and (N1, D).
    populations
        Population of every cell, -1 for none, shapes (N0,) and (N1,).
    units
        Unit of every cell within its side, -1 for none, shapes (N0,) and (N1,).
    design
        The donors.
    model
        Model matrix over the units, those of the source first; its first contrast is the change.
    donors
        Row of the donor in ``design.units`` of every unit, shape (n_units,).
    """

    points: Pair[np.ndarray]
    populations: Pair[np.ndarray]
    units: Pair[np.ndarray]
    design: Design
    model: Model
    donors: np.ndarray

    @property
    def sides(self) -> np.ndarray:
        """Side of every unit."""
        return self.design.sides[self.donors]

    @property
    def n_units(self) -> np.ndarray:
        """Number of units of source and target."""
        return np.bincount(self.sides, minlength=2)


class _Changes(NamedTuple):
    """Changes of the log-odds of some states, before variances are shrunk, (n,) each."""

    states: np.ndarray
    tested: np.ndarray
    change: np.ndarray
    middle: np.ndarray
    share_source: np.ndarray
    share_target: np.ndarray
    variance: np.ndarray
    freedom: np.ndarray
    scale: np.ndarray
    counting: np.ndarray
    between: np.ndarray


def state_changes(
    cells: StateCells,
    mixture: GaussianMixture,
    home: np.ndarray,
    moves: np.ndarray,
    moved: np.ndarray,
    *,
    found: bool = False,
    level: float = LEVEL,
) -> StateChanges:
    """Return the change of the share of every state within its population.

    Parameters
    ----------
    cells
        The cells and the donors.
    mixture
        The source mixture with its shares as weights, K components.
    home
        Population of every component, -1 for none, shape (K,).
    moves
        Move of every component, NaN where it is gone, shape (K, D).
    moved
        Whether the shift of each population differs from zero, bool.
    found
        Whether populations were found by the fit. Those that also moved are not tested, because
        they can mix types that moved in different ways, and intervals did not hold.
    level
        Coverage of the interval.

    Returns
    -------
    StateChanges
    """
    notes: list[Note | None] = [Reason.NO_POPULATION_OF_STATE.note()] * len(home)
    parts: list[_Changes] = []
    for population in np.unique(home[home >= 0]):
        own = np.flatnonzero(home == population)
        made: _Changes | Note = Reason.FOUND_AND_MOVED.note()
        if not (found and moved[population] and len(own) > 1):
            made = _of_population(
                cells, mixture, own, int(population), moves, moved=bool(moved[population])
            )
        for i, k in enumerate(own):
            few = isinstance(made, _Changes) and not made.tested[i]
            note = Reason.FEW_CELLS_OF_STATE.note(least=MIN_CELLS) if few else None
            notes[k] = made if isinstance(made, Note) else note
        if isinstance(made, _Changes):
            parts.append(made)
    values = np.full((6, len(home)), np.nan)
    if parts:
        of = _Changes(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
        values[:2, of.states] = of.share_source, of.share_target
        tested = _Changes(*(column[of.tested] for column in of))
        values[2:, tested.states] = _tested(tested, level)
    q = benjamini_hochberg(values[5])
    before, after, change, low, high, p = values
    return StateChanges(before, after, change, low, high, p, q, in_words(notes))


def _cells_of(cells: StateCells, population: int) -> Pair[np.ndarray]:
    return Pair(
        *(
            np.flatnonzero((own == population) & (unit >= 0))
            for own, unit in zip(cells.populations, cells.units, strict=True)
        )
    )


def _part(mixture: GaussianMixture, own: np.ndarray) -> GaussianMixture:
    weights = np.asarray(mixture.weights, float)[own]
    return GaussianMixture(
        weights / weights.sum(),
        np.asarray(mixture.means, float)[own],
        np.asarray(mixture.covariances, float)[own],
    )


def _of_population(
    cells: StateCells,
    mixture: GaussianMixture,
    own: np.ndarray,
    population: int,
    moves: np.ndarray,
    *,
    moved: bool,
) -> _Changes | Note:
    """Return the changes of the states of one population, or why there are none."""
    if not cells.design.testable:
        return Reason.FEW_DONORS_OF_POPULATION.note(least=MIN_DONORS, n_cells=MIN_CELLS_PER_SUM)
    here = _cells_of(cells, population)
    part = _part(mixture, own)
    if len(own) < 2 or not len(here.source):
        return Reason.ONE_STATE.note(least=MIN_CELLS)
    points = [np.asarray(x, float)[rows] for x, rows in zip(cells.points, here, strict=True)]
    of_source = part.component_log_prob(points[0]).argmax(axis=1)
    n_cells = np.bincount(of_source, minlength=len(own))
    if (n_cells >= MIN_CELLS).sum() < 2:
        return Reason.ONE_STATE.note(least=MIN_CELLS)
    units = Pair(*(unit[rows] for unit, rows in zip(cells.units, here, strict=True)))
    found = [translation(x, part) for x in points]
    frames = [Pair(*(x - of.move for x, of in zip(points, found, strict=True)))]
    known = np.isfinite(moves[own]).all(axis=1) & (n_cells > 0)
    if moved and known.any():
        by_fit = np.average(moves[own][known], axis=0, weights=n_cells[known])
        frames.append(Pair(points[0], points[1] - by_fit))
    of_frames = [frame.map(lambda x: part.component_log_prob(x).argmax(axis=1)) for frame in frames]
    for frame, codes in zip(frames, of_frames, strict=True):
        if _moved_apart(cells, frame, codes, units, len(own)):
            return Reason.STATES_MOVED_APART.note()
    codes = of_frames[0]
    counts = np.zeros((len(cells.donors), len(own)))
    for start, unit, code in zip((0, int(cells.n_units[0])), units, codes, strict=True):
        np.add.at(counts, (unit + start, code), 1)
    made = _change(cells, counts)
    if isinstance(made, Note):
        return made
    of_move = np.zeros(len(own))
    for x, of in zip(frames[0], found, strict=True):
        slope = slopes(x[:MAX_POINTS], part)
        of_move += np.einsum("ki,ij,kj->k", slope, of.covariance, slope)
    return made._replace(states=own, tested=n_cells >= MIN_CELLS, between=of_move)


def _moved_apart(
    cells: StateCells,
    points: Pair[np.ndarray],
    codes: Pair[np.ndarray],
    units: Pair[np.ndarray],
    n: int,
) -> bool:
    """Whether a state differs between the conditions after the common move is taken out."""
    means = state_means(points, codes, units, cells.n_units, n)
    found = shifts_of(means, cells.design, model=cells.model, donors=cells.donors)
    return bool(((found.p < ALPHA) & (found.length >= MIN_MOVE_APART)).any())


def _change(cells: StateCells, counts: np.ndarray) -> _Changes | Note:
    """Return the change of the log-odds of the states of one population from its counts."""
    few = Reason.FEW_DONORS_OF_POPULATION.note(least=MIN_DONORS, n_cells=MIN_CELLS_PER_SUM)
    kept = counts.sum(axis=1) >= MIN_CELLS_PER_SUM
    if cells.design.paired:
        kept &= _complete(cells, kept)
    sides, donors = cells.sides[kept], cells.donors[kept]
    n_donors = [len(np.unique(donors[sides == side])) for side in (0, 1)]
    x, asked = cells.model.matrix[kept], cells.model.contrasts[0].change
    used = (np.abs(x) > 0).any(axis=0)
    x, asked = x[:, used], asked[used]
    if min(n_donors) < MIN_DONORS or np.linalg.matrix_rank(x) < x.shape[1]:
        return few
    if len(x) - x.shape[1] < MIN_DONORS - 1:
        return few
    total = counts[kept].sum(axis=1)
    shares = counts[kept] / total[:, None]
    y = log_odds(shares, total)
    if len(np.unique(donors)) < len(donors):
        mixed = random_effect(y, x, donors, asked)
        scale = float(np.square(asked @ np.linalg.pinv(x)).sum())
        change, variance, freedom = (
            asked @ mixed.coefficient,
            mixed.variance / scale,
            mixed.freedom,
        )
    else:
        beta = np.linalg.pinv(x) @ y
        freedom = np.full(y.shape[1], float(len(x) - x.shape[1]))
        change, variance = asked @ beta, np.square(y - x @ beta).sum(axis=0) / freedom
        scale = float(np.square(asked @ np.linalg.pinv(x)).sum())
    middle = y.mean(axis=0) + change * (0.5 - sides.mean())
    n = np.arange(y.shape[1])
    return _Changes(
        states=n,
        tested=n >= 0,
        change=change,
        middle=middle,
        share_source=shares[sides == 0].mean(axis=0),
        share_target=shares[sides == 1].mean(axis=0),
        variance=variance,
        freedom=freedom,
        scale=np.full(len(n), scale),
        counting=counting_variance(shares, total),
        between=np.zeros(len(n)),
    )


def _complete(cells: StateCells, kept: np.ndarray) -> np.ndarray:
    """Return the units of donors that have a unit that is kept in both conditions."""
    names = np.array([cells.design.units[i].donor for i in cells.donors])
    both = set(names[kept & (cells.sides == 0)]) & set(names[kept & (cells.sides == 1)])
    return np.isin(names, list(both))


def _tested(of: _Changes, level: float) -> Sequence[np.ndarray]:
    """Return change, interval and p of states; variances are shrunk over all of them.

    Two states of one population are one test, so the second of them does not count for the prior.
    """
    once = _once(of)
    tests = moderate(
        of.change[once],
        of.variance[once],
        of.freedom[once],
        of.scale[once],
        counting=of.counting[once],
        between=of.between[once],
    )
    place = np.cumsum(once) - 1  # a state that is left out mirrors the one before it
    error, freedom, p = (v[place] for v in (tests.error, tests.freedom, tests.p))
    half = scipy.stats.t.ppf(0.5 + level / 2, freedom) * error
    log2_within, low, high = (
        np.log2(expit(of.middle + c / 2)) - np.log2(expit(of.middle - c / 2))
        for c in (of.change, of.change - half, of.change + half)
    )
    return log2_within, low, high, p


def _once(of: _Changes) -> np.ndarray:
    """Return which states are tested, all but the second of each population of two."""
    mirrored = np.isclose(of.change[1:], -of.change[:-1]) & np.isclose(
        of.middle[1:], -of.middle[:-1]
    )
    return np.concatenate([[True], ~mirrored])
