"""State of a coupled fit between two passes over the cells: parameters, costs and transport."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cgmm.coupled.objective import Objective
from cgmm.coupled.shapes import MIN_COUPLED_SHARE, Shapes, coupled_pairs, repeated, with_fidelity
from cgmm.mixture.features import features_from_roots
from cgmm.pair import Pair, halves
from cgmm.transport import gaussians, solver
from cgmm.transport.warm_start import extrapolated_potentials, solve_near

LOG_ZERO = -1e30
MAX_PAIRS_AT_ONCE = 16  # up to this number of pairs, all exact costs are computed
ONE_PAIR = (np.array([0]), np.array([0]))


class Params(NamedTuple):
    """Stacked parameters of both mixtures: weights (K,), means (K, D), covariances (K, D, D)."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray


class State(NamedTuple):
    """Parameters of both mixtures, and everything that follows from the parameters.

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
        Transport and prior terms, which the objective subtracts from the log likelihoods.
    theta
        Coefficients of the log densities of each side, ridge included, shape
        (2, M, max(K0, K1)).  The side with fewer components is filled up with components of
        density zero.
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

    @property
    def coefficients(self) -> Pair[np.ndarray]:
        """Coefficients of the log densities of each side, shapes (M, K0) and (M, K1)."""
        k0, k1 = self.costs.shape
        return Pair(self.theta[0][:, :k0], self.theta[1][:, :k1])


def initial_state(
    params: Params,
    objective: Objective,
    *,
    k0: int,
    coupled: bool,
    warm_start: np.ndarray | None = None,
    exact: bool = True,
) -> State:
    """Return the state with given parameters.

    Parameters
    ----------
    params
        Weights, means and covariances of both sides.
    objective
        Constants of the objective.
    k0
        Number of source components.
    coupled
        Whether to solve the transport.
    warm_start
        Starting potentials of the transport, shape (K,).  None: zeros.
    exact
        Whether to compute exact costs for pairs that are too far apart to couple.

    Returns
    -------
    State
    """
    weights, means, covariances = params
    k = len(weights)
    known = np.zeros((k0, k - k0), bool)
    potentials = np.zeros(k) if warm_start is None else warm_start
    with np.errstate(all="ignore"):
        if not coupled:
            shapes = Shapes.of(covariances, np.zeros(known.shape))
            plan = solver.Plan(*halves(potentials, k0), shapes.fidelity, 0.0, 0.0)
            return state_of(weights, means, shapes, shapes.fidelity, plan, objective)
        if objective.kind == "tied":
            two = Shapes.of(covariances[[0, k0]], np.zeros((1, 1)))
            shapes = repeated(with_fidelity(two, 1, ONE_PAIR), k0, k - k0)
            known = ~known
        else:
            shapes = Shapes.of(covariances, np.zeros(known.shape))
            if exact:
                shapes = with_fidelity(shapes, k0, np.nonzero(~known))
                known = ~known
        shapes, costs, plan = transported(weights, means, shapes, known, potentials, objective)
        return state_of(weights, means, shapes, costs, plan, objective)


def transported(
    weights: np.ndarray,
    means: np.ndarray,
    shapes: Shapes,
    known: np.ndarray,
    potentials: np.ndarray,
    objective: Objective,
    before: tuple[solver.Plan, np.ndarray] | None = None,
) -> tuple[Shapes, np.ndarray, solver.Plan]:
    """Solve the transport, with exact costs for all pairs that can couple.

    ``tr G^{1/2} <= (tr S tr T)^{1/2}`` gives a lower bound of the cost of a pair.  A pair without
    mass at this bound has no mass at its exact cost, and its fidelity is not computed.

    Parameters
    ----------
    weights, means
        Weights and means of both sides, shapes (K,) and (K, D).
    shapes
        Covariances of both sides.
    known
        True for pairs whose fidelity in ``shapes`` is exact, shape (K0, K1).
    potentials
        Potentials to start from, shape (K,).
    objective
        Constants of the objective.
    before
        A solved transport and its costs, from which the potentials at the new costs are
        extrapolated.  None: the transport starts at ``potentials``.

    Returns
    -------
    Shapes with more exact fidelities, costs (K0, K1), and the solved transport.
    """
    k0 = len(known)
    traces = gaussians.traced(shapes.covariances)
    bound = np.sqrt(traces[:k0, None] * traces[k0:])
    shapes = shapes._replace(fidelity=np.where(known, shapes.fidelity, bound))
    if known.size <= MAX_PAIRS_AT_ONCE:
        near = ~known
    else:
        costs = _costs(means, shapes, k0)
        logs = (potentials[:k0, None] + potentials[k0:] - costs) / objective.epsilon
        mass = np.minimum(weights[:k0, None], weights[k0:]) * np.exp(logs)
        near = ~known & (mass > MIN_COUPLED_SHARE)
    while True:
        if near.any():
            shapes = with_fidelity(shapes, k0, np.nonzero(near))
            known = known | near
        costs = _costs(means, shapes, k0)
        problem = objective.problem(costs, weights)
        if before is not None:
            potentials = extrapolated_potentials(before[0], costs - before[1], problem)
        plan = solve_near(problem, potentials)
        if known.all():
            return shapes, costs, plan
        near = ~known & coupled_pairs(plan.coupling)
        if not near.any():
            return shapes, costs, plan
        before = (plan, costs)


def state_of(
    weights: np.ndarray,
    means: np.ndarray,
    shapes: Shapes,
    costs: np.ndarray,
    plan: solver.Plan,
    objective: Objective,
) -> State:
    """Return a state, with penalty and coefficients of the log densities computed.

    Parameters
    ----------
    weights, means, shapes
        Parameters of both sides.
    costs, plan
        Costs (K0, K1) and the transport solved at these costs.
    objective
        Constants of the objective.

    Returns
    -------
    State
    """
    roots = shapes.roots
    precision = roots.precision
    prior_trace = (precision * objective.shape).sum((1, 2))
    prior = 0.5 * (objective.kappa * (prior_trace + roots.log_det)).sum() - objective.level
    log_weights = np.log(weights) - 0.5 * objective.ridge * gaussians.traced(precision)
    theta = features_from_roots(log_weights, means, roots)
    k0, k1 = costs.shape
    sides = np.zeros((2, theta.shape[0], max(k0, k1)))
    sides[:, -1] = LOG_ZERO
    sides[0, :, :k0], sides[1, :, :k1] = theta[:, :k0], theta[:, k0:]
    penalty = float(objective.transport_weight * plan.cost + prior)
    params = Params(weights, means, shapes.covariances)
    return State(params, roots, shapes.fidelity, costs, plan, penalty, sides)


def _costs(means: np.ndarray, shapes: Shapes, k0: int) -> np.ndarray:
    s = shapes.covariances
    return gaussians.wasserstein_costs(*halves(means, k0), *halves(s, k0), shapes.fidelity)
