r"""M-step of the coupled fit: everything that happens between two passes over the points.

Given the moments ``(n, xbar, Sbar)`` of both sides it raises

.. math::
   \sum_{sides} \sum_k n_k \big(\log \pi_k - \tfrac12 \log\det S_k
   - \tfrac12 \operatorname{tr} S_k^{-1} \hat S_k\big) + \text{prior} - \lambda\, UW,
   \qquad \hat S_k = \bar S_k + \delta I + (\bar x_k - m_k)(\bar x_k - m_k)^T,

by blocks, each exact given the others:

weights
    Newton ascent over both simplices with the coupling eliminated; one formula for every
    ``rho`` up to infinity.
means
    one symmetric positive definite linear system over all components of both sides, by
    conjugate gradients with the diagonal blocks as preconditioner.
covariances
    the Riccati equation ``P H P - P = E`` of the stationarity conditions at fixed Monge maps,
    solved in closed form, then drawn back towards the old value until the objective rises.

``delta`` (the ridge) stands for isotropic measurement noise of every point; ``prior`` is the log
density of an inverse Wishart law ``-kappa/2 (tr Psi S^{-1} + log det S)`` with a fixed shape
``Psi`` per side (Fraley & Raftery 2007, J. Classif. 24).  Both stand in the objective, so that it
never falls.  Components of both sides are stacked, source first, which keeps one batched LAPACK
call in flight at a time.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from . import gaussians, transport
from .mixture import Moments, features_from_roots

MAX_WEIGHT_STEPS = 20
MAX_SOLVER_STEPS = 100
MAX_HALVINGS = 40
FLOOR = 1e-12
ABSENT = -1e30


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
    """

    transport_weight: jax.Array
    epsilon: jax.Array
    inv_rho: jax.Array
    ridge: jax.Array
    kappa: jax.Array
    shape: jax.Array
    level: jax.Array
    free: jax.Array


class Params(NamedTuple):
    """Stacked parameters of both mixtures: weights (K,), means (K, D), covariances (K, D, D)."""

    weights: jax.Array
    means: jax.Array
    covariances: jax.Array


class State(NamedTuple):
    """Parameters with all that follows from them.

    Attributes
    ----------
    params
        Current parameters.
    roots, pairs
        Roots of the covariances and of all source-target pairs.
    costs
        Squared Wasserstein distances, shape (K0, K1).
    plan
        Solved transport problem.
    penalty
        What the objective takes off the log likelihoods: transport and prior.
    theta
        Coefficients of the log densities, ridge included: shape (2, M, max(K0, K1)); the
        side with fewer components is filled up with components of no density.
    """

    params: Params
    roots: gaussians.Roots
    pairs: gaussians.PairRoots
    costs: jax.Array
    plan: transport.Plan
    penalty: jax.Array
    theta: jax.Array

    @property
    def n_source(self) -> int:
        """Number of source components."""
        return self.costs.shape[0]


def _pairs(covariances: jax.Array, roots: gaussians.Roots, k0: int) -> gaussians.PairRoots:
    return gaussians.pair_roots(roots.root[:k0], covariances[k0:])


def _costs(means: jax.Array, covariances: jax.Array, fidelity: jax.Array, k0: int) -> jax.Array:
    return gaussians.wasserstein_costs(
        means[:k0], means[k0:], covariances[:k0], covariances[k0:], fidelity
    )


def _blank_pairs(k0: int, k1: int, d: int, dtype: jnp.dtype) -> gaussians.PairRoots:
    return gaussians.PairRoots(
        jnp.zeros((k0, k1, d), dtype), jnp.broadcast_to(jnp.eye(d, dtype=dtype), (k0, k1, d, d))
    )


@partial(jax.jit, static_argnames=("k0", "coupled"))
def initial_state(params: Params, knobs: Knobs, *, k0: int, coupled: bool) -> State:
    """State of given parameters, with the transport solved from a cold start."""
    weights, means, covariances = params
    roots = gaussians.roots(covariances)
    k1, d = means.shape[0] - k0, means.shape[1]
    f, g = jnp.zeros(k0, means.dtype), jnp.zeros(k1, means.dtype)
    if coupled:
        pairs = _pairs(covariances, roots, k0)
        costs = _costs(means, covariances, pairs.fidelity, k0)
        plan = _transport(costs, weights, knobs, f, g)
    else:
        pairs = _blank_pairs(k0, k1, d, means.dtype)
        costs = jnp.zeros((k0, k1), means.dtype)
        plan = transport.Plan(f, g, costs, jnp.zeros((), means.dtype), jnp.zeros((), means.dtype))
    return _state(params, roots, pairs, costs, plan, knobs)


def _transport(
    costs: jax.Array, weights: jax.Array, knobs: Knobs, f: jax.Array, g: jax.Array
) -> transport.Plan:
    k0 = f.shape[0]
    return transport.solve(costs, weights[:k0], weights[k0:], knobs.epsilon, knobs.inv_rho, f, g)


def _state(
    params: Params,
    roots: gaussians.Roots,
    pairs: gaussians.PairRoots,
    costs: jax.Array,
    plan: transport.Plan,
    knobs: Knobs,
) -> State:
    """Put a state together, with its penalty and its log density coefficients."""
    prior_trace = jnp.einsum("kij,kij->k", roots.precision, knobs.shape)
    prior = 0.5 * (knobs.kappa * (prior_trace + roots.log_det)).sum() - knobs.level
    log_weights = jnp.log(params.weights) - 0.5 * knobs.ridge * gaussians.traced(roots.precision)
    theta = features_from_roots(log_weights, params.means, roots)
    k0, k1 = costs.shape
    absent = jnp.zeros((theta.shape[0], abs(k0 - k1)), theta.dtype).at[-1].set(ABSENT)
    sides = [theta[:, :k0], theta[:, k0:]]
    sides[int(k0 > k1)] = jnp.concatenate([sides[int(k0 > k1)], absent], axis=1)
    penalty = knobs.transport_weight * plan.cost + prior
    return State(params, roots, pairs, costs, plan, penalty, jnp.stack(sides))


# Weights ---------------------------------------------------------------------


def _simplex(scores: jax.Array, k0: int) -> jax.Array:
    parts = (jax.nn.softmax(scores[:k0]), jax.nn.softmax(scores[k0:]))
    floored = jnp.maximum(jnp.concatenate(parts), FLOOR)
    return floored / _by_side(floored, k0)


def _by_side(values: jax.Array, k0: int) -> jax.Array:
    """Sum per side, repeated for every component of the side."""
    first, second = values[:k0].sum(), values[k0:].sum()
    k1 = values.shape[0] - k0
    return jnp.concatenate([jnp.repeat(first[None], k0), jnp.repeat(second[None], k1)])


def update_weights(
    mass: jax.Array, weights: jax.Array, costs: jax.Array, plan: transport.Plan, knobs: Knobs
) -> tuple[jax.Array, transport.Plan]:
    r"""Maximise ``sum n log pi - lambda UW(pi)`` over the weights of both sides.

    With ``q = (1 + eps/rho) h(f)`` and weights that are a softmax, the gradient is
    ``n - pi - lambda pi (q - <pi, q>)``; the derivative of the potentials comes from the
    optimality system of the dual.
    """
    k0, k = costs.shape[0], mass.shape[0]
    lam, eps, inv = knobs.transport_weight, knobs.epsilon, knobs.inv_rho
    same_side = (jnp.arange(k)[:, None] < k0) == (jnp.arange(k)[None] < k0)

    def slopes(weights: jax.Array, plan: transport.Plan) -> tuple[jax.Array, jax.Array]:
        q = (1 + eps * inv) * transport.gain(jnp.concatenate([plan.f, plan.g]), inv)
        ratio = jnp.where(knobs.free, mass / weights, 1.0)
        tilt = jnp.where(knobs.free, q - _by_side(weights * q, k0), 0.0)
        return ratio - 1 - lam * tilt, q

    def value(weights: jax.Array, plan: transport.Plan) -> jax.Array:
        return (mass * jnp.log(weights)).sum() - lam * plan.cost

    def newton(weights: jax.Array, plan: transport.Plan) -> jax.Array:
        slope, q = slopes(weights, plan)
        w = plan.coupling
        given = jnp.concatenate([w.sum(1), w.sum(0)])
        cross = jnp.zeros((k, k), w.dtype).at[:k0, k0:].set(w).at[k0:, :k0].set(w.T)
        scale = 1 / jnp.sqrt(jnp.maximum(given, 1e-200))
        scaled = cross * scale[:, None] * scale[None] / (1 + eps * inv)
        system = jnp.eye(k, dtype=w.dtype) * (1 + 1e-10) + scaled
        # balanced potentials are free up to a constant: take that direction out
        sign = jnp.where(jnp.arange(k) < k0, 1.0, -1.0)
        free_shift = sign * jnp.sqrt(given / given.sum())
        load = cross * scale[:, None]
        load = load - jnp.where(inv > 0, 0.0, 1.0) * free_shift[:, None] * (free_shift @ load)[None]
        response = -jnp.linalg.solve(system, load) * scale[:, None]
        response = response * (eps / (1 + eps * inv))
        bend = (1 + eps * inv) * jnp.exp(-jnp.concatenate([plan.f, plan.g]) * inv)
        dq = bend[:, None] * response
        share = jnp.where(same_side, weights[None], 0.0)
        centred = dq - share @ dq - share * q[None]
        ratio = mass / weights
        curve = jnp.maximum(jnp.maximum(ratio, ratio - slope), 1e-3)
        jacobian = -jnp.diag(curve) - lam * centred - share
        fixed = jnp.where(knobs.free[:, None], jacobian, -jnp.eye(k, dtype=w.dtype))
        move = jnp.linalg.solve(fixed, jnp.where(knobs.free, -slope, 0.0))
        good = jnp.isfinite(move).all() & ((weights * slope * move).sum() > 0)
        plain = weights * slope / (weights + mass)
        return jnp.clip(jnp.where(good, move, plain), -3.0, 3.0)

    def gap(weights: jax.Array, plan: transport.Plan) -> jax.Array:
        return jnp.max(jnp.abs(weights * slopes(weights, plan)[0]))

    def going(carry: tuple) -> jax.Array:
        weights, plan, step, stop = carry
        return (step < MAX_WEIGHT_STEPS) & ~stop & (gap(weights, plan) > 1e-10)

    def body(carry: tuple) -> tuple:
        weights, plan, step, _ = carry
        move = newton(weights, plan)
        base = value(weights, plan)

        def trial(size: jax.Array) -> tuple[jax.Array, transport.Plan]:
            new = jnp.where(knobs.free, _simplex(jnp.log(weights) + size * move, k0), weights)
            return new, _transport(costs, new, knobs, plan.f, plan.g)

        def worse(carry: tuple) -> jax.Array:
            size, new, new_plan = carry
            settled = new_plan.error < transport.ENOUGH
            return ~(settled & (value(new, new_plan) >= base)) & (size > 1e-9)

        one = jnp.ones((), mass.dtype)
        _, new, new_plan = jax.lax.while_loop(
            worse, lambda c: (0.25 * c[0], *trial(0.25 * c[0])), (one, *trial(one))
        )
        stop = ~((new_plan.error < transport.ENOUGH) & (value(new, new_plan) > base))
        keep = partial(jax.tree.map, lambda a, b: jnp.where(stop, a, b))
        return keep(weights, new), keep(plan, new_plan), step + 1, stop

    weights, plan, *_ = jax.lax.while_loop(going, body, (weights, plan, 0, jnp.array(False)))
    return weights, plan


# Means -----------------------------------------------------------------------


def update_means(
    mass: jax.Array,
    centres: jax.Array,
    means: jax.Array,
    coupling: jax.Array,
    roots: gaussians.Roots,
    knobs: Knobs,
) -> jax.Array:
    """Solve for all means at once, by preconditioned conjugate gradients.

    ``(n_k P_k + 2 lambda (W 1)_k I) m_k - 2 lambda sum_l W_kl m_l = n_k P_k xbar_k``.
    """
    k0, d = coupling.shape[0], means.shape[1]
    pull = 2 * knobs.transport_weight
    marginal = pull * jnp.concatenate([coupling.sum(1), coupling.sum(0)])
    weighted = mass[:, None, None] * roots.precision
    diagonal = weighted + marginal[:, None, None] * jnp.eye(d, dtype=means.dtype)[None]
    inverse = gaussians.roots(diagonal + FLOOR * jnp.eye(d, dtype=means.dtype)[None]).precision
    free = knobs.free[:, None]

    def times(blocks: jax.Array, x: jax.Array) -> jax.Array:
        return (blocks @ x[..., None])[..., 0]

    def apply(x: jax.Array) -> jax.Array:
        cross = jnp.concatenate([coupling @ x[k0:], coupling.T @ x[:k0]])
        return jnp.where(free, times(diagonal, x) - pull * cross, 0.0)

    zero = jnp.zeros_like(means)
    residual = jnp.where(free, times(weighted, centres), zero) - apply(means)
    z = times(inverse, residual)
    goal = 1e-24 * (residual * z).sum() + 1e-300

    def body(carry: tuple) -> tuple:
        x, r, z, p, rz, step = carry
        ap = apply(p)
        length = rz / jnp.maximum((p * ap).sum(), 1e-300)
        x, r = x + length * p, r - length * ap
        z = times(inverse, r)
        new = (r * z).sum()
        return x, r, z, z + (new / rz) * p, new, step + 1

    start = (means, residual, z, z, (residual * z).sum(), 0)
    means, *_ = jax.lax.while_loop(lambda c: (c[4] > goal) & (c[5] < MAX_SOLVER_STEPS), body, start)
    return means


# Covariances -----------------------------------------------------------------


def _riccati(target: jax.Array, force: jax.Array) -> jax.Array:
    """Solve ``P H P - P = E`` for ``P^{-1}``, given ``H`` (K, D, D) and ``E`` (K, D, D)."""
    half = gaussians.roots(target)
    values, vectors = jnp.linalg.eigh(half.root @ force @ half.root, symmetrize_input=True)
    scale = 1 / (0.5 + jnp.sqrt(0.25 + jnp.maximum(values, -0.25)))
    turned = half.root @ vectors
    return (turned * scale[:, None, :]) @ turned.swapaxes(1, 2)


def _shape_value(
    strength: jax.Array,
    target: jax.Array,
    covariances: jax.Array,
    roots: gaussians.Roots,
    fidelity: jax.Array,
    coupling: jax.Array,
    knobs: Knobs,
) -> jax.Array:
    """Part of the M-step objective that depends on the covariances, at a fixed coupling."""
    fit = -0.5 * (strength * (roots.log_det + jnp.einsum("kij,kij->k", roots.precision, target)))
    marginal = jnp.concatenate([coupling.sum(1), coupling.sum(0)])
    traces = (marginal * gaussians.traced(covariances)).sum()
    return fit.sum() - knobs.transport_weight * (traces - 2 * (coupling * fidelity).sum())


def update_covariances(
    strength: jax.Array,
    target: jax.Array,
    movable: jax.Array,
    state: State,
    coupling: jax.Array,
    knobs: Knobs,
) -> tuple[jax.Array, gaussians.Roots, gaussians.PairRoots]:
    """Move the covariances towards the Riccati solution as far as the objective rises.

    Parameters
    ----------
    strength
        ``n_k + kappa_k``, shape (K,).
    target
        Scatter that the data and the prior ask for, shape (K, D, D).
    movable
        True for covariances that may change, shape (K, 1, 1).
    state
        State whose covariances, roots and pairs are the starting point.
    coupling
        Shape (K0, K1), held fixed.
    """
    old, k0 = state.params.covariances, state.n_source
    d = old.shape[-1]
    marginal = jnp.concatenate([coupling.sum(1), coupling.sum(0)])
    maps = jnp.concatenate(
        gaussians.mean_maps(
            gaussians.Roots(*(part[:k0] for part in state.roots)), state.pairs, coupling
        )
    )
    drag = marginal[:, None, None] * jnp.eye(d, dtype=old.dtype)[None] - maps
    force = (2 * knobs.transport_weight / jnp.maximum(strength, FLOOR))[:, None, None] * drag
    new = jnp.where(movable, _riccati(target, force), old)
    base = _shape_value(strength, target, old, state.roots, state.pairs.fidelity, coupling, knobs)

    def trial(size: jax.Array) -> tuple:
        covariances = (1 - size) * old + size * new
        roots = gaussians.roots(covariances)
        pairs = _pairs(covariances, roots, k0)
        value = _shape_value(strength, target, covariances, roots, pairs.fidelity, coupling, knobs)
        return size, covariances, roots, pairs, value

    *_, covariances, roots, pairs, _ = jax.lax.while_loop(
        lambda c: ~(c[4] >= base) & (c[0] > 0.5**MAX_HALVINGS),
        lambda c: trial(jnp.where(c[0] > 2 * 0.5**MAX_HALVINGS, 0.5 * c[0], 0.0)),
        trial(jnp.ones((), old.dtype)),
    )
    return covariances, roots, pairs


# All together ----------------------------------------------------------------


@partial(jax.jit, static_argnames=("coupled",))
def m_step(source: Moments, target: Moments, state: State, knobs: Knobs, *, coupled: bool) -> State:
    """One sweep over weights, means and covariances; the transport is solved again at the end.

    Parameters
    ----------
    source, target
        Moments of the two sides at ``state``.
    """
    k0 = state.n_source
    k1 = state.params.means.shape[0] - k0
    mass, centres, scatter = (
        jnp.concatenate([a[:k0], b[:k1]]) for a, b in zip(source[:3], target[:3], strict=True)
    )
    weights, means, covariances = state.params
    strength = mass + knobs.kappa
    alive = (mass > FLOOR)[:, None]
    centres = jnp.where(alive, centres, means)
    noise = knobs.ridge * jnp.eye(means.shape[1], dtype=means.dtype)[None]

    def wanted(means: jax.Array) -> jax.Array:
        off = centres - means
        data = jnp.where(alive[..., None], scatter, 0.0) + off[:, :, None] * off[:, None] + noise
        total = mass[:, None, None] * data + knobs.kappa[:, None, None] * knobs.shape
        return total / jnp.maximum(strength, FLOOR)[:, None, None]

    movable = (knobs.free & (strength > FLOOR))[:, None, None]
    if not coupled:
        share = jnp.maximum(mass, FLOOR)
        weights = jnp.where(knobs.free, share / _by_side(share, k0), weights)
        means = jnp.where(knobs.free[:, None], centres, means)
        covariances = jnp.where(movable, wanted(means), covariances)
        params, roots = Params(weights, means, covariances), gaussians.roots(covariances)
        return _state(params, roots, state.pairs, state.costs, state.plan, knobs)
    weights, plan = update_weights(mass, weights, state.costs, state.plan, knobs)
    means = update_means(mass, centres, means, plan.coupling, state.roots, knobs)
    covariances, roots, pairs = update_covariances(
        strength, wanted(means), movable, state, plan.coupling, knobs
    )
    costs = _costs(means, covariances, pairs.fidelity, k0)
    plan = _transport(costs, weights, knobs, plan.f, plan.g)
    return _state(Params(weights, means, covariances), roots, pairs, costs, plan, knobs)
