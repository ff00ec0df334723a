"""Shares: the prevalence of the components, without the transport penalty.

Shares are the maximum-likelihood weights at fixed means and covariances.  The weights that maximise
the objective do not measure prevalence: the transport penalty makes the weights of both sides more
similar, and changes of prevalence would be underestimated.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cgmm.coupled.objective import MIN_WEIGHT, Objective
from cgmm.coupled.state import State
from cgmm.mixture.e_step import ROUNDING, AnyCells, proportions
from cgmm.pair import Pair, halves
from cgmm.transport import gaussians

MAX_STEPS = 25
MAX_CHANGE = 1e-6  # of a share in one EM step, at the solution
FIRST_DAMPING = 0.01
MIN_DAMPING = 1e-6


class Shares(NamedTuple):
    """Shares of the components of one side, shape (K,), and the mean log likelihood."""

    shares: np.ndarray
    log_likelihood: float


def maximum_likelihood_shares(
    cells: Pair[AnyCells], centre: np.ndarray, state: State, objective: Objective
) -> Pair[Shares]:
    """Return the shares of both sides at the means and covariances of a state.

    Parameters
    ----------
    cells
        Points and weights of both sides.
    centre
        Shape (D,), subtracted from all points.
    state
        The fitted state.
    objective
        Constants of the objective.  The likelihoods of the shares leave out the ridge.

    Returns
    -------
    Shares of source and target.
    """
    k0 = state.n_source
    weights = halves(state.params.weights, k0)
    noise = halves(state.roots.precision, k0).map(
        lambda precision: 0.5 * objective.ridge * gaussians.traced(precision)
    )
    return Pair(
        *(
            _shares_of_side(
                of_side, centre, theta, weight, theta[-1] - np.log(weight) + extra, objective
            )
            for of_side, theta, weight, extra in zip(
                cells, state.coefficients, weights, noise, strict=True
            )
        )
    )


def newton_shares(
    shares: np.ndarray, mass: np.ndarray, overlap: np.ndarray, damping: float
) -> np.ndarray:
    """Return new shares after a damped Newton step of the log shares.

    The gradient is ``mass - shares``.  ``overlap`` is minus the matrix of second derivatives, up to
    terms that vanish at the solution.  Damping replaces a part of ``overlap`` by its bound
    ``diag(mass)``, as in Levenberg (1944, Q. Appl. Math. 2:164).  With a damping of 1 the step is
    an EM step, up to first order.  Damping keeps the system regular when two components have equal
    responsibilities at all points.

    Parameters
    ----------
    shares, mass
        Shares, and the mean responsibilities at these shares, shape (K,).
    overlap
        Mean products of responsibilities, shape (K, K).
    damping
        Damping, from 0 to 1.

    Returns
    -------
    New shares, shape (K,), summing to one.
    """
    bound = damping * mass + 1e-15
    system = (1 - damping) * overlap + np.diag(bound)
    move = np.clip(np.linalg.solve(system, mass - shares), -1.0, 1.0)
    new = np.maximum(shares, MIN_WEIGHT) * np.exp(move)
    return new / new.sum()


def _shares_of_side(
    cells: AnyCells,
    centre: np.ndarray,
    theta: np.ndarray,
    shares: np.ndarray,
    base: np.ndarray,
    objective: Objective,
) -> Shares:
    """Return the shares of one side; ``base`` (K,) is the constant part of the log densities."""
    theta = theta.copy()

    def evaluate(shares: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        theta[-1] = base + np.log(np.maximum(shares, MIN_WEIGHT))
        return proportions(cells, centre, theta, objective.kind)

    damping, rejected = FIRST_DAMPING, False
    mass, overlap, value = evaluate(shares)
    rounding = ROUNDING[cells.dtype.name] * (1 + abs(value))
    for _ in range(MAX_STEPS):
        if np.abs(mass - shares).max() < MAX_CHANGE:
            break
        trial = newton_shares(shares, mass, overlap, damping)
        evaluated = evaluate(trial)
        if evaluated[2] < value - rounding:
            if damping >= 1:
                break
            damping, rejected = min(1.0, 10 * damping), True
            continue
        shares, (mass, overlap, value) = trial, evaluated
        damping, rejected = damping if rejected else max(MIN_DAMPING, damping / 10), False
    # the mean responsibilities are one more EM step, which never lowers the likelihood
    return Shares(mass / mass.sum(), float(value))
