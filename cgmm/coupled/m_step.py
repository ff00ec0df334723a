r"""M-step of the coupled fit: everything that happens between two passes over the points.

Given the moments ``(n, xbar, Sbar)`` of both sides it raises

.. math::
   \sum_{sides} \sum_k n_k \big(\log \pi_k - \tfrac12 \log\det S_k
   - \tfrac12 \operatorname{tr} S_k^{-1} \hat S_k\big) + \text{prior} - \lambda\, UW,
   \qquad \hat S_k = \bar S_k + \delta I + (\bar x_k - m_k)(\bar x_k - m_k)^T,

by blocks, each exact given the others:

weights
    Newton ascent over both simplices with the coupling eliminated (:mod:`cgmm.coupled.weights`).
means
    one symmetric positive definite linear system over all components of both sides, by
    conjugate gradients with the diagonal blocks as preconditioner.
covariances
    the Riccati equation ``P H P - P = E`` of the stationarity conditions at fixed Monge maps,
    solved in closed form, then drawn back towards the old value until the objective rises.

``delta`` (the ridge) stands for isotropic measurement noise of every point; ``prior`` is the log
density of an inverse Wishart law ``-kappa/2 (tr Psi S^{-1} + log det S)`` with a fixed shape
``Psi`` per side (Fraley & Raftery 2007, J. Classif. 24).  Both stand in the objective, so that it
never falls.  "diag" covariances are full ones that stay diagonal, because every operation on them
does; "tied" ones are one matrix per side, for which the sums over components collapse.

Components of both sides are stacked, source first.  All of it is plain numpy: the arrays are
small, and compiling would take longer than a fit.
"""

from __future__ import annotations

import numpy as np

from cgmm.coupled.covariances import update_covariances
from cgmm.coupled.means import update_means
from cgmm.coupled.objective import Objective
from cgmm.coupled.state import Shapes, State, matched, spread_shapes, state_of
from cgmm.coupled.weights import FLOOR, by_side, update_weights
from cgmm.mixture.e_step import Moments
from cgmm.transport import gaussians

# All together ----------------------------------------------------------------


def m_step(
    source: Moments, target: Moments, state: State, knobs: Objective, *, coupled: bool
) -> State:
    """One sweep over weights, means and covariances; the transport is solved again at the end.

    Parameters
    ----------
    source, target
        Moments of the two sides at ``state``.
    """
    with np.errstate(all="ignore"):
        return _sweep(source, target, state, knobs, coupled=coupled)


def _sweep(
    source: Moments, target: Moments, state: State, knobs: Objective, *, coupled: bool
) -> State:
    k0 = state.n_source
    k1 = len(state.params.weights) - k0
    mass, centres, scatter = (
        np.concatenate([a[:k0], b[:k1]]) for a, b in zip(source[:3], target[:3], strict=True)
    )
    weights, means, _ = state.params
    strength, lam = mass + knobs.kappa, knobs.transport_weight
    alive = mass > FLOOR
    centres = np.where(alive[:, None], centres, means)
    scatter = np.where(alive[:, None, None], scatter, 0.0)
    free = knobs.free
    old = Shapes(state.params.covariances, state.roots, state.fidelity)
    if coupled:
        weights, plan = update_weights(
            mass,
            weights,
            state.costs,
            state.plan,
            lam=lam,
            epsilon=knobs.epsilon,
            inv_rho=knobs.inv_rho,
            free=free,
        )
        means = update_means(mass, centres, means, plan.coupling, state.roots.precision, knobs)
        coupling = plan.coupling
    else:
        share = np.maximum(mass, FLOOR)
        weights = np.where(free, share / by_side(share, k0), weights)
        means = np.where(free[:, None], centres, means)
        plan, coupling = state.plan, np.zeros((k0, k1))
    asked = target_scatter(mass, centres - means, scatter, strength, knobs)
    movable = free & (strength > FLOOR)
    if knobs.kind == "tied":
        strength, asked, movable, old, coupling = _collapse(
            strength, asked, free, old, coupling, k0
        )
    if coupled:
        shapes, known = update_covariances(strength, asked, movable, old, coupling, lam)
    else:
        covariances = np.where(movable[:, None, None], asked, old.covariances)
        known = np.zeros(coupling.shape, bool)
        shapes = Shapes(covariances, gaussians.factors(covariances), 1.0 * known)
    if knobs.kind == "tied":
        shapes, known = spread_shapes(shapes, k0, k1), np.tile(known, (k0, k1))
    elif knobs.kind == "diag":
        shapes = shapes._replace(covariances=shapes.covariances * np.eye(means.shape[1]))
    if not coupled:
        return state_of(weights, means, shapes, state.costs, plan, knobs)
    potentials = np.concatenate([plan.f, plan.g])
    before = (plan, state.costs)
    shapes, costs, plan = matched(weights, means, shapes, known, potentials, knobs, before)
    return state_of(weights, means, shapes, costs, plan, knobs)


def target_scatter(
    mass: np.ndarray, off: np.ndarray, scatter: np.ndarray, strength: np.ndarray, knobs: Objective
) -> np.ndarray:
    """Scatter that data, ridge and prior ask for, in the form of the covariances."""
    eye = np.eye(off.shape[1])
    data = scatter + off[:, :, None] * off[:, None] + knobs.ridge * eye
    total = mass[:, None, None] * data + knobs.kappa[:, None, None] * knobs.shape
    if knobs.kind == "diag":
        total = total * eye
    return total / np.maximum(strength, FLOOR)[:, None, None]


def _collapse(
    strength: np.ndarray,
    asked: np.ndarray,
    free: np.ndarray,
    old: Shapes,
    coupling: np.ndarray,
    k0: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Shapes, np.ndarray]:
    """Sum over the components of each side, which share one covariance."""
    parts = (slice(None, k0), slice(k0, None))
    whole = np.array([strength[p].sum() for p in parts])
    total = strength[:, None, None] * asked
    mean = np.stack([total[p].sum(0) for p in parts]) / whole[:, None, None]
    first = [0, k0]
    shapes = Shapes(
        old.covariances[first],
        gaussians.Roots(*(part[first] for part in old.roots)),
        old.fidelity[:1, :1],
    )
    return whole, mean, free[first], shapes, np.array([[coupling.sum()]])
