r"""Weights of both mixtures under balanced transport, from one dual problem.

With ``rho = inf`` the weights are the marginals of the coupling ``W``, and the problem of
:mod:`cgmm.coupled.weights` depends on ``W`` alone,

.. math:: \min_{W \ge 0, \sum W = 1} \langle W, C \rangle + \varepsilon \sum W \log W
          + \sum_k \phi_k\big((W 1)_k\big) + \sum_l \phi_l\big((W^T 1)_l\big),
          \quad \phi_k(a) = -\tfrac{n_k}{\lambda} \log a - \varepsilon a \log a,

an entropic transport with a Burg penalty on its marginals.  For small ``eps`` its value is nearly
piecewise linear in the weights, and steps on the weights converge slowly.  The dual in the
potentials ``f = -phi'(a)`` is smooth, and concave while ``lambda eps a < n``.  Damped Newton steps
maximise the dual, starting at the potentials of the last transport.  If these steps do not
converge, ``eps`` is annealed as for plain transport.  Steps are taken in the logarithms of the
weights: the potential is an explicit function of the weight, but the weight is not an explicit
function of the potential.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg.lapack import dposv

from cgmm.coupled.objective import MIN_WEIGHT
from cgmm.pair import halves
from cgmm.transport.solver import ANNEALING_FACTOR, Problem

MAX_NEWTON = 30
MAX_NEWTON_AT_ONCE = 12
MAX_HALVINGS = 20
MAX_ERROR_ANNEALING = 1e-4  # relative error of the marginals at levels above the final epsilon
MAX_ERROR = 1e-11
MIN_CONCAVITY = 4.0  # least n / (lambda eps a) at which the dual is used


class Penalty(NamedTuple):
    """Penalties ``phi`` of all components.

    Attributes
    ----------
    pull
        ``n / lambda``, shape (K,).
    epsilon
        Entropy.
    free
        True for components whose weight may change, shape (K,).
    fixed
        Weights of the other components, shape (K,).
    """

    pull: np.ndarray
    epsilon: float
    free: np.ndarray
    fixed: np.ndarray

    def potential(self, weights: np.ndarray) -> np.ndarray:
        """Return the potentials ``-phi'(a)`` at weights ``a``, shape (K,)."""
        return self.pull / weights + self.epsilon * (np.log(weights) + 1)

    def weights(self, potential: np.ndarray) -> np.ndarray:
        """Return the weights at given potentials, shape (K,); NaN outside the domain of the dual.

        With ``y = pull / (eps a)``, the weight is given by the root above one of ``y - log y = z``.
        """
        unit = np.maximum(self.pull, 1e-300) / self.epsilon
        z = potential / self.epsilon - 1 - np.log(unit)
        inside = ~self.free | (z > 1 + 1e-6)
        y = np.where(z > 2, z + np.log(np.maximum(z, 1.0)), 1 + np.sqrt(2 * np.maximum(z - 1, 0)))
        for _ in range(6):
            y = np.maximum(y - (y - np.log(y) - z) * y / np.maximum(y - 1, 1e-12), 1 + 1e-9)
        a = np.where(self.free, unit / y, self.fixed)
        return np.where(inside, a, np.nan)

    def bend(self, a: np.ndarray) -> np.ndarray:
        """Return minus the derivative of the weights by the potentials, at weights ``a``."""
        return np.where(self.free, a * a / (self.pull - self.epsilon * a), 0.0)

    def conjugate(self, potential: np.ndarray, a: np.ndarray) -> np.ndarray:
        """Return the integral of the weights over the potentials, at weights ``a``."""
        free = potential * a - (self.pull + self.epsilon * a) * np.log(a)
        return np.where(self.free, free, potential * self.fixed)


def balanced_weights(
    mass: np.ndarray, problem: Problem, potentials: np.ndarray, *, lam: float, free: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the weights of both sides that maximise the dual.

    Parameters
    ----------
    mass
        Mean responsibilities of both sides, source first, shape (K,).
    problem
        Balanced transport between the current weights.
    potentials
        Potentials that solve this transport, shape (K,).
    lam
        Weight of the transport.
    free
        True for components whose weight may change, shape (K,).

    Returns
    -------
    Weights (K,), not normalised, and starting potentials (K,) for the transport between these
    weights.  None where the dual is not concave or its solution is not finite.
    """
    costs, weights, epsilon = problem.costs, problem.weights, float(problem.epsilon)
    with np.errstate(all="ignore"):
        pull = np.maximum(mass, MIN_WEIGHT) / lam
        if (pull[free] < MIN_CONCAVITY * epsilon * weights[free]).any():
            return None
        penalty = Penalty(pull, epsilon, free, weights)
        f = _solve_dual(costs, penalty, weights, potentials)
        a = penalty.weights(f)
        if not (np.isfinite(a).all() and (a > 0).all()):
            return None
        # The weights are the marginals of one coupling.  Where costs are huge, weights of the two
        # sides that differ in the last digits would force the transport to move mass far.
        w, level = _couple(costs, f, epsilon)
        a = np.where(free, np.concatenate([w.sum(1), w.sum(0)]), a)
        potentials = f - epsilon * np.log(np.maximum(a, MIN_WEIGHT))
        potentials[len(costs) :] -= level
        return a, potentials


def _solve_dual(
    costs: np.ndarray, penalty: Penalty, weights: np.ndarray, potentials: np.ndarray
) -> np.ndarray:
    """Return potentials (K,), from the last transport or, if that fails, by annealing."""
    k0, epsilon = len(costs), penalty.epsilon
    at_weights = penalty.potential(weights)
    f = potentials + epsilon * np.log(weights)
    for part, weight, aim in zip(
        halves(f, k0), halves(weights, k0), halves(at_weights, k0), strict=True
    ):
        part += weight @ (aim - part)
    f, converged = _ascend_dual(costs, penalty, f, epsilon, MAX_ERROR, MAX_NEWTON_AT_ONCE)
    if converged:
        return f
    f = np.where(penalty.free, at_weights, 0.0)
    n_levels = np.log(max(np.ptp(costs) / epsilon, 1.0)) / np.log(ANNEALING_FACTOR)
    for level in range(int(np.ceil(n_levels)), -1, -1):
        tol = MAX_ERROR_ANNEALING if level else MAX_ERROR
        raised = epsilon * ANNEALING_FACTOR**level
        f, _ = _ascend_dual(costs, penalty, f, raised, tol, MAX_NEWTON)
    return f


def _couple(costs: np.ndarray, f: np.ndarray, epsilon: float) -> tuple[np.ndarray, float]:
    """Return the coupling scaled to unit mass, and epsilon times the log of its total mass."""
    k0 = costs.shape[0]
    logs = (f[:k0, None] + f[k0:] - costs) / epsilon
    top = logs.max()
    w = np.exp(logs - top)
    total = w.sum()
    return w / total, float(epsilon * (top + np.log(total)))


def _ascend_dual(
    costs: np.ndarray, penalty: Penalty, f: np.ndarray, epsilon: float, tol: float, max_steps: int
) -> tuple[np.ndarray, bool]:
    """Maximise the dual at one ``epsilon``; return potentials, and whether Newton converged."""
    k0, k = costs.shape[0], len(f)
    a = penalty.weights(f)
    w, level = _couple(costs, f, epsilon)
    value = float(penalty.conjugate(f, a).sum() - level)
    if not np.isfinite(value):
        return f, False
    for _ in range(max_steps):
        given = np.concatenate([w.sum(1), w.sum(0)])
        slope = a - given
        if np.abs(slope / np.maximum(a, given)).max() < tol:
            return f, True
        curve = -given[:, None] * given
        curve[:k0, k0:] += w
        curve[k0:, :k0] += w.T
        curve /= epsilon
        bend = penalty.bend(a)
        diagonal = given / epsilon + bend
        curve.flat[:: k + 1] += diagonal
        scale = 1 / np.sqrt(np.maximum(diagonal, 1e-300))
        curve *= scale[:, None] * scale
        curve.flat[:: k + 1] += 1e-13
        _, move, info = dposv(curve, slope * scale, lower=1)
        move = move * scale if info == 0 else slope / diagonal
        rise = float(slope @ move)
        rounding = 1e-15 * (np.abs(f * a).sum() + abs(level))
        size = 1.0
        for _ in range(MAX_HALVINGS):
            trial = _moved(costs, penalty, f, a, size * move, bend, epsilon)
            if trial[-1] >= value + 1e-4 * size * rise - rounding:
                break
            size *= 0.5
        else:
            return f, False
        f, a, w, level, value = trial
        if rise < rounding:
            return f, True
    return f, False


def _moved(
    costs: np.ndarray,
    penalty: Penalty,
    f: np.ndarray,
    a: np.ndarray,
    move: np.ndarray,
    bend: np.ndarray,
    epsilon: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, float]:
    """Take a step that changes the potentials by ``move`` to first order.

    Returns the new potentials, weights and coupling, ``epsilon`` times the log of the total mass
    (:func:`_couple`), and the value of the dual.
    """
    a = np.minimum(a * np.exp(-bend / a * move), 0.9 * penalty.pull / penalty.epsilon)
    a = np.where(penalty.free, a, penalty.fixed)
    f = np.where(penalty.free, penalty.potential(a), f + move)
    w, level = _couple(costs, f, epsilon)
    return f, a, w, level, float(penalty.conjugate(f, a).sum() - level)
