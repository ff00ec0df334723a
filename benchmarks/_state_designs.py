"""Designs of a test for the shares of states within their population.

A state is a source component; it belongs to the population of most of its source cells. What
differs is how a cell gets its state:

own borders
    Source cells from the mixture of the source, target cells from the mixture of the target, whose
    components stand for the states that they are matched to.
votes
    Source cells from the mixture of the source, target cells have the state of the source cell that
    they are assigned to.
votes, crossing added
    The same; the part of the assignments that the common frame contradicts is an error that all
    donors share, with the factor of the borders of populations.
common frame
    Target cells are carried back by the move of the population (the mean move of its states, with
    the shares of the source); cells of both conditions then have the state that the mixture of the
    source gives them. Nothing is carried back where the population did not move (p of .05 or more).
best translation
    Cells of each condition are carried back by the translation of the states, with free shares,
    under which they are most likely.
best translation, one move
    What :mod:`cgmm.donors.states` does: the same, without populations whose states moved apart.
main axis
    No states: the mean place of a donor's cells on the main axis of the population.
main axis, move taken out
    The same after target cells are carried back.
true moves
    Every target cell is carried back by the true move of its type: what no design can know.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.special
import scipy.stats
from _real_cells import RealCase

from cgmm.coupled.result import CoupledFit
from cgmm.donors.alignment import translation
from cgmm.donors.borders import PER_CROSSING
from cgmm.donors.design import design, unit_of_cells
from cgmm.donors.formula import model
from cgmm.donors.labelled_shifts import labelled_shifts
from cgmm.donors.moderated_t import counting_variance, log_odds, moderate
from cgmm.donors.states import StateCells, state_changes
from cgmm.mixture.gaussian_mixture import GaussianMixture
from cgmm.pair import Pair
from cgmm.thresholds import ALPHA, LEVEL, MIN_CELLS
from cgmm.transport.coupling import share_of_source

MIN_OF_DONOR = 10  # cells of the population
MIN_DONORS = 4
NONE = pd.DataFrame(columns=["low", "high", "inside", "p", "truth"])


class States(NamedTuple):
    """What the designs read of a fit: memberships in both mixtures, moves, populations, origins."""

    source_in_source: np.ndarray
    source_in_target: np.ndarray
    target_in_source: np.ndarray
    target_in_target: np.ndarray
    moves: np.ndarray  #: of every state, (K0, D)
    to: np.ndarray  #: share of a state that goes to every target component, (K0, K1)
    source_means: np.ndarray
    source_covariances: np.ndarray
    source_weights: np.ndarray
    target_means: np.ndarray
    target_covariances: np.ndarray
    target_weights: np.ndarray
    populations_source: np.ndarray
    populations_target: np.ndarray
    origins: np.ndarray


def states_of(fit: CoupledFit, case: RealCase) -> States:
    """Return what the designs read of a fit."""
    mixtures = fit.prevalence_source, fit.prevalence_target
    r = [[np.asarray(m.responsibilities(x)) for m in mixtures] for x in case.points]
    to = share_of_source(np.asarray(fit.coupling))
    moves = np.nan_to_num(to) @ np.asarray(mixtures[1].means) - np.asarray(mixtures[0].means)
    shapes = [np.asarray(v) for m in mixtures for v in (m.means, m.covariances, m.weights)]
    return States(
        *(one for side in r for one in side),
        moves,
        np.nan_to_num(to),
        *shapes,
        np.asarray(fit.populations_source),
        np.asarray(fit.populations_target),
        np.asarray(fit.origins),
    )


class Population(NamedTuple):
    """One population with several states, and its cells."""

    number: int
    states: np.ndarray  #: source components, (n_states,)
    cells: Pair[np.ndarray]  #: positions of its cells in both conditions
    units: Pair[np.ndarray]  #: donor of each of these cells, the target after the source
    reference: np.ndarray  #: state of each source cell, position in ``states``


def _home(states: States) -> np.ndarray:
    """Return the population of most source cells of every component, -1 without cells, (K0,)."""
    table = np.zeros((states.source_in_source.shape[1], int(states.populations_source.max()) + 1))
    own = states.populations_source >= 0
    hard = states.source_in_source.argmax(axis=1)
    np.add.at(table, (hard[own], states.populations_source[own]), 1)
    return np.where(table.sum(axis=1) > 0, table.argmax(axis=1), -1)


def populations_of(case: RealCase, states: States) -> list[Population]:
    """Return the populations that are divided into states with at least 20 source cells each."""
    plan = design(*case.donors, paired=False)
    sizes = (len(case.points[0]), len(case.points[1]))
    units = unit_of_cells(plan, case.donors, sizes, 0)
    units[1] = units[1] + plan.n_units[0]
    home, n = _home(states), int(states.populations_source.max()) + 1
    found = []
    for k in range(n):
        mine = np.flatnonzero(home == k)
        cells = Pair(
            np.flatnonzero(states.populations_source == k),
            np.flatnonzero(states.populations_target == k),
        )
        if len(mine) < 2 or min(map(len, cells)) < MIN_CELLS:
            continue
        reference = states.source_in_source[cells.source][:, mine].argmax(axis=1)
        if (np.bincount(reference) >= MIN_CELLS).sum() < 2:
            continue
        of = Pair(units[0][cells.source], units[1][cells.target])
        found.append(Population(k, mine, cells, of, reference))
    return found


def shares_of(case: RealCase, of: Population) -> tuple[np.ndarray, np.ndarray]:
    """Return the true shares of the states before and after, (n_states,) each, by the tilts."""
    labels = case.labels[0][of.cells.source]
    weight = np.exp(case.tilts[labels] * case.along[of.cells.source])
    for label in np.unique(labels):
        weight[labels == label] /= weight[labels == label].mean()
    n = len(of.states)
    before = np.bincount(of.reference, minlength=n) / len(labels)
    return before, np.bincount(of.reference, weight, minlength=n) / weight.sum()


def truth_of(case: RealCase, of: Population) -> np.ndarray:
    """Return the true change of the log-odds of the states, (n_states,)."""
    before, after = shares_of(case, of)
    with np.errstate(divide="ignore"):
        return np.log(after / (1 - after)) - np.log(before / (1 - before))


class Readings(NamedTuple):
    """One number per donor of a population (log-odds or place), and what is known of its error."""

    y: np.ndarray  #: (n_units, n)
    counting: np.ndarray  #: (n,)
    between: np.ndarray  #: (n,)
    kept: np.ndarray  #: donors with enough cells, (n_units,)
    asked: np.ndarray  #: which states are tested


def counted(of: Population, codes: Pair[np.ndarray], n_units: int, crossing: float = 0) -> Readings:
    """Return the log-odds of the states from the state of every cell, -1 for none."""
    counts = np.zeros((n_units, len(of.states)))
    for unit, code in zip(of.units, codes, strict=True):
        used = (unit >= 0) & (code >= 0)
        np.add.at(counts, (unit[used], code[used]), 1)
    total = counts.sum(axis=1)
    kept = total >= MIN_OF_DONOR
    shares = counts / np.maximum(total, 1)[:, None]
    if not kept.any():
        return Readings(counts, np.zeros(0), np.zeros(0), kept, np.zeros(0, dtype=bool))
    y, e = log_odds(shares, total), counting_variance(shares[kept], total[kept])
    asked = np.bincount(of.reference, minlength=len(of.states)) >= MIN_CELLS
    if len(of.states) == 2:  # the two tests are one
        asked[1] = False
    e = e[asked]
    return Readings(y[:, asked], e, np.full(len(e), PER_CROSSING * crossing), kept, asked)


def tested(readings: list[Readings], truths: list[np.ndarray], n_source: int) -> pd.DataFrame:
    """Return the moderated t-test of all states of a comparison together."""
    parts = []
    for one, truth in zip(readings, truths, strict=True):
        side = (np.arange(len(one.y)) >= n_source)[one.kept]
        if min(side.sum(), (~side).sum()) < MIN_DONORS:
            continue
        x = np.column_stack([np.ones(len(side)), side])
        inverse, y = np.linalg.pinv(x), one.y[one.kept]
        beta, freedom = inverse @ y, len(x) - 2
        s2 = np.square(y - x @ beta).sum(axis=0) / freedom
        n = y.shape[1]
        scale = float(np.square(inverse[1]).sum())
        parts.append(
            np.stack(
                [beta[1], s2, np.full(n, freedom), np.full(n, scale), one.counting, one.between]
                + [truth[one.asked]]
            )
        )
    if not parts:
        return NONE
    beta, s2, freedom, scale, counting, between, truth = np.concatenate(parts, axis=1)
    found = moderate(beta, s2, freedom, scale, counting=counting, between=between)
    half = scipy.stats.t.ppf(0.5 + LEVEL / 2, found.freedom) * found.error
    low, high = beta - half, beta + half
    inside = (low < truth) & (truth < high)
    return pd.DataFrame({"low": low, "high": high, "inside": inside, "p": found.p, "truth": truth})


def _n_units(case: RealCase) -> tuple[int, int]:
    n = design(*case.donors, paired=False).n_units
    return n[0], sum(n)


def _by_codes(
    codes_of: Callable[[RealCase, States, Population], tuple[Pair[np.ndarray], float]],
) -> Callable[[RealCase, States], pd.DataFrame]:
    """Return a design that gives every cell a state."""

    def design_of(case: RealCase, states: States) -> pd.DataFrame:
        n_source, n_units = _n_units(case)
        of = populations_of(case, states)
        readings = []
        for one in of:
            codes, crossing = codes_of(case, states, one)
            readings.append(counted(one, codes, n_units, crossing))
        return tested(readings, [truth_of(case, one) for one in of], n_source)

    return design_of


def own_borders(_: RealCase, states: States, of: Population) -> tuple[Pair[np.ndarray], float]:
    """Target cells have the state that their component is matched to."""
    within = states.to[of.states]
    match = np.where(within.max(axis=0) > 0, within.argmax(axis=0), -1)
    r = states.target_in_target[of.cells.target] * (match >= 0)
    return Pair(of.reference, match[r.argmax(axis=1)]), 0.0


def votes(case: RealCase, states: States, of: Population) -> tuple[Pair[np.ndarray], float]:
    """Target cells have the state of the source cell that they are assigned to."""
    place = np.full(len(case.points[0]), -1)
    place[of.cells.source] = of.reference
    origins = states.origins[of.cells.target]
    return Pair(of.reference, np.where(origins >= 0, place[origins], -1)), 0.0


def votes_with_error(
    case: RealCase, states: States, of: Population
) -> tuple[Pair[np.ndarray], float]:
    """Add the part of the assignments that the common frame contradicts."""
    codes, _ = votes(case, states, of)
    other, _ = common_frame(case, states, of)
    there = codes.target >= 0
    return codes, float(np.mean(codes.target[there] != other.target[there])) if there.any() else 1.0


def move_of(case: RealCase, states: States, of: Population) -> np.ndarray:
    """Return the mean move of the states of a population; zero where it did not move."""
    weight = np.bincount(of.reference, minlength=len(of.states)) * (
        states.to[of.states].sum(axis=1) > 0
    )
    if not weight.any():
        return np.zeros(case.points[0].shape[1])
    plan = design(*case.donors, paired=False)
    codes = Pair(*(np.zeros(len(cells), int) for cells in of.cells))
    units = Pair(
        of.units.source,
        np.where(of.units.target >= plan.n_units[0], of.units.target - plan.n_units[0], -1),
    )
    points = Pair(*(np.asarray(x, float)[c] for x, c in zip(case.points, of.cells, strict=True)))
    moved = labelled_shifts(points, codes, units, plan, 1)
    if not moved.p[0] < 0.05:
        return np.zeros(points.source.shape[1])
    move: np.ndarray = np.average(states.moves[of.states], axis=0, weights=weight)
    return move


def memberships(
    points: np.ndarray, weights: np.ndarray, means: np.ndarray, covariances: np.ndarray
) -> np.ndarray:
    """Return the log of weighted densities of Gaussians, (N, K)."""
    parts = [
        scipy.stats.multivariate_normal.logpdf(points, mean, covariance)
        for mean, covariance in zip(means, covariances, strict=True)
    ]
    return np.column_stack(parts) + np.log(np.maximum(weights, 1e-12))


def _of_source(states: States, points: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    own = (states.source_weights, states.source_means, states.source_covariances)
    return memberships(points, *(v[chosen] for v in own))


def common_frame(case: RealCase, states: States, of: Population) -> tuple[Pair[np.ndarray], float]:
    """Cells of both conditions have the state that the mixture of the source gives them."""
    back = np.asarray(case.points[1], float)[of.cells.target] - move_of(case, states, of)
    return Pair(of.reference, _of_source(states, back, of.states).argmax(axis=1)), 0.0


def true_frame(case: RealCase, states: States, of: Population) -> tuple[Pair[np.ndarray], float]:
    """Carry every target cell back by the true move of its type: what no design can know."""
    moves = case.moves[case.labels[1][of.cells.target]]
    back = np.asarray(case.points[1], float)[of.cells.target] - moves
    return Pair(of.reference, _of_source(states, back, of.states).argmax(axis=1)), 0.0


def best_translation(
    case: RealCase, states: States, of: Population
) -> tuple[Pair[np.ndarray], float]:
    """Carry the cells of each condition back by the translation that fits them best."""
    shapes = (states.source_weights, states.source_means, states.source_covariances)
    own = [v[of.states] for v in shapes]
    x = [np.asarray(p, float)[c] for p, c in zip(case.points, of.cells, strict=True)]
    back = [y - translation(y, GaussianMixture(*own)).move for y in x]
    return Pair(*(memberships(y, *own).argmax(axis=1) for y in back)), 0.0


def as_built(case: RealCase, states: States) -> pd.DataFrame:
    """Test as :mod:`cgmm.donors.states` does."""
    plan = design(*case.donors, paired=False)
    sizes = (len(case.points[0]), len(case.points[1]))
    units = Pair(*unit_of_cells(plan, case.donors, sizes, 0))
    points = Pair(*(np.asarray(x, float) for x in case.points))
    codes = Pair(states.populations_source, states.populations_target)
    names = np.where(plan.sides == 0, "source", "target")
    made = model(
        "~ condition",
        pd.DataFrame({"condition": names}),
        condition="condition",
        source="source",
        target="target",
    )
    cells = StateCells(points, codes, units, plan, made, np.arange(len(plan.units)))
    own = (states.source_weights, states.source_means, states.source_covariances)
    shifts = labelled_shifts(points, codes, units, plan, int(codes.source.max()) + 1)
    known = (states.to.sum(axis=1) > 0)[:, None]
    found = state_changes(
        cells,
        GaussianMixture(*own),
        _home(states),
        np.where(known, states.moves, np.nan),
        shifts.p < ALPHA,
    )
    parts = []
    for of in populations_of(case, states):
        n = len(of.states)
        k = of.states[:1] if n == 2 else of.states  # the two tests are one
        before, after = (share[: len(k)] for share in shares_of(case, of))
        truth = np.log2(after / before)
        parts.append(
            pd.DataFrame(
                {
                    "low": found.low[k],
                    "high": found.high[k],
                    "inside": (found.low[k] < truth) & (truth < found.high[k]),
                    "p": found.p[k],
                    "truth": truth_of(case, of)[: len(k)],
                }
            )
        )
    return pd.concat(parts, ignore_index=True).dropna() if parts else NONE


def _main_axis(*, take_out: bool) -> Callable[[RealCase, States], pd.DataFrame]:
    """Return a design that tests the place of the donors on the main axis of a population.

    The truth is zero without a tilt of the types, else NaN, except for the p of a change.
    """

    def design_of(case: RealCase, states: States) -> pd.DataFrame:
        n_source, n_units = _n_units(case)
        readings, truths = [], []
        for of in populations_of(case, states):
            x = [np.asarray(p, float)[c] for p, c in zip(case.points, of.cells, strict=True)]
            axis = np.linalg.svd(x[0] - x[0].mean(axis=0), full_matrices=False)[2][0]
            scale = ((x[0] - x[0].mean(axis=0)) @ axis).std()
            if take_out:
                x[1] = x[1] - move_of(case, states, of)
            y, n = np.zeros(n_units), np.zeros(n_units)
            for points, unit in zip(x, of.units, strict=True):
                used = unit >= 0
                np.add.at(y, unit[used], points[used] @ axis / scale)
                np.add.at(n, unit[used], 1)
            kept = n >= MIN_OF_DONOR
            counting = np.array([float((1 / n[kept]).mean())])
            y = (y / np.maximum(n, 1))[:, None]
            readings.append(Readings(y, counting, np.zeros(1), kept, np.ones(1, dtype=bool)))
            labels, place = case.labels[0][of.cells.source], case.along[of.cells.source]
            weight = np.exp(case.tilts[labels] * place)
            for label in np.unique(labels):
                weight[labels == label] /= weight[labels == label].mean()
            start = np.asarray(case.points[0], float)[of.cells.source] @ axis / scale
            truths.append(np.array([np.average(start, weights=weight) - start.mean()]))
        return tested(readings, truths, n_source)

    return design_of


DESIGNS: dict[str, Callable[[RealCase, States], pd.DataFrame]] = {
    "own borders": _by_codes(own_borders),
    "votes": _by_codes(votes),
    "votes, crossing added": _by_codes(votes_with_error),
    "common frame": _by_codes(common_frame),
    "best translation": _by_codes(best_translation),
    "best translation, one move": as_built,
    "main axis": _main_axis(take_out=False),
    "main axis, move taken out": _main_axis(take_out=True),
    "true moves": _by_codes(true_frame),
}
#: Designs that are also read with the true types as populations.
OF_TYPES = ("own borders", "votes", "best translation, one move", "true moves")
