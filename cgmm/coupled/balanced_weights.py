r"""Weights of both mixtures under balanced transport, by one dual problem.

With ``rho = inf`` the weights are the marginals of the coupling, and the problem of
:mod:`cgmm.coupled.weights` is one in ``W`` alone,

.. math:: \min_{W \ge 0, \sum W = 1} \langle W, C \rangle + \varepsilon \sum W \log W
          + \sum_k \phi_k\big((W 1)_k\big) + \sum_l \phi_l\big((W^T 1)_l\big),
          \quad \phi_k(a) = -\tfrac{n_k}{\lambda} \log a - \varepsilon a \log a,

an entropic transport whose marginals carry a Burg penalty.  For small ``eps`` its value is nearly
piecewise linear in the weights, where steps on the weights zigzag from kink to kink; the dual, in
potentials ``f = -phi'(a)``, is smooth and concave as long as ``lambda eps a < n``, and is climbed
by damped Newton steps, at once from the potentials of the last transport or, where that does not
settle, by the same descent in ``eps`` as plain transport.  A step is taken in the logarithm of the
weights, to which the potential is explicit, while the weights at a potential are not.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg.lapack import dposv

MAX_NEWTON = 30
MAX_NEWTON_AT_ONCE = 12
MAX_HALVINGS = 20
RUNG = 4.0
LOOSE = 1e-4
TIGHT = 1e-11


class Penalty(NamedTuple):
    """``phi`` of all components: ``n / lambda``, ``eps``, and fixed weights where not free."""

    pull: np.ndarray
    epsilon: float
    free: np.ndarray
    fixed: np.ndarray

    def potential(self, weights: np.ndarray) -> np.ndarray:
        """``-phi'(a)``."""
        return self.pull / weights + self.epsilon * (np.log(weights) + 1)

    def weights(self, potential: np.ndarray) -> np.ndarray:
        """Weights at potentials; not finite outside the domain.

        With ``y = pull / (eps a)``, ``y - log y = z`` has its root above one.
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
        """Minus the derivative of the weights in the potentials, at weights ``a``."""
        return np.where(self.free, a * a / (self.pull - self.epsilon * a), 0.0)

    def conjugate(self, potential: np.ndarray, a: np.ndarray) -> np.ndarray:
        """Integral of the weights over the potential."""
        free = potential * a - (self.pull + self.epsilon * a) * np.log(a)
        return np.where(self.free, free, potential * self.fixed)


def balanced_weights(
    mass: np.ndarray,
    weights: np.ndarray,
    costs: np.ndarray,
    potentials: np.ndarray,
    *,
    lam: float,
    epsilon: float,
    free: np.ndarray,
    smallest: float,
) -> tuple[np.ndarray, np.ndarray] | None:
    """Solve for all weights and, to warm-start the transport, its potentials.

    Parameters
    ----------
    mass, weights
        Mean responsibilities and current weights of both sides, source first, shape (K,).
    costs
        Shape (K0, K1).
    potentials
        Of the transport between the current weights, shape (K,).
    lam, epsilon
        Transport weight and entropy.
    free
        True for components whose weight may change.
    smallest
        Floor of the masses.

    Returns
    -------
    Weights (not normalised) and potentials (K,), or None where the problem is not concave.
    """
    with np.errstate(all="ignore"):
        pull = np.maximum(mass, smallest) / lam
        if (pull[free] < 4 * epsilon * weights[free]).any():
            return None
        penalty = Penalty(pull, float(epsilon), free, weights)
        f = _settle(costs, penalty, weights, potentials)
        a = penalty.weights(f)
        if not (np.isfinite(a).all() and (a > 0).all()):
            return None
        # marginals of one coupling: where costs are huge, even the last digits of weights that do
        # not belong together would have to be carried far
        w, level = _couple(costs, f, epsilon)
        a = np.where(free, np.concatenate([w.sum(1), w.sum(0)]), a)
        potentials = f - epsilon * np.log(np.maximum(a, smallest))
        potentials[len(costs) :] -= level
        return a, potentials


def _settle(
    costs: np.ndarray, penalty: Penalty, weights: np.ndarray, potentials: np.ndarray
) -> np.ndarray:
    k0, epsilon = len(costs), penalty.epsilon
    asked = penalty.potential(weights)
    f = potentials + epsilon * np.log(weights)
    for side in (slice(None, k0), slice(k0, None)):
        f[side] += weights[side] @ (asked - f)[side]
    f, settled = _climb(costs, penalty, f, epsilon, TIGHT, MAX_NEWTON_AT_ONCE)
    if settled:
        return f
    f = np.where(penalty.free, asked, 0.0)
    height = np.log(max(np.ptp(costs) / epsilon, 1.0)) / np.log(RUNG)
    for rung in range(int(np.ceil(height)), -1, -1):
        tol = LOOSE if rung else TIGHT
        f, _ = _climb(costs, penalty, f, epsilon * RUNG**rung, tol, MAX_NEWTON)
    return f


def _couple(costs: np.ndarray, f: np.ndarray, epsilon: float) -> tuple[np.ndarray, float]:
    """Coupling of unit mass at the potentials, and its normaliser in units of the costs."""
    k0 = costs.shape[0]
    logs = (f[:k0, None] + f[k0:] - costs) / epsilon
    top = logs.max()
    w = np.exp(logs - top)
    total = w.sum()
    return w / total, float(epsilon * (top + np.log(total)))


def _climb(
    costs: np.ndarray, penalty: Penalty, f: np.ndarray, epsilon: float, tol: float, max_steps: int
) -> tuple[np.ndarray, bool]:
    """Damped Newton ascent of the dual at one ``epsilon`` of the coupling."""
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
            found = _move(costs, penalty, f, a, size * move, bend, epsilon)
            if found[-1] >= value + 1e-4 * size * rise - rounding:
                break
            size *= 0.5
        else:
            return f, False
        f, a, w, level, value = found
        if rise < rounding:
            return f, True
    return f, False


def _move(
    costs: np.ndarray,
    penalty: Penalty,
    f: np.ndarray,
    a: np.ndarray,
    move: np.ndarray,
    bend: np.ndarray,
    epsilon: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, float]:
    """Step by which the potentials change to first order by ``move``; where it leads."""
    a = np.minimum(a * np.exp(-bend / a * move), 0.9 * penalty.pull / penalty.epsilon)
    a = np.where(penalty.free, a, penalty.fixed)
    f = np.where(penalty.free, penalty.potential(a), f + move)
    w, level = _couple(costs, f, epsilon)
    return f, a, w, level, float(penalty.conjugate(f, a).sum() - level)
