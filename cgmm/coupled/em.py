r"""Expectation-maximisation of one coupled fit: passes over the points and what saves them.

Three means keep the number of passes small.  A first climb runs on a subsample when there are many
points, so that the passes over all of them start near the end.  Pairs of plain steps are
extrapolated (SQUAREM: Varadhan & Roland 2008, Scand. J. Stat. 35), and the extrapolation is kept
only if the objective is higher there, which the next E-step tells at no cost when it is.  The
unpenalised weights come from Newton steps, held back by EM where those would fail.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cgmm.coupled.m_step import m_step
from cgmm.coupled.objective import Objective
from cgmm.coupled.shares import (
    FIRST_DAMPING,
    MAX_SHARE_STEPS,
    MIN_DAMPING,
    SHARE_TOLERANCE,
    newton_shares,
)
from cgmm.coupled.state import Params, State, initial_state
from cgmm.coupled.weights import FLOOR
from cgmm.mixture.chunked import Points, cells_of, taken
from cgmm.mixture.e_step import (
    SINGLE_PRECISION_REACH,
    SINGLE_PRECISION_WORK,
    AnyCells,
    Moments,
    expectations,
    proportions,
)
from cgmm.mixture.gaussian_mixture import GaussianMixture
from cgmm.transport import gaussians

SUBSAMPLE = 16_384
SUBSAMPLE_ABOVE = 3 * SUBSAMPLE
SUBSAMPLE_STEPS = 60
SUBSAMPLE_TOLERANCE = 1e-3
MAX_EXTRAPOLATION = 64.0
ROUNDING = {"float64": 1e-9, "float32": 1e-6}

WeightedSide = tuple[Points, np.ndarray | None]
Watcher = Callable[[int, float], None]


class CoupledEM:
    """Data, state and knobs of one fit; lives inside a double-precision context.

    Parameters
    ----------
    data
        Points and weights of both sides.
    centre
        Shape (D,), taken off all points.
    start
        Both mixtures at the start.
    knobs
        Scalars of the objective.
    """

    def __init__(
        self,
        data: tuple[WeightedSide, WeightedSide],
        centre: np.ndarray,
        start: tuple[GaussianMixture, GaussianMixture],
        knobs: Objective,
    ) -> None:
        self.data = data
        self.centre = centre
        self.knobs = knobs
        self.k = (start[0].n_components, start[1].n_components)
        self.coupled = knobs.transport_weight > 0
        self.fall = 0.0
        self.state = self.state_of(start)
        precision = self._precision()
        self.cells = [cells_of(x, w, precision) for x, w in data]

    def state_of(self, start: tuple[GaussianMixture, GaussianMixture]) -> State:
        """State at given mixtures."""
        weights = [np.maximum(np.asarray(m.weights, float), FLOOR) for m in start]
        params = Params(
            np.concatenate([w / w.sum() for w in weights]),
            np.concatenate([np.asarray(m.means, float) - self.centre for m in start]),
            np.concatenate([np.asarray(m.covariances, float) for m in start]),
        )
        return initial_state(params, self.knobs, k0=self.k[0], coupled=self.coupled)

    def _precision(self) -> type:
        """Single precision where there is much to do and its rounding is harmless."""
        (x0, _), (x1, _) = self.data
        work = (x0.size + x1.size) * max(self.k) * x0.shape[1]
        means, precision = self.state.params.means, self.state.roots.precision
        reach = np.einsum("ki,kij,kj->k", means, precision, means).max()
        harmless = work > SINGLE_PRECISION_WORK and reach < SINGLE_PRECISION_REACH
        return np.float32 if harmless else np.float64

    def warm_up(self, starts: list[tuple[GaussianMixture, GaussianMixture]], seed: int) -> None:
        """Choose among starts, and climb on a subsample if there are many points."""
        many = max(len(x) for x, _ in self.data) > SUBSAMPLE_ABOVE
        if not many and len(starts) < 2:
            return
        cells = self._subsample(seed) if many else self.cells
        found = []
        for start in starts:
            first = self.state_of(start)
            state, history, _ = self._climb(
                cells, first, SUBSAMPLE_STEPS, SUBSAMPLE_TOLERANCE, None
            )
            found.append((history[-1], state))
        self.state = max(found, key=lambda pair: pair[0])[1]

    def _subsample(self, seed: int) -> list[AnyCells]:
        rng = np.random.default_rng(seed)
        cells: list[AnyCells] = []
        for (x, w), whole in zip(self.data, self.cells, strict=True):
            if len(x) > SUBSAMPLE_ABOVE:
                part = np.sort(rng.choice(len(x), SUBSAMPLE, replace=False))
                x, w = taken(x, part), None if w is None else w[part]
            if w is not None and w.sum() <= 0:
                return self.cells
            cells.append(cells_of(x, w, whole.dtype.type))
        return cells

    def climb(self, max_steps: int, tol: float, watch: Watcher | None) -> tuple[list[float], bool]:
        """Climb on all points; return the objective per step and whether it settled.

        A step that would lower the objective is not taken; where it would by more than rounding
        of the sums over points, ``fall`` says by how much: costs are then so many orders of
        magnitude above epsilon that the transport is not solved.
        """
        self.fall = 0.0
        self.state, history, settled = self._climb(self.cells, self.state, max_steps, tol, watch)
        return history, settled

    def _climb(
        self,
        cells: list[AnyCells],
        state: State,
        max_steps: int,
        tol: float,
        watch: Watcher | None,
    ) -> tuple[State, list[float], bool]:
        def look(state: State) -> tuple[list[Moments], float]:
            moments = expectations(cells, self.centre, state.theta, self.knobs.kind)
            return moments, sum(m.log_likelihood for m in moments) - state.penalty

        def keep(value: float) -> None:
            history.append(value)
            if watch is not None:
                watch(len(history) - 1, value)

        history: list[float] = []
        rounding = ROUNDING[cells[0].dtype.name]
        moments, value = look(state)
        keep(value)
        trail, longest, passes = [state], 4.0, 1
        while passes < max_steps:
            plain = m_step(moments[0], moments[1], state, self.knobs, coupled=self.coupled)
            trail.append(plain)
            if len(trail) == 3:
                leap, length = self._leap(trail, longest)
                trail = []
                if leap is not None:
                    seen, height = look(leap)
                    passes += 1
                    if height > value:
                        longest = (
                            min(MAX_EXTRAPOLATION, 4 * longest) if length >= longest else longest
                        )
                        state, moments, value = leap, seen, height
                        keep(value)
                        trail = [state]
                        continue
                    longest = max(2.0, length / 4)
                    if passes >= max_steps:
                        break
            before = value
            seen, value = look(plain)
            passes += 1
            if value < before:
                fall, hidden = before - value, rounding * (1 + abs(before))
                self.fall = 0.0 if fall <= hidden else fall
                return state, history, fall <= max(tol, hidden)
            state, moments = plain, seen
            keep(value)
            trail = trail or [state]
            if value - before < tol:
                return state, history, True
        return state, history, False

    def _leap(self, trail: list[State], longest: float) -> tuple[State | None, float]:
        """Extrapolate two steps; None where that leaves the domain or goes nowhere."""
        one, two, three = (state.params for state in trail)
        mean_trace = float(one.weights @ gaussians.traced(one.covariances)) / 2
        scales = (1 / np.sqrt(one.weights), mean_trace**-0.5, 1 / mean_trace)

        def size(parts: list[np.ndarray]) -> float:
            scaled = ((part * scale).ravel() for part, scale in zip(parts, scales, strict=True))
            return float(np.sqrt(sum(part @ part for part in scaled)))

        first = [b - a for a, b in zip(one, two, strict=True)]
        second = [c - b - r for b, c, r in zip(two, three, first, strict=True)]
        bend = size(second)
        length = min(size(first) / bend, longest) if bend > 0 else longest
        if length <= 1.01:
            return None, length
        weights, means, covariances = (
            a + 2 * length * r + length**2 * v for a, r, v in zip(one, first, second, strict=True)
        )
        k0 = self.k[0]
        fits = (weights > 0.1 * three.weights).all()
        low = np.linalg.eigvalsh(covariances)[:, 0]
        if not (fits and (low > 0.1 * np.linalg.eigvalsh(three.covariances)[:, 0]).all()):
            return None, length
        for side in (slice(None, k0), slice(k0, None)):
            weights[side] /= weights[side].sum()
        params = Params(weights, means, covariances)
        plan = trail[-1].plan
        state = initial_state(
            params,
            self.knobs,
            k0=k0,
            coupled=self.coupled,
            warm_start=np.concatenate([plan.f, plan.g]),
            exact=False,
        )
        return state, length

    def shares(self, side: int) -> tuple[np.ndarray, float]:
        """Weights of largest likelihood for the fitted shapes, and that likelihood's mean."""
        k = self.k[side]
        part = slice(None, k) if side == 0 else slice(self.k[0], None)
        theta = self.state.theta[side][:, :k].copy()
        noise = 0.5 * self.knobs.ridge * gaussians.traced(self.state.roots.precision[part])
        base = theta[-1] - np.log(self.state.params.weights[part]) + noise

        def look(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
            theta[-1] = base + np.log(np.maximum(weights, FLOOR))
            return proportions(self.cells[side], self.centre, theta, self.knobs.kind)

        weights = self.state.params.weights[part]
        caution, held = FIRST_DAMPING, False
        mass, overlap, value = look(weights)
        hidden = ROUNDING[self.cells[side].dtype.name] * (1 + abs(value))
        for _ in range(MAX_SHARE_STEPS):
            if np.abs(mass - weights).max() < SHARE_TOLERANCE:
                break
            tried = newton_shares(weights, mass, overlap, caution)
            seen = look(tried)
            if seen[2] < value - hidden:
                if caution >= 1:
                    break
                caution, held = min(1.0, 10 * caution), True
                continue
            weights, (mass, overlap, value) = tried, seen
            caution, held = caution if held else max(MIN_DAMPING, caution / 10), False
        # one more step of EM, which never lowers the likelihood
        return mass / mass.sum(), float(value)
