r"""M-step of the coupled fit: everything that happens between two passes over the points.

Given the moments ``(n, xbar, Sbar)`` of both sides it raises

.. math::
   \sum_{sides} \sum_k n_k \big(\log \pi_k - \tfrac12 \log\det S_k
   - \tfrac12 \operatorname{tr} S_k^{-1} \hat S_k\big) + \text{prior} - \lambda\, UW,
   \qquad \hat S_k = \bar S_k + \delta I + (\bar x_k - m_k)(\bar x_k - m_k)^T,

by blocks, each exact given the others:

weights
    Newton ascent over both simplices with the coupling eliminated (:mod:`cgmm.weights`).
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

from typing import NamedTuple

import numpy as np

from . import gaussians, transport, warm
from .mixture import Kind, Moments, features_from_roots
from .weights import FLOOR, by_side, update_weights

MAX_SOLVER_STEPS = 100
MAX_HALVINGS = 40
ABSENT = -1e30
UNCOUPLED = 1e-13
FEW_PAIRS = 16
DIRECT = 256
_ONE = (np.array([0]), np.array([0]))


class Knobs(NamedTuple):
    """Scalars of the objective, and masks of what may move.

    Attributes
    ----------
    transport_weight, epsilon, inv_rho, ridge
        ``lambda``, ``epsilon``, ``1/rho`` and ``delta``.
    kappa
        Strength of the prior on each covariance, shape (K,).
    shape
        ``Psi`` of each component's side, shape (K, D, D).
    level
        Constant that makes the prior zero where every covariance equals ``Psi``.
    free
        True for components that may change, shape (K,).
    kind
        Form of the covariances.
    """

    transport_weight: float
    epsilon: np.float64
    inv_rho: np.float64
    ridge: float
    kappa: np.ndarray
    shape: np.ndarray
    level: float
    free: np.ndarray
    kind: Kind


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
    plan: transport.Plan
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


def _fidelity(shapes: Shapes, k0: int, pairs: tuple[np.ndarray, ...]) -> np.ndarray:
    """Fidelity of the given pairs; that of the others is left as it is."""
    k, j = pairs
    fidelity = shapes.fidelity.copy()
    fidelity[k, j] = gaussians.fidelities(shapes.roots.root[k], shapes.covariances[k0 + j])
    return fidelity


def _coupled_pairs(coupling: np.ndarray) -> np.ndarray:
    """Find the pairs whose mass counts beside that of either of their components."""
    mass = np.minimum(coupling.sum(1)[:, None], coupling.sum(0))
    return coupling > UNCOUPLED * np.maximum(mass, 1e-300)


def _spread(shapes: Shapes, k0: int, k1: int) -> Shapes:
    """Repeat the two shapes of tied covariances for every component."""

    def repeat(part: np.ndarray) -> np.ndarray:
        return np.repeat(part, [k0, k1], axis=0)

    roots = gaussians.Roots(*(repeat(part) for part in shapes.roots))
    return Shapes(repeat(shapes.covariances), roots, np.tile(shapes.fidelity, (k0, k1)))


def _costs(means: np.ndarray, shapes: Shapes, k0: int) -> np.ndarray:
    s = shapes.covariances
    return gaussians.wasserstein_costs(means[:k0], means[k0:], s[:k0], s[k0:], shapes.fidelity)


def _matched(
    weights: np.ndarray,
    means: np.ndarray,
    shapes: Shapes,
    known: np.ndarray,
    potentials: np.ndarray,
    knobs: Knobs,
    before: tuple[transport.Plan, np.ndarray] | None = None,
) -> tuple[Shapes, np.ndarray, transport.Plan]:
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
            shapes = shapes._replace(fidelity=_fidelity(shapes, k0, np.nonzero(near)))
            known = known | near
        costs = _costs(means, shapes, k0)
        if before is not None:
            potentials = warm.carried_over(
                before[0], costs - before[1], knobs.epsilon, knobs.inv_rho
            )
        plan = warm.solve(costs, weights, knobs.epsilon, knobs.inv_rho, potentials)
        if known.all():
            return shapes, costs, plan
        near = ~known & _coupled_pairs(plan.coupling)
        if not near.any():
            return shapes, costs, plan
        before = (plan, costs)


def initial_state(
    params: Params,
    knobs: Knobs,
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
            plan = transport.Plan(potentials[:k0], potentials[k0:], shapes.fidelity, 0.0, 0.0)
            return _state(weights, means, shapes, shapes.fidelity, plan, knobs)
        if knobs.kind == "tied":
            two = covariances[[0, k0]]
            shapes = Shapes(two, gaussians.factors(two), np.zeros((1, 1)))
            shapes = shapes._replace(fidelity=_fidelity(shapes, 1, _ONE))
            shapes, known = _spread(shapes, k0, k - k0), ~known
        else:
            shapes = Shapes(covariances, gaussians.factors(covariances), np.zeros(known.shape))
            if exact:
                shapes = shapes._replace(fidelity=_fidelity(shapes, k0, np.nonzero(~known)))
                known = ~known
        shapes, costs, plan = _matched(weights, means, shapes, known, potentials, knobs)
        return _state(weights, means, shapes, costs, plan, knobs)


def _state(
    weights: np.ndarray,
    means: np.ndarray,
    shapes: Shapes,
    costs: np.ndarray,
    plan: transport.Plan,
    knobs: Knobs,
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
    sides[:, -1] = ABSENT
    sides[0, :, :k0], sides[1, :, :k1] = theta[:, :k0], theta[:, k0:]
    penalty = float(knobs.transport_weight * plan.cost + prior)
    params = Params(weights, means, shapes.covariances)
    return State(params, roots, shapes.fidelity, costs, plan, penalty, sides)


# Means -----------------------------------------------------------------------


def update_means(
    mass: np.ndarray,
    centres: np.ndarray,
    means: np.ndarray,
    coupling: np.ndarray,
    precision: np.ndarray,
    knobs: Knobs,
) -> np.ndarray:
    """Solve for all means at once: directly if they are few, else by conjugate gradients.

    ``(n_k P_k + 2 lambda (W 1)_k I) m_k - 2 lambda sum_l W_kl m_l = n_k P_k xbar_k``.
    """
    k, d = means.shape
    pull = 2 * knobs.transport_weight
    marginal = pull * np.concatenate([coupling.sum(1), coupling.sum(0)])
    weighted = mass[:, None, None] * precision
    diagonal = weighted + (marginal[:, None, None] + FLOOR) * np.eye(d)
    right = (weighted @ centres[..., None])[..., 0] + FLOOR * means
    free = knobs.free[:, None]
    if k * d <= DIRECT:
        return _means_at_once(diagonal, right, means, pull * coupling, free)
    return _means_in_steps(diagonal, right, means, pull * coupling, free)


def _means_at_once(
    diagonal: np.ndarray, right: np.ndarray, means: np.ndarray, ties: np.ndarray, free: np.ndarray
) -> np.ndarray:
    (k, d), k0 = means.shape, len(ties)
    system = np.zeros((k, d, k, d))
    system[range(k), :, range(k)] = diagonal
    for i in range(d):
        system[:k0, i, k0:, i] = -ties
        system[k0:, i, :k0, i] = -ties.T
    matrix = system.reshape(k * d, k * d)
    if not free.all():
        held = np.repeat(~free[:, 0], d)
        matrix[held] = np.eye(k * d)[held]
        right = np.where(free, right, means)
    return np.linalg.solve(matrix, right.ravel()).reshape(k, d)


def _means_in_steps(
    diagonal: np.ndarray, right: np.ndarray, means: np.ndarray, ties: np.ndarray, free: np.ndarray
) -> np.ndarray:
    k0 = len(ties)
    inverse = np.linalg.inv(diagonal)

    def times(blocks: np.ndarray, x: np.ndarray) -> np.ndarray:
        return (blocks @ x[..., None])[..., 0]

    def apply(x: np.ndarray) -> np.ndarray:
        cross = np.concatenate([ties @ x[k0:], ties.T @ x[:k0]])
        return np.where(free, times(diagonal, x) - cross, 0.0)

    r = np.where(free, right, 0.0) - apply(means)
    z = times(inverse, r)
    p, size = z, (r * z).sum()
    goal = 1e-24 * size + 1e-300
    for _ in range(MAX_SOLVER_STEPS):
        if not size > goal:
            break
        image = apply(p)
        length = size / max((p * image).sum(), 1e-300)
        means, r = means + length * p, r - length * image
        z = times(inverse, r)
        size, old = (r * z).sum(), size
        p = z + (size / old) * p
    return means


# Covariances -----------------------------------------------------------------


def _riccati(target: np.ndarray, force: np.ndarray) -> np.ndarray:
    """Solve ``P H P - P = E`` for ``P^{-1}``, given ``H`` (K, D, D) and ``E`` (K, D, D)."""
    root = gaussians.factors(target).root
    values, vectors = np.linalg.eigh(root.swapaxes(1, 2) @ force @ root)
    scale = 1 / (0.5 + np.sqrt(0.25 + np.maximum(values, -0.25)))
    turned = root @ vectors
    return (turned * scale[:, None, :]) @ turned.swapaxes(1, 2)


def _shape_value(
    strength: np.ndarray, target: np.ndarray, shapes: Shapes, coupling: np.ndarray, lam: float
) -> float:
    """Part of the M-step objective that depends on the covariances, at a fixed coupling."""
    trace = (shapes.roots.precision * target).sum((1, 2))
    fit = -0.5 * (strength * (shapes.roots.log_det + trace)).sum()
    marginal = np.concatenate([coupling.sum(1), coupling.sum(0)])
    traces = (marginal * gaussians.traced(shapes.covariances)).sum()
    return float(fit - lam * (traces - 2 * (coupling * shapes.fidelity).sum()))


def update_covariances(
    strength: np.ndarray,
    target: np.ndarray,
    movable: np.ndarray,
    old: Shapes,
    coupling: np.ndarray,
    lam: float,
) -> tuple[Shapes, np.ndarray]:
    """Move the covariances towards the Riccati solution as far as the objective rises.

    Returns them and, shape (K0, K1), whose fidelity is up to date: that of the coupled pairs.

    Parameters
    ----------
    strength
        ``n_k + kappa_k``, shape (K,).
    target
        Scatter that the data and the prior ask for, shape (K, D, D).
    movable
        True for covariances that may change, shape (K,).
    old
        Starting point.
    coupling
        Shape (K0, K1), held fixed.
    """
    k0, d = coupling.shape[0], target.shape[-1]
    marginal = np.concatenate([coupling.sum(1), coupling.sum(0)])
    source = gaussians.Roots(*(part[:k0] for part in old.roots))
    coupled = _coupled_pairs(coupling)
    k, j = np.nonzero(coupled)
    pairs = (k, j)
    maps = gaussians.sum_of_maps(source, old.covariances[k0:], k, j, coupling[pairs])
    drag = marginal[:, None, None] * np.eye(d) - np.concatenate(maps)
    force = (2 * lam / np.maximum(strength, FLOOR))[:, None, None] * drag
    wanted = np.where(movable[:, None, None], _riccati(target, force), old.covariances)
    base = _shape_value(strength, target, old, coupling, lam)
    for halving in range(MAX_HALVINGS):
        size = 0.5**halving
        trial = (1 - size) * old.covariances + size * wanted
        new = Shapes(trial, gaussians.factors(trial), old.fidelity)
        new = new._replace(fidelity=_fidelity(new, k0, pairs))
        if _shape_value(strength, target, new, coupling, lam) >= base:
            return new, coupled
    return old, coupled


# All together ----------------------------------------------------------------


def m_step(source: Moments, target: Moments, state: State, knobs: Knobs, *, coupled: bool) -> State:
    """One sweep over weights, means and covariances; the transport is solved again at the end.

    Parameters
    ----------
    source, target
        Moments of the two sides at ``state``.
    """
    with np.errstate(all="ignore"):
        return _sweep(source, target, state, knobs, coupled=coupled)


def _sweep(source: Moments, target: Moments, state: State, knobs: Knobs, *, coupled: bool) -> State:
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
    asked = _asked(mass, centres - means, scatter, strength, knobs)
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
        shapes, known = _spread(shapes, k0, k1), np.tile(known, (k0, k1))
    elif knobs.kind == "diag":
        shapes = shapes._replace(covariances=shapes.covariances * np.eye(means.shape[1]))
    if not coupled:
        return _state(weights, means, shapes, state.costs, plan, knobs)
    potentials = np.concatenate([plan.f, plan.g])
    before = (plan, state.costs)
    shapes, costs, plan = _matched(weights, means, shapes, known, potentials, knobs, before)
    return _state(weights, means, shapes, costs, plan, knobs)


def _asked(
    mass: np.ndarray, off: np.ndarray, scatter: np.ndarray, strength: np.ndarray, knobs: Knobs
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
