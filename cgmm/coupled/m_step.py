r"""M-step of the coupled fit: everything that is computed between two passes over the points.

Given the moments ``(n, xbar, Sbar)`` of both sides, the M-step raises

.. math::
   \sum_{sides} \sum_k n_k \big(\log \pi_k - \tfrac12 \log\det S_k
   - \tfrac12 \operatorname{tr} S_k^{-1} \hat S_k\big) + \text{prior} - \lambda\, UW,
   \qquad \hat S_k = \bar S_k + \delta I + (\bar x_k - m_k)(\bar x_k - m_k)^T,

in three blocks, each with its own module:

weights
    :mod:`cgmm.coupled.weights`: Newton steps over both simplices, with the coupling eliminated.
means
    :mod:`cgmm.coupled.means`: one linear system over all components of both sides.
covariances
    :mod:`cgmm.coupled.covariances`: a Riccati equation at fixed Monge maps, then a line search.

``delta`` (the ridge) is the variance of isotropic measurement noise of every point.  ``prior`` is
the log density of an inverse Wishart law, ``-kappa/2 (tr Psi S^{-1} + log det S)``, with a fixed
shape ``Psi`` per side (Fraley & Raftery 2007, J. Classif. 24).  Ridge and prior are part of the
objective, and the M-step never lowers the objective.  "diag" covariances are full matrices that
stay diagonal, because every operation preserves the form.  "tied" covariances are one matrix per
side, with strength and scatter summed over the components of the side.

Components of both sides are stacked, source first.  The M-step is plain numpy: the arrays are
small, and compilation would take longer than a fit.
"""

from __future__ import annotations

import numpy as np

from cgmm.coupled.covariances import target_scatter, update_covariances
from cgmm.coupled.means import update_means
from cgmm.coupled.objective import MIN_WEIGHT, Objective
from cgmm.coupled.shapes import Shapes, repeated
from cgmm.coupled.state import State, state_of, transported
from cgmm.coupled.weights import sums_by_side, update_weights
from cgmm.mixture.e_step import Moments
from cgmm.pair import halves
from cgmm.transport import gaussians


def m_step(
    source: Moments, target: Moments, state: State, objective: Objective, *, coupled: bool
) -> State:
    """Return the state after one update of weights, means, covariances and transport, in turn.

    Parameters
    ----------
    source, target
        Moments of the two sides at ``state``.
    state
        State at which the E-step was computed.
    objective
        Constants of the objective.
    coupled
        Whether to include the transport.  False: the M-step of two independent mixtures.

    Returns
    -------
    The next state.
    """
    with np.errstate(all="ignore"):
        k0, k1 = state.costs.shape
        mass, centres, scatter = (
            np.concatenate([a[:k0], b[:k1]]) for a, b in zip(source[:3], target[:3], strict=True)
        )
        weights, means, _ = state.params
        alive = mass > MIN_WEIGHT
        centres = np.where(alive[:, None], centres, means)
        scatter = np.where(alive[:, None, None], scatter, 0.0)
        if coupled:
            weights, plan = update_weights(mass, weights, state.costs, state.plan, objective)
            coupling = plan.coupling
            precision = state.roots.precision
            means = update_means(mass, centres, means, coupling, precision, objective)
        else:
            free, share = objective.free, np.maximum(mass, MIN_WEIGHT)
            weights = np.where(free, share / sums_by_side(share, k0), weights)
            means = np.where(free[:, None], centres, means)
            plan, coupling = state.plan, np.zeros((k0, k1))
        shapes, known = _updated_shapes(
            mass, centres - means, scatter, state, coupling, objective, coupled=coupled
        )
        if not coupled:
            return state_of(weights, means, shapes, state.costs, plan, objective)
        potentials, before = np.concatenate([plan.f, plan.g]), (plan, state.costs)
        shapes, costs, plan = transported(
            weights, means, shapes, known, potentials, objective, before
        )
        return state_of(weights, means, shapes, costs, plan, objective)


def _updated_shapes(
    mass: np.ndarray,
    offset: np.ndarray,
    scatter: np.ndarray,
    state: State,
    coupling: np.ndarray,
    objective: Objective,
    *,
    coupled: bool,
) -> tuple[Shapes, np.ndarray]:
    """Return the new covariances, and True for pairs with an exact fidelity, shape (K0, K1)."""
    k0, k1 = coupling.shape
    old = Shapes(state.params.covariances, state.roots, state.fidelity)
    strength = mass + objective.kappa
    target = target_scatter(mass, offset, scatter, strength, objective)
    movable = objective.free & (strength > MIN_WEIGHT)
    if objective.kind == "tied":
        strength, target, old = _collapsed(strength, target, old, k0)
        movable, coupling = objective.free[[0, k0]], np.array([[coupling.sum()]])
    if coupled:
        lam = objective.transport_weight
        shapes, known = update_covariances(strength, target, movable, old, coupling, lam)
    else:
        known = np.zeros(coupling.shape, bool)
        covariances = np.where(movable[:, None, None], target, old.covariances)
        shapes = Shapes.of(covariances, np.zeros(known.shape))
    if objective.kind == "tied":
        return repeated(shapes, k0, k1), np.tile(known, (k0, k1))
    if objective.kind == "diag":
        shapes = shapes._replace(covariances=shapes.covariances * np.eye(offset.shape[1]))
    return shapes, known


def _collapsed(
    strength: np.ndarray, target: np.ndarray, old: Shapes, k0: int
) -> tuple[np.ndarray, np.ndarray, Shapes]:
    """Return strength, mean scatter and shapes per side, for one covariance per side."""
    whole = np.array([part.sum() for part in halves(strength, k0)])
    total = halves(strength[:, None, None] * target, k0)
    mean = np.stack([part.sum(0) for part in total]) / whole[:, None, None]
    first = [0, k0]
    roots = gaussians.Roots(*(part[first] for part in old.roots))
    return whole, mean, Shapes(old.covariances[first], roots, old.fidelity[:1, :1])
