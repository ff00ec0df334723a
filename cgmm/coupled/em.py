r"""Expectation-maximisation of one coupled fit, with two ways to save passes over the points.

The E-step (:mod:`cgmm.mixture.e_step`) is a pass over all points; the M-step
(:mod:`cgmm.coupled.m_step`) needs no points.  If there are many points, EM first runs on a
subsample, and the passes over all points start from its result.  Pairs of plain steps are
extrapolated (:mod:`cgmm.coupled.extrapolation`).  An extrapolated state is kept only if it raises
the objective; the E-step that computes the objective is also the E-step of the next iteration.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from cgmm.coupled.extrapolation import FIRST_LENGTH, extrapolated, longest_after
from cgmm.coupled.m_step import m_step
from cgmm.coupled.objective import MIN_WEIGHT, Objective
from cgmm.coupled.outcome import Outcome
from cgmm.coupled.state import Params, State, initial_state
from cgmm.mixture.chunked import Points, cells_of, taken
from cgmm.mixture.e_step import (
    MAX_SINGLE_PRECISION_REACH,
    MIN_SINGLE_PRECISION_WORK,
    ROUNDING,
    AnyCells,
    Moments,
    expectations,
)
from cgmm.mixture.gaussian_mixture import GaussianMixture
from cgmm.pair import Pair

SUBSAMPLE = 16_384
MIN_POINTS_TO_SUBSAMPLE = 3 * SUBSAMPLE
SUBSAMPLE_STEPS = 60
SUBSAMPLE_TOLERANCE = 1e-3
ROUGH_TOLERANCE = 1e-5  # from here on single precision is harmless with less work
MIN_ROUGH_WORK = 1e7

WeightedSide = tuple[Points, np.ndarray | None]
Watcher = Callable[[int, float], None]


class Climb(NamedTuple):
    """Result of a sequence of EM steps.

    Attributes
    ----------
    state
        The last state, which has the highest objective.
    history
        Objective at the start and after every step that was taken.
    outcome
        How the sequence ended.
    decrease
        Decrease of the objective by the step that was not taken; zero unless the outcome is
        ``ROUNDING``.
    """

    state: State
    history: list[float]
    outcome: Outcome
    decrease: float = 0.0


class CoupledEM:
    """Data, state and objective of one fit.

    The precision of the passes over the points is chosen here, and the passes enable JAX's double
    precision where they need it.  The caller does not set JAX's flags.

    Parameters
    ----------
    data
        Points and weights of both sides.
    centre
        Shape (D,), subtracted from all points.
    start
        Both mixtures at the start.
    objective
        Constants of the objective.
    tol
        Smallest tolerance with which :meth:`climb` will be called, which decides on the precision.
    """

    def __init__(
        self,
        data: tuple[WeightedSide, WeightedSide],
        centre: np.ndarray,
        start: tuple[GaussianMixture, GaussianMixture],
        objective: Objective,
        tol: float = 0.0,
    ) -> None:
        self.data = data
        self.centre = centre
        self.objective = objective
        self.coupled = objective.transport_weight > 0
        self.state = self.state_at(start)
        precision = self._precision(tol)
        self.cells = Pair(*(cells_of(x, w, precision) for x, w in data))

    def state_at(self, mixtures: tuple[GaussianMixture, GaussianMixture]) -> State:
        """Return the state with the parameters of the given mixtures."""
        weights = [np.maximum(np.asarray(m.weights, float), MIN_WEIGHT) for m in mixtures]
        params = Params(
            np.concatenate([w / w.sum() for w in weights]),
            np.concatenate([np.asarray(m.means, float) - self.centre for m in mixtures]),
            np.concatenate([np.asarray(m.covariances, float) for m in mixtures]),
        )
        k0 = mixtures[0].n_components
        return initial_state(params, self.objective, k0=k0, coupled=self.coupled, exact=False)

    def warm_up(self, starts: list[tuple[GaussianMixture, GaussianMixture]], seed: int) -> None:
        """Run a few EM steps from every start, and move to the state of the highest objective.

        These steps use a subsample if there are many points.  With one start and few points,
        nothing is done.
        """
        many = max(len(x) for x, _ in self.data) > MIN_POINTS_TO_SUBSAMPLE
        if not many and len(starts) < 2:
            return
        cells = self._subsample(seed) if many else self.cells
        climbs = [
            self._climb(cells, self.state_at(start), SUBSAMPLE_STEPS, SUBSAMPLE_TOLERANCE, None)
            for start in starts
        ]
        self.state = max(climbs, key=lambda climb: climb.history[-1]).state

    def climb(self, max_steps: int, tol: float, watch: Watcher | None) -> Climb:
        """Run EM on all points, and move to its last state.

        Parameters
        ----------
        max_steps
            Largest number of passes over the points.
        tol
            The fit has converged when a plain step raises the objective by less.
        watch
            Called with the number of steps taken and the objective, at the start (step 0) and after
            every step that is taken.

        Returns
        -------
        Climb
            Its last state; a step that would lower the objective is not taken.
        """
        climb = self._climb(self.cells, self.state, max_steps, tol, watch)
        self.state = climb.state
        return climb

    def _climb(
        self,
        cells: Pair[AnyCells],
        state: State,
        max_steps: int,
        tol: float,
        watch: Watcher | None,
    ) -> Climb:
        def evaluate(state: State) -> tuple[list[Moments], float]:
            moments = expectations(cells, self.centre, state.theta, self.objective.kind)
            return moments, sum(m.log_likelihood for m in moments) - state.penalty

        def record(value: float) -> None:
            history.append(value)
            if watch is not None:
                watch(len(history) - 1, value)

        history: list[float] = []
        moments, value = evaluate(state)
        record(value)
        iterates, longest, passes = [state], FIRST_LENGTH, 1
        while passes < max_steps:
            plain = m_step(moments[0], moments[1], state, self.objective, coupled=self.coupled)
            iterates.append(plain)
            if len(iterates) == 3:
                far, length = extrapolated(iterates, longest, self.objective, coupled=self.coupled)
                iterates = []
                if far is not None:
                    moments_there, value_there = evaluate(far)
                    passes += 1
                    accepted = value_there > value
                    longest = longest_after(longest, length, accepted=accepted)
                    if accepted:
                        state, moments, value = far, moments_there, value_there
                        record(value)
                        iterates = [state]
                        continue
                    if passes >= max_steps:
                        break
            moments_there, value_there = evaluate(plain)
            passes += 1
            rise = value_there - value
            if rise < 0:
                rounding = ROUNDING[cells.source.dtype.name] * (1 + abs(value))
                return _stopped(state, history, decrease=-rise, tol=tol, rounding=rounding)
            state, moments, value = plain, moments_there, value_there
            record(value)
            iterates = iterates or [state]
            if rise < tol:
                return Climb(state, history, Outcome.CONVERGED)
        return Climb(state, history, Outcome.MAX_STEPS)

    def _precision(self, tol: float) -> type:
        """Return single precision if there is much work and rounding is harmless, else double."""
        least = MIN_ROUGH_WORK if tol >= ROUGH_TOLERANCE else MIN_SINGLE_PRECISION_WORK
        (x0, _), (x1, _) = self.data
        work = (x0.size + x1.size) * max(self.state.costs.shape) * x0.shape[1]
        means, precision = self.state.params.means, self.state.roots.precision
        reach = np.einsum("ki,kij,kj->k", means, precision, means).max()
        harmless = reach < MAX_SINGLE_PRECISION_REACH
        return np.float32 if work > least and harmless else np.float64

    def _subsample(self, seed: int) -> Pair[AnyCells]:
        rng = np.random.default_rng(seed)
        cells: list[AnyCells] = []
        for (x, w), whole in zip(self.data, self.cells, strict=True):
            if len(x) > MIN_POINTS_TO_SUBSAMPLE:
                rows = np.sort(rng.choice(len(x), SUBSAMPLE, replace=False))
                x, w = taken(x, rows), None if w is None else w[rows]
            if w is not None and w.sum() <= 0:
                return self.cells
            cells.append(cells_of(x, w, whole.dtype.type))
        return Pair(*cells)


def _stopped(
    state: State, history: list[float], *, decrease: float, tol: float, rounding: float
) -> Climb:
    """Return the result without a last step, which lowers the objective by ``decrease``."""
    if decrease <= max(tol, rounding):
        return Climb(state, history, Outcome.CONVERGED)
    return Climb(state, history, Outcome.ROUNDING, decrease)
