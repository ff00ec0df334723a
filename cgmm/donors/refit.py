r"""Fast refits of a coupled fit under other weights of its donors.

The sufficient statistics of an E-step are sums over cells, so they are kept for each donor.  A
refit in which donor d has weight :math:`w_d` needs :math:`\sum_d w_d S_d`, where :math:`S_d` are
the moments of the cells of donor d.  Every refit starts at the fit itself, so the first E-step is
the same for all refits and is made once.  Ordinary steps of the coupled fit
(:mod:`cgmm.coupled.m_step`) follow, each with one pass over the cells.  From a donor with more than
:data:`MAX_CELLS` cells, :data:`MAX_CELLS` cells are drawn once for all refits.  Only the change
since the first E-step is computed from drawn cells, so drawing adds almost nothing to the
differences between refits:

.. math:: s_{dk} = s^{(0)}_{dk}\, \hat s_{dk} / \hat s^{(0)}_{dk},

where a hat marks a share among drawn cells.  Components keep their numbers because every refit
starts at the fit.  Where two components nevertheless change places, the assignment with the
smallest sum of squared distances between means restores the order.

This is the one-step bootstrap (Shorack 1982, Ann. Stat. 10; Bickel 1975, JASA 70:428, on one-step
estimates) with a chosen number of steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from cgmm._utils.blas import one_thread
from cgmm.coupled.em import CoupledEM
from cgmm.coupled.m_step import m_step
from cgmm.coupled.objective import objective_of
from cgmm.coupled.result import CoupledFit
from cgmm.coupled.state import State, initial_state
from cgmm.mixture.blocks import MAX_CACHED_BYTES, Cells
from cgmm.mixture.chunked import column_moments, mapped
from cgmm.mixture.e_step import AnyCells, Moments, expectations, mean_responsibilities
from cgmm.mixture.features import Kind
from cgmm.mixture.gaussian_mixture import GaussianMixture
from cgmm.transport.coupling import divide

STEPS = 2
MAX_CELLS = 4_000


class Refit(NamedTuple):
    """Estimates of one refit, components in the order of the fit.

    Attributes
    ----------
    shares_source, shares_target
        Mean responsibilities of the cells of each donor, shapes (n_donors, K0) and
        (n_donors, K1); zero for donors without weight.
    coupling
        W, shape (K0, K1); zero where the coupling of the fit is zero.
    means_source, means_target
        In the units of the points, shapes (K0, D) and (K1, D).
    """

    shares_source: np.ndarray
    shares_target: np.ndarray
    coupling: np.ndarray
    means_source: np.ndarray
    means_target: np.ndarray


class Refitter:
    """Function that refits a fit under other weights of its donors.

    Parameters
    ----------
    fit
        Fit at which every refit starts.
    points
        Points of the fit, source (N0, D) and target (N1, D).
    units
        Donor of every point as whole numbers from 0, shapes (N0,) and (N1,).
    start
        Mixtures of source and target to start from; None: the mixtures of the fit.
    """

    def __init__(
        self,
        fit: CoupledFit,
        points: tuple[np.ndarray, np.ndarray],
        units: tuple[np.ndarray, np.ndarray],
        *,
        start: tuple[GaussianMixture, GaussianMixture] | None = None,
    ) -> None:
        parameters = fit.parameters
        self._scale = np.eye(fit.source.n_dims) if fit.metric is None else fit.metric
        self._kept = fit.coupling > 0 if start is None else None
        pair = start or (fit.source, fit.target)
        mixtures = (pair[0].mapped(self._scale), pair[1].mapped(self._scale))
        means = [column_moments(x, None)[0] for x in points]
        self._centre = 0.5 * (means[0] + means[1]) @ self._scale
        with one_thread():
            knobs = objective_of(
                mixtures,
                parameters["transport_weight"],
                parameters["epsilon"],
                parameters["rho"],
                parameters["ridge"],
                parameters["shrinkage"],
                parameters["locked"],
                parameters["covariance_type"],
            )
            run = CoupledEM(((points[0], None), (points[1], None)), self._centre, mixtures, knobs)
            if not run.coupled:
                run.state = initial_state(
                    run.state.params, knobs, k0=mixtures[0].n_components, coupled=True
                )
            self._knobs, self._coupled, self._state = knobs, run.coupled, run.state
            dtype = run.cells[0].dtype.type
            self._cells = self._of_donors(points, units, dtype)
            self._ratio: list[np.ndarray] | None = None
            self._first = self._moments(run.state)
            if max(c.n for side in self._cells for c in side) > MAX_CELLS:
                self._cells = self._of_donors(points, units, dtype, MAX_CELLS)
                self._ratio = self._of_drawn(run.state)

    def __call__(self, weights: tuple[np.ndarray, np.ndarray], *, n_steps: int = STEPS) -> Refit:
        """Return the refit under weights of the donors.

        Parameters
        ----------
        weights
            Weights of source and target donors, shapes (n_donors,), not negative; only ratios
            matter.
        n_steps
            Number of EM steps, at least one.

        Returns
        -------
        Refit
        """
        with one_thread():
            state, seen = self._state, self._first
            for step in range(n_steps):
                if step:
                    seen = self._moments(state, weights)
                sides = [
                    combine(m, w, self._knobs.kind) for m, w in zip(seen, weights, strict=True)
                ]
                state = m_step(sides[0], sides[1], state, self._knobs, coupled=self._coupled)
            shares = self._shares(state, weights)
            if not self._coupled:
                state = initial_state(state.params, self._knobs, k0=state.n_source, coupled=True)
        return self._put_back(state, shares)

    def _of_donors(
        self,
        points: tuple[np.ndarray, np.ndarray],
        units: tuple[np.ndarray, np.ndarray],
        dtype: type,
        most: int | None = None,
    ) -> list[list[Cells]]:
        """Return the cells of every donor, in the coordinates and precision of the fit.

        From a donor with more than ``most`` cells, ``most`` cells are drawn.
        """
        sides: list[list[Cells]] = []
        for x, unit in zip(points, units, strict=True):
            if sides and x is points[0] and unit is units[0]:
                return [sides[0], sides[0]]
            keep = most is not None or x.size * np.dtype(dtype).itemsize <= MAX_CACHED_BYTES
            rng, of_donors = np.random.default_rng(0), []
            for u in range(int(unit.max()) + 1):
                rows = np.flatnonzero(unit == u)
                if most is not None and len(rows) > most:
                    rows = np.sort(rng.choice(rows, most, replace=False))
                x_u: np.ndarray = np.asarray(mapped(x[rows], self._scale), dtype)
                of_donors.append(Cells(x_u, None, dtype, keep=keep))
            sides.append(of_donors)
        return sides

    def _of_drawn(self, state: State) -> list[np.ndarray]:
        """Return shares among all cells over shares among drawn cells, first E-step, per side."""
        equal = tuple(np.ones(len(side)) for side in self._cells)
        ratios = []
        for seen, drawn in zip(self._first, self._shares(state, (equal[0], equal[1])), strict=True):
            every = np.stack([seen[i].mass for i in sorted(seen)])
            ratios.append((every + 1 / MAX_CELLS) / (drawn + 1 / MAX_CELLS))
        return ratios

    def _corrected(self, side: int, donor: int, mass: np.ndarray) -> np.ndarray:
        """Return the shares of a donor, corrected for the cells that were not drawn."""
        if self._ratio is None:
            return mass
        mass = mass * self._ratio[side][donor]
        return mass / mass.sum()

    def _moments(
        self, state: State, weights: tuple[np.ndarray, np.ndarray] | None = None
    ) -> list[dict[int, Moments]]:
        """Return the moments of every donor with weight, at the parameters of ``state``."""
        of_sides = []
        for side in (0, 1):
            used, cells, thetas = self._pass_over(side, state, weights)
            moments = expectations(cells, self._centre, thetas, self._knobs.kind)
            of_sides.append(
                {
                    d: m._replace(mass=self._corrected(side, d, m.mass))
                    for d, m in zip(used, moments, strict=True)
                }
            )
        return of_sides

    def _shares(self, state: State, weights: tuple[np.ndarray, np.ndarray]) -> list[np.ndarray]:
        """Return mean responsibilities per side, (n_donors, K); zero for donors without weight."""
        of_sides = []
        for side, cells in enumerate(self._cells):
            used, with_weight, thetas = self._pass_over(side, state, weights)
            shares = np.zeros((len(cells), thetas.shape[-1]))
            masses = mean_responsibilities(with_weight, self._centre, thetas, self._knobs.kind)
            for d, mass in zip(used, masses, strict=True):
                shares[d] = self._corrected(side, d, mass)
            of_sides.append(shares)
        return of_sides

    def _pass_over(
        self, side: int, state: State, weights: tuple[np.ndarray, np.ndarray] | None
    ) -> tuple[list[int], list[AnyCells], np.ndarray]:
        """Return the donors with weight, their cells, and the parameters theta for each donor."""
        cells, k0 = self._cells[side], state.n_source
        k = k0 if side == 0 else len(state.params.weights) - k0
        used = range(len(cells)) if weights is None else np.flatnonzero(weights[side])
        theta = state.theta[side][:, :k]
        thetas = np.broadcast_to(theta, (len(used), *theta.shape))
        with_weight: list[AnyCells] = [cells[i] for i in used]
        return [int(i) for i in used], with_weight, thetas

    def _put_back(self, state: State, shares: list[np.ndarray]) -> Refit:
        """Return a refit: components in the order of the fit, means in the units of the points."""
        k0 = state.n_source
        back = np.linalg.inv(self._scale)
        coupling = np.asarray(state.plan.coupling)
        orders, means = [], []
        for part in (slice(None, k0), slice(k0, None)):
            order = same_order(self._state.params.means[part], state.params.means[part])
            orders.append(order)
            means.append((state.params.means[part][order] + self._centre) @ back)
        coupling = coupling[np.ix_(*orders)]
        if self._kept is not None:
            coupling = np.where(self._kept, coupling, 0.0)
        ordered = [s[:, order] for s, order in zip(shares, orders, strict=True)]
        return Refit(ordered[0], ordered[1], coupling, means[0], means[1])


def combine(moments: Mapping[int, Moments], weights: np.ndarray, kind: Kind = "full") -> Moments:
    """Return the moments of several donors together.

    Parameters
    ----------
    moments
        Moments of every donor with weight, by the number of the donor.
    weights
        Shape (n_donors,), non-negative; scaled to sum to one.
    kind
        Form of the covariances.
    """
    share = np.asarray(weights, float) / np.sum(weights)
    used = [int(i) for i in np.flatnonzero(share)]
    share = share[used]
    mass = np.stack([moments[i].mass for i in used])
    means = np.stack([moments[i].means for i in used])
    part = share[:, None] * mass
    total = part.sum(axis=0)
    part = divide(part, np.broadcast_to(total, part.shape))
    centre = (part[..., None] * means).sum(axis=0)
    off = means - centre
    scatter = np.asarray(
        sum(
            p[:, None, None] * (moments[i].scatter + o[:, :, None] * o[:, None])
            for i, p, o in zip(used, part, off, strict=True)
        )
    )
    if kind == "tied":
        scatter = np.broadcast_to(np.einsum("k,kij->ij", total, scatter), scatter.shape)
    level = float(sum(s * moments[i].log_likelihood for i, s in zip(used, share, strict=True)))
    return Moments(total, centre, scatter, level)


def same_order(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the order in which components after a refit match components before it.

    The sum of squared distances between matched means is as small as possible.

    Parameters
    ----------
    before, after
        Means, shapes (K, D).

    Returns
    -------
    Positions in ``after``, shape (K,).
    """
    gap = np.square(before[:, None] - after[None]).sum(axis=-1)
    return linear_sum_assignment(gap)[1]
