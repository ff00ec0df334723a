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

with ``h(f) = f`` when balanced.  The code takes ``1/rho``, which is zero when balanced, and thereby
covers every ``rho``.  Damped Newton steps on the K0 + K1 potentials maximise the dual.  ``epsilon``
is annealed: each level starts with one pass of alternating scaling.

The same code runs on numpy arrays without compilation (in a fit) and on traced JAX arrays (in
:func:`cgmm.transport_cost`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.scipy.linalg import cho_factor, cho_solve
from scipy.linalg.lapack import dposv

from cgmm.transport.gaussians import Array, namespace

MAX_NEWTON = 50
MAX_HALVINGS = 30
ANNEALING_FACTOR = 4.0  # of epsilon, from one level to the next
MORE_LEVELS = 4  # added when annealing has not converged
MAX_ERROR_ANNEALING = 1e-3  # relative error of the marginals at levels above the final epsilon
MAX_ERROR = 1e-9  # at a larger error, annealing is repeated from a larger epsilon


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
        Largest relative difference between a marginal of ``W`` and its optimal value.
    """

    f: Array
    g: Array
    coupling: Array
    cost: Array
    error: Array


class Problem(NamedTuple):
    """One transport problem.

    Attributes
    ----------
    costs
        ``C``, shape (K0, K1).
    a, b
        Positive weights of shapes (K0,) and (K1,), each summing to one.
    epsilon
        Entropy.
    inv_rho
        Inverse of the marginal penalty; 0 when balanced.
    """

    costs: Array
    a: Array
    b: Array
    epsilon: Array
    inv_rho: Array

    @property
    def log_a(self) -> Array:
        """Logarithms of ``a``."""
        return _log(self.a)

    @property
    def log_b(self) -> Array:
        """Logarithms of ``b``."""
        return _log(self.b)

    @property
    def weights(self) -> np.ndarray:
        """Both weights stacked, source first, shape (K0 + K1,); numpy only."""
        return np.concatenate((self.a, self.b))

    def between(self, weights: np.ndarray) -> Problem:
        """Return the problem with other weights, stacked, shape (K0 + K1,)."""
        k0 = len(self.costs)
        return self._replace(a=weights[:k0], b=weights[k0:])


def _log(weights: Array) -> Array:
    xp = namespace(weights)
    return xp.log(xp.maximum(weights, np.finfo(weights.dtype).tiny))


def gain(potential: Array, inv_rho: Array) -> Array:
    """Return ``h(f) = rho (1 - exp(-f / rho))``, which is ``f`` when ``inv_rho`` is zero."""
    xp = namespace(potential)
    safe = xp.where(inv_rho > 0, inv_rho, xp.ones_like(inv_rho))
    return xp.where(inv_rho > 0, -xp.expm1(-potential * safe) / safe, potential)


def log_plan(p: Problem, f: Array, g: Array) -> Array:
    """Return ``log W`` at the potentials, shape (K0, K1)."""
    return (f[:, None] + g[None] - p.costs) / p.epsilon + p.log_a[:, None] + p.log_b[None]


def dual_value(p: Problem, f: Array, g: Array) -> tuple[Array, Array]:
    """Return the value of the dual (minus infinity where it overflows) and its rounding error."""
    xp = namespace(f)
    parts = (xp.exp(p.log_a) * gain(f, p.inv_rho), xp.exp(p.log_b) * gain(g, p.inv_rho))
    mass = xp.exp(log_plan(p, f, g)).sum()
    value = parts[0].sum() + parts[1].sum() - p.epsilon * (mass - 1)
    size = xp.abs(parts[0]).sum() + xp.abs(parts[1]).sum() + p.epsilon * (mass + 1)
    finite = xp.isfinite(value)
    rounding = 8 * np.finfo(f.dtype).eps * xp.where(finite, size, xp.zeros_like(size))
    return xp.where(finite, value, xp.full_like(value, -np.inf)), rounding


def marginal_rounding(p: Problem) -> Array:
    """Return the relative error of a marginal that rounding alone can cause."""
    xp = namespace(p.costs)
    return 16 * np.finfo(p.costs.dtype).eps * (1 + xp.max(xp.abs(p.costs)) / p.epsilon)


def scaling(p: Problem, f: Array, g: Array) -> tuple[Array, Array]:
    """Maximise the dual exactly over f and then over g; return both."""
    damp = 1 / (1 + p.epsilon * p.inv_rho)
    f = -damp * p.epsilon * _log_sum((g[None] - p.costs) / p.epsilon + p.log_b[None], 1)
    g = -damp * p.epsilon * _log_sum((f[:, None] - p.costs) / p.epsilon + p.log_a[:, None], 0)
    return f, g


def solve(problem: Problem, f: Array, g: Array, tol: float = 1e-11) -> Plan:
    """Solve one problem from given potentials.

    Parameters
    ----------
    problem
        Costs, weights and penalties.
    f, g
        Potentials to start from, shapes (K0,) and (K1,); zeros for a cold start.
    tol
        Largest allowed relative error of the marginals.

    Returns
    -------
    Plan
    """
    costs, epsilon = problem.costs, problem.epsilon
    xp, dtype = namespace(costs), costs.dtype
    rounding = marginal_rounding(problem)
    goal = xp.maximum(xp.full_like(rounding, tol), rounding)

    def error(f: Array, g: Array) -> Array:
        demand, given, _ = _residual(problem, f, g)
        excess = demand - xp.concatenate([problem.log_a, problem.log_b])
        share = xp.minimum(excess, xp.zeros_like(demand))
        return xp.max(xp.abs(demand - given) * xp.exp(share))

    def anneal(carry: tuple) -> tuple:
        """Anneal from ``epsilon * ANNEALING_FACTOR**levels``; add levels for the next call."""
        f, g, levels, _ = carry

        def level(carry: tuple) -> tuple:
            f, g, left = carry
            p = problem._replace(epsilon=epsilon * ANNEALING_FACTOR ** left.astype(dtype))
            f, g = scaling(p, f, g)
            tol = xp.where(left > 0, xp.full_like(goal, MAX_ERROR_ANNEALING), goal)
            return *_ascend_dual(p, f, g, tol), left - 1

        f, g, _ = _loop(xp, lambda c: c[2] >= 0, level, (f, g, levels))
        return f, g, levels + MORE_LEVELS, error(f, g)

    def levels_over(length: Array) -> Array:
        n = xp.log(xp.maximum(length / epsilon, xp.ones_like(length))) / np.log(ANNEALING_FACTOR)
        return xp.ceil(n).astype(np.int32)

    scaled_f, scaled_g = scaling(problem, f, g)
    jump = xp.maximum(xp.max(xp.abs(scaled_f - f)), xp.max(xp.abs(scaled_g - g)))
    most = levels_over(xp.max(costs) - xp.min(costs)) + 6
    enough = xp.maximum(xp.full_like(rounding, MAX_ERROR), 8 * rounding)
    first = (
        scaled_f,
        scaled_g,
        xp.minimum(levels_over(jump), most),
        xp.full_like(rounding, np.inf),
    )
    f, g, _, gap = _loop(xp, lambda c: (c[3] > enough) & (c[2] <= most), anneal, first)
    value, _ = dual_value(problem, f, g)
    return Plan(f, g, xp.exp(log_plan(problem, f, g)), value, gap)


def _ascend_dual(p: Problem, f: Array, g: Array, tol: Array) -> tuple[Array, Array]:
    """Maximise the dual by damped Newton steps until the error of the marginals is below tol."""
    xp, k0 = namespace(f), p.costs.shape[0]
    weight = xp.exp(xp.concatenate([p.log_a, p.log_b]))

    def state(f: Array, g: Array) -> tuple:
        demand, given, log_w = _residual(p, f, g)
        mass = xp.exp(xp.maximum(demand, given))
        error = xp.max(xp.abs(demand - given) * xp.minimum(mass / weight, xp.ones_like(mass)))
        value, rounding = dual_value(p, f, g)
        return demand, given, log_w, value, rounding, error

    def going(carry: tuple) -> Array:
        _, _, step, stop, (*_, error) = carry
        return (step < MAX_NEWTON) & ~stop & (error > tol)

    def body(carry: tuple) -> tuple:
        f, g, step, _, (demand, given, log_w, base, rounding, old) = carry
        move, rise = _newton_direction(p, demand, given, log_w)

        def trial(size: Array) -> tuple:
            value, _ = dual_value(p, f + size * move[:k0], g + size * move[k0:])
            return size, value >= base + 1e-4 * size * rise - rounding

        def halve(carry: tuple) -> tuple:
            return *trial(0.5 * carry[0]), carry[2] + 1

        one = xp.ones_like(p.epsilon)
        size, good, _ = _loop(
            xp, lambda c: ~c[1] & (c[2] < MAX_HALVINGS), halve, (*trial(one), xp.asarray(0))
        )
        size = xp.where(good, size, xp.zeros_like(size))
        f, g = f + size * move[:k0], g + size * move[k0:]
        new = state(f, g)
        # once the dual rises by less than its rounding error, go on only while the error halves
        stalled = (rise <= rounding) & (new[5] > 0.5 * old)
        return f, g, step + 1, ~good | stalled, new

    start = (f, g, xp.asarray(0), xp.asarray(False), state(f, g))
    f, g, *_ = _loop(xp, going, body, start)
    return f, g


def _newton_direction(p: Problem, demand: Array, given: Array, log_w: Array) -> tuple[Array, Array]:
    """Return the Newton step of the potentials (K0 + K1,) and the slope along it.

    ``demand`` and ``given`` are logs of marginals.  The system is scaled to a unit diagonal.
    """
    xp, dtype = namespace(demand), demand.dtype
    k0, k1 = p.costs.shape
    n = k0 + k1
    eye0, eye1 = (xp.eye(k, dtype=dtype) * (1 + 8 * np.finfo(dtype).eps) for k in (k0, k1))
    sign = xp.asarray(np.where(np.arange(n) < k0, 1.0, -1.0), dtype)
    balanced = xp.where(p.inv_rho > 0, xp.zeros_like(p.inv_rho), xp.ones_like(p.inv_rho))
    slope = xp.exp(demand) - xp.exp(given)
    bend = xp.where(
        p.inv_rho > 0,
        demand + xp.log(xp.maximum(p.inv_rho, np.finfo(dtype).tiny)),
        xp.full_like(demand, -np.inf),
    )
    half = 0.5 * xp.logaddexp(given - xp.log(p.epsilon), bend)
    cross = xp.exp(log_w - xp.log(p.epsilon) - half[:k0, None] - half[None, k0:])
    system = xp.concatenate(
        [xp.concatenate([eye0, cross], axis=1), xp.concatenate([cross.T, eye1], axis=1)]
    )
    # balanced potentials are determined up to a constant: fix this direction
    drift = sign * xp.exp(half - half.max())
    drift = drift / xp.sqrt((drift**2).sum())
    system = system + balanced * drift[:, None] * drift[None]
    move = _solve_positive(system, slope * xp.exp(-half)) * xp.exp(-half)
    move = xp.where(xp.isfinite(move), move, xp.zeros_like(move))
    return move, (slope * move).sum()


def _residual(p: Problem, f: Array, g: Array) -> tuple[Array, Array, Array]:
    """Return logs of the marginals that the penalty demands, of the marginals of W, and of W."""
    xp = namespace(f)
    log_w = log_plan(p, f, g)
    demand = xp.concatenate([p.log_a - f * p.inv_rho, p.log_b - g * p.inv_rho])
    given = xp.concatenate([_log_sum(log_w, 1), _log_sum(log_w, 0)])
    return demand, given, log_w


def _loop(xp: Any, going: Callable, body: Callable, carry: tuple) -> tuple:
    if xp is not np:
        return jax.lax.while_loop(going, body, carry)
    while going(carry):
        carry = body(carry)
    return carry


def _solve_positive(system: Array, right: Array) -> Array:
    """Solve a symmetric positive definite system; NaN where the matrix is not positive definite."""
    if isinstance(system, np.ndarray):
        _, solution, info = dposv(system, right, lower=1)
        return solution if info == 0 else np.full_like(right, np.nan)
    return cho_solve(cho_factor(system, lower=True), right)


def _log_sum(x: Array, axis: int) -> Array:
    xp = namespace(x)
    top = x.max(axis)
    safe = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    return safe + xp.log(xp.exp(x - xp.expand_dims(safe, axis)).sum(axis))
