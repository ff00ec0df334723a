"""State of a coupled fit between two passes over the cells."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cgmm.coupled.objective import Objective
from cgmm.mixture.features import features_from_roots
from cgmm.transport import gaussians, solver
from cgmm.transport.warm_start import extrapolated_potentials, solve_near

LOG_ZERO = -1e30
UNCOUPLED = 1e-13
FEW_PAIRS = 16
ONE_PAIR = (np.array([0]), np.array([0]))


class Params(NamedTuple):
    """Stacked parameters of both mixtures: weights (K,), means (K, D), covariances (K, D, D)."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray


class State(NamedTuple):
    """Parameters with all that follows from them.

    Attributes
    ----------
    params
        Current parameters.
    roots
        Roots of the covariances.
    fidelity
        ``tr G^{1/2}`` of all source-target pairs, shape (K0, K1).
    costs
        Squared Wasserstein distances, shape (K0, K1).
    plan
        Solved transport problem.
    penalty
        What the objective takes off the log likelihoods: transport and prior.
    theta
        Coefficients of the log densities of each side, ridge included: shape (2, M, max(K0, K1));
        the side with fewer components is filled up with components of no density.
    """

    params: Params
    roots: gaussians.Roots
    fidelity: np.ndarray
    costs: np.ndarray
    plan: solver.Plan
    penalty: float
    theta: np.ndarray

    @property
    def n_source(self) -> int:
        """Number of source components."""
        return self.costs.shape[0]


class Shapes(NamedTuple):
    """Distinct covariances, their roots and the fidelity of the pairs across the sides."""

    covariances: np.ndarray
    roots: gaussians.Roots
    fidelity: np.ndarray


def fidelity_of(shapes: Shapes, k0: int, pairs: tuple[np.ndarray, ...]) -> np.ndarray:
    """Fidelity of the given pairs; that of the others is left as it is."""
    k, j = pairs
    fidelity = shapes.fidelity.copy()
    fidelity[k, j] = gaussians.fidelities(shapes.roots.root[k], shapes.covariances[k0 + j])
    return fidelity


def _coupled_pairs(coupling: np.ndarray) -> np.ndarray:
    """Find the pairs whose mass counts beside that of either of their components."""
    mass = np.minimum(coupling.sum(1)[:, None], coupling.sum(0))
    return coupling > UNCOUPLED * np.maximum(mass, 1e-300)


def spread_shapes(shapes: Shapes, k0: int, k1: int) -> Shapes:
    """Repeat the two shapes of tied covariances for every component."""

    def repeat(part: np.ndarray) -> np.ndarray:
        return np.repeat(part, [k0, k1], axis=0)

    roots = gaussians.Roots(*(repeat(part) for part in shapes.roots))
    return Shapes(repeat(shapes.covariances), roots, np.tile(shapes.fidelity, (k0, k1)))


def _costs(means: np.ndarray, shapes: Shapes, k0: int) -> np.ndarray:
    s = shapes.covariances
    return gaussians.wasserstein_costs(means[:k0], means[k0:], s[:k0], s[k0:], shapes.fidelity)


def matched(
    weights: np.ndarray,
    means: np.ndarray,
    shapes: Shapes,
    known: np.ndarray,
    potentials: np.ndarray,
    knobs: Objective,
    before: tuple[solver.Plan, np.ndarray] | None = None,
) -> tuple[Shapes, np.ndarray, solver.Plan]:
    """Costs of all pairs that can couple, and the transport.

    A pair is too far apart to couple if it has no mass at the lower bound of its cost that the
    traces give, ``tr G^{1/2} <= (tr S tr T)^{1/2}``; the eigenvalues of ``G`` are spared there.

    Parameters
    ----------
    known
        True for pairs whose fidelity in ``shapes`` is exact, shape (K0, K1).
    before
        Transport and costs of which the potentials are, to predict those at the new costs.
    """
    k0 = len(known)
    traces = gaussians.traced(shapes.covariances)
    bound = np.sqrt(traces[:k0, None] * traces[k0:])
    shapes = shapes._replace(fidelity=np.where(known, shapes.fidelity, bound))
    if known.size <= FEW_PAIRS:
        near = ~known
    else:
        costs = _costs(means, shapes, k0)
        logs = (potentials[:k0, None] + potentials[k0:] - costs) / knobs.epsilon
        near = ~known & (np.minimum(weights[:k0, None], weights[k0:]) * np.exp(logs) > UNCOUPLED)
    while True:
        if near.any():
            shapes = shapes._replace(fidelity=fidelity_of(shapes, k0, np.nonzero(near)))
            known = known | near
        costs = _costs(means, shapes, k0)
        if before is not None:
            potentials = extrapolated_potentials(
                before[0], costs - before[1], knobs.epsilon, knobs.inv_rho
            )
        plan = solve_near(costs, weights, knobs.epsilon, knobs.inv_rho, potentials)
        if known.all():
            return shapes, costs, plan
        near = ~known & _coupled_pairs(plan.coupling)
        if not near.any():
            return shapes, costs, plan
        before = (plan, costs)


def initial_state(
    params: Params,
    knobs: Objective,
    *,
    k0: int,
    coupled: bool,
    warm_start: np.ndarray | None = None,
    exact: bool = True,
) -> State:
    """State of given parameters; the transport is solved from given potentials or from zero.

    ``exact`` asks for the costs of all pairs, also of those too far apart to couple.
    """
    weights, means, covariances = params
    k = len(weights)
    known = np.zeros((k0, k - k0), bool)
    potentials = np.zeros(k) if warm_start is None else warm_start
    with np.errstate(all="ignore"):
        if not coupled:
            shapes = Shapes(covariances, gaussians.factors(covariances), np.zeros(known.shape))
            plan = solver.Plan(potentials[:k0], potentials[k0:], shapes.fidelity, 0.0, 0.0)
            return state_of(weights, means, shapes, shapes.fidelity, plan, knobs)
        if knobs.kind == "tied":
            two = covariances[[0, k0]]
            shapes = Shapes(two, gaussians.factors(two), np.zeros((1, 1)))
            shapes = shapes._replace(fidelity=fidelity_of(shapes, 1, ONE_PAIR))
            shapes, known = spread_shapes(shapes, k0, k - k0), ~known
        else:
            shapes = Shapes(covariances, gaussians.factors(covariances), np.zeros(known.shape))
            if exact:
                shapes = shapes._replace(fidelity=fidelity_of(shapes, k0, np.nonzero(~known)))
                known = ~known
        shapes, costs, plan = matched(weights, means, shapes, known, potentials, knobs)
        return state_of(weights, means, shapes, costs, plan, knobs)


def state_of(
    weights: np.ndarray,
    means: np.ndarray,
    shapes: Shapes,
    costs: np.ndarray,
    plan: solver.Plan,
    knobs: Objective,
) -> State:
    """Put a state together, with its penalty and its log density coefficients."""
    roots = shapes.roots
    precision = roots.precision
    prior_trace = (precision * knobs.shape).sum((1, 2))
    prior = 0.5 * (knobs.kappa * (prior_trace + roots.log_det)).sum() - knobs.level
    log_weights = np.log(weights) - 0.5 * knobs.ridge * gaussians.traced(precision)
    theta = features_from_roots(log_weights, means, roots)
    k0, k1 = costs.shape
    sides = np.zeros((2, theta.shape[0], max(k0, k1)))
    sides[:, -1] = LOG_ZERO
    sides[0, :, :k0], sides[1, :, :k1] = theta[:, :k0], theta[:, k0:]
    penalty = float(knobs.transport_weight * plan.cost + prior)
    params = Params(weights, means, shapes.covariances)
    return State(params, roots, shapes.fidelity, costs, plan, penalty, sides)
