r"""Unbalanced optimal transport between the weights of two mixtures.

For costs ``C`` (K0, K1) and weights ``a``, ``b`` that sum to one,

.. math::
   UW = \min_{W \ge 0} \langle W, C \rangle + \varepsilon KL(W | a b^T)
        + \rho KL(W 1 | a) + \rho KL(W^T 1 | b),

with ``KL(f|g) = sum f log(f/g) - f + g`` (Chizat, Peyre, Schmitzer & Vialard 2018,
Math. Comput. 87; Liero, Mielke & Savare 2018).  ``rho = inf`` is balanced transport.
The dual is smooth and concave,

.. math::
   \max_{f, g} \; \langle a, h(f) \rangle + \langle b, h(g) \rangle
   - \varepsilon (\textstyle\sum W - 1),
   \quad h(f) = \rho (1 - e^{-f/\rho}),
   \quad W = a b^T \odot e^{(f + g - C)/\varepsilon},

and ``h(f) = f`` when balanced, so that one code serves every ``rho`` through
``1/rho``.  It is solved by damped Newton steps on the K0 + K1 potentials after a
descent in ``epsilon``, each rung of which starts with one pass of alternating scaling.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_factor, cho_solve
from jax.scipy.special import logsumexp

MAX_NEWTON = 50
MAX_HALVINGS = 30
RUNG = 4.0
ENOUGH = 1e-9


class Plan(NamedTuple):
    """Solution of one transport problem.

    Attributes
    ----------
    f, g
        Dual potentials, shapes (K0,) and (K1,).
    coupling
        ``W``, shape (K0, K1).
    cost
        ``UW``.
    error
        Largest relative violation of the optimality of a marginal.
    """

    f: jax.Array
    g: jax.Array
    coupling: jax.Array
    cost: jax.Array
    error: jax.Array


class Problem(NamedTuple):
    """Costs, log weights and the two penalties (``inv_rho`` = 1/rho, 0 when balanced)."""

    costs: jax.Array
    log_a: jax.Array
    log_b: jax.Array
    epsilon: jax.Array
    inv_rho: jax.Array


def gain(potential: jax.Array, inv_rho: jax.Array) -> jax.Array:
    """``h(f) = rho (1 - exp(-f / rho))``, which is ``f`` when ``inv_rho`` is zero."""
    one = jnp.ones_like(inv_rho)
    safe = jnp.where(inv_rho > 0, inv_rho, one)
    return jnp.where(inv_rho > 0, -jnp.expm1(-potential * safe) / safe, potential)


def log_plan(p: Problem, f: jax.Array, g: jax.Array) -> jax.Array:
    """``log W`` at the potentials."""
    return (f[:, None] + g[None] - p.costs) / p.epsilon + p.log_a[:, None] + p.log_b[None]


def dual_value(p: Problem, f: jax.Array, g: jax.Array) -> jax.Array:
    """Value of the dual at the potentials; minus infinity where it overflows."""
    value = (
        (jnp.exp(p.log_a) * gain(f, p.inv_rho)).sum()
        + (jnp.exp(p.log_b) * gain(g, p.inv_rho)).sum()
        - p.epsilon * (jnp.exp(log_plan(p, f, g)).sum() - 1)
    )
    return jnp.where(jnp.isfinite(value), value, -jnp.inf)


def _scaling(p: Problem, f: jax.Array, g: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Exact maximisation over f, then over g."""
    damp = 1 / (1 + p.epsilon * p.inv_rho)
    f = -damp * p.epsilon * logsumexp((g[None] - p.costs) / p.epsilon + p.log_b[None], axis=1)
    g = -damp * p.epsilon * logsumexp((f[:, None] - p.costs) / p.epsilon + p.log_a[:, None], axis=0)
    return f, g


def _residual(p: Problem, f: jax.Array, g: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Log of demanded and of given marginals, and log W."""
    log_w = log_plan(p, f, g)
    demand = jnp.concatenate([p.log_a - f * p.inv_rho, p.log_b - g * p.inv_rho])
    given = jnp.concatenate([logsumexp(log_w, axis=1), logsumexp(log_w, axis=0)])
    return demand, given, log_w


def _newton(p: Problem, f: jax.Array, g: jax.Array, tol: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Damped Newton ascent of the dual, in variables scaled to a unit diagonal."""
    k0 = p.log_a.shape[0]
    zero = jnp.zeros((), p.costs.dtype)

    def error(f: jax.Array, g: jax.Array) -> jax.Array:
        demand, given, _ = _residual(p, f, g)
        weight = jnp.exp(jnp.concatenate([p.log_a, p.log_b]))
        mass = jnp.exp(jnp.maximum(demand, given))
        return jnp.max(jnp.abs(demand - given) * jnp.minimum(mass / weight, 1.0))

    def going(carry: tuple) -> jax.Array:
        _, _, step, stop, err = carry
        return (step < MAX_NEWTON) & ~stop & (err > tol)

    def body(carry: tuple) -> tuple:
        f, g, step, _, _ = carry
        demand, given, log_w = _residual(p, f, g)
        slope = jnp.exp(demand) - jnp.exp(given)
        log_diag = jnp.logaddexp(
            given - jnp.log(p.epsilon),
            jnp.where(p.inv_rho > 0, demand + jnp.log(jnp.maximum(p.inv_rho, 1e-300)), -jnp.inf),
        )
        half = 0.5 * log_diag
        cross = jnp.exp(log_w - jnp.log(p.epsilon) - half[:k0, None] - half[None, k0:])
        n = half.shape[0]
        system = jnp.eye(n, dtype=f.dtype) * (1 + 1e-12)
        system = system.at[:k0, k0:].set(cross).at[k0:, :k0].set(cross.T)
        # balanced potentials are free up to a constant: hold that direction
        sign = jnp.where(jnp.arange(n) < k0, 1.0, -1.0).astype(f.dtype)
        drift = sign * jnp.exp(half - half.max())
        drift = drift / jnp.sqrt((drift**2).sum())
        held = jnp.where(p.inv_rho > 0, zero, zero + 1)
        system = system + held * drift[:, None] * drift[None]
        move = cho_solve(cho_factor(system, lower=True), slope * jnp.exp(-half)) * jnp.exp(-half)
        move = jnp.where(jnp.isfinite(move), move, zero)
        rise = (slope * move).sum()
        base = dual_value(p, f, g)

        def worse(carry: tuple) -> jax.Array:
            size, count = carry
            value = dual_value(p, f + size * move[:k0], g + size * move[k0:])
            slack = 1e-14 * (1 + jnp.abs(base))
            return (value < base + 1e-4 * size * rise - slack) & (count < MAX_HALVINGS)

        size, count = jax.lax.while_loop(
            worse, lambda c: (0.5 * c[0], c[1] + 1), (jnp.ones((), f.dtype), 0)
        )
        stop = count >= MAX_HALVINGS
        size = jnp.where(stop, zero, size)
        f, g = f + size * move[:k0], g + size * move[k0:]
        return f, g, step + 1, stop, error(f, g)

    f, g, *_ = jax.lax.while_loop(going, body, (f, g, 0, jnp.array(False), error(f, g)))
    return f, g


def solve(
    costs: jax.Array,
    a: jax.Array,
    b: jax.Array,
    epsilon: jax.Array,
    inv_rho: jax.Array,
    f: jax.Array,
    g: jax.Array,
    tol: float = 1e-11,
) -> Plan:
    """Solve one problem, warm-started at the potentials ``f``, ``g``.

    Parameters
    ----------
    costs
        Shape (K0, K1).
    a, b
        Positive weights of shapes (K0,) and (K1,), each summing to one.
    epsilon, inv_rho
        Entropy, and the inverse of the marginal penalty (0: balanced).
    f, g
        Potentials to start from (zeros for a cold start).
    tol
        Relative violation of the marginals that is good enough.
    """
    tiny = jnp.finfo(costs.dtype).tiny
    log_a, log_b = jnp.log(jnp.maximum(a, tiny)), jnp.log(jnp.maximum(b, tiny))
    final = Problem(costs, log_a, log_b, epsilon, inv_rho)

    def error(f: jax.Array, g: jax.Array) -> jax.Array:
        demand, given, _ = _residual(final, f, g)
        share = jnp.exp(jnp.minimum(demand - jnp.concatenate([log_a, log_b]), 0.0))
        return jnp.max(jnp.abs(demand - given) * share)

    def descend(carry: tuple) -> tuple:
        """Come down from ``rungs`` above epsilon; start higher next time."""
        f, g, rungs, _ = carry

        def rung(carry: tuple) -> tuple:
            f, g, left = carry
            p = final._replace(epsilon=epsilon * RUNG ** left.astype(costs.dtype))
            f, g = _scaling(p, f, g)
            loose = jnp.where(left > 0, 1e-3, tol).astype(costs.dtype)
            return *_newton(p, f, g, loose), left - 1

        f, g, _ = jax.lax.while_loop(lambda c: c[2] >= 0, rung, (f, g, rungs))
        return f, g, rungs + 4, error(f, g)

    def rungs_over(length: jax.Array) -> jax.Array:
        height = jnp.log(jnp.maximum(length / epsilon, 1.0)) / jnp.log(RUNG)
        return jnp.ceil(height).astype(jnp.int32)

    warm_f, warm_g = _scaling(final, f, g)
    jump = jnp.maximum(jnp.max(jnp.abs(warm_f - f)), jnp.max(jnp.abs(warm_g - g)))
    top = rungs_over(jnp.max(costs) - jnp.min(costs)) + 6
    f, g, _, gap = jax.lax.while_loop(
        lambda c: (c[3] > ENOUGH) & (c[2] <= top),
        descend,
        (warm_f, warm_g, jnp.minimum(rungs_over(jump), top), jnp.array(jnp.inf, costs.dtype)),
    )
    return Plan(f, g, jnp.exp(log_plan(final, f, g)), dual_value(final, f, g), gap)
