r"""Update of the covariances by a Riccati equation and a line search.

At a fixed coupling and fixed Monge maps the precision :math:`P` of a component solves
:math:`P H P - P = E`, with :math:`E` the target scatter and :math:`H` the force of the transport.
The solution has a closed form.  Because Monge maps depend on the covariances, the solution is used
as a direction.  Of the steps 1, 1/2, 1/4, ... towards the solution, the covariances take the first
at which the objective does not fall.
"""

from __future__ import annotations

import numpy as np

from cgmm.coupled.objective import MIN_WEIGHT, Objective
from cgmm.coupled.shapes import Shapes, coupled_pairs, with_fidelity
from cgmm.transport import gaussians

MAX_HALVINGS = 40


def target_scatter(
    mass: np.ndarray,
    offset: np.ndarray,
    scatter: np.ndarray,
    strength: np.ndarray,
    objective: Objective,
) -> np.ndarray:
    """Return the optimal covariances without transport, in the form of the covariances.

    Parameters
    ----------
    mass
        Mean responsibilities, shape (K,).
    offset
        Mean of the cells of a component less the mean of the component, shape (K, D).
    scatter
        Central second moments of the cells, shape (K, D, D).
    strength
        ``n_k + kappa_k``, shape (K,).
    objective
        Constants of the objective.

    Returns
    -------
    Scatter of data, ridge and prior together, ``E`` of the Riccati equation, shape (K, D, D).
    """
    eye = np.eye(offset.shape[1])
    data = scatter + offset[:, :, None] * offset[:, None] + objective.ridge * eye
    total = mass[:, None, None] * data + objective.kappa[:, None, None] * objective.shape
    if objective.kind == "diag":
        total = total * eye
    return total / np.maximum(strength, MIN_WEIGHT)[:, None, None]


def update_covariances(
    strength: np.ndarray,
    target: np.ndarray,
    movable: np.ndarray,
    old: Shapes,
    coupling: np.ndarray,
    lam: float,
) -> tuple[Shapes, np.ndarray]:
    """Return covariances moved towards the Riccati solution, at no lower objective.

    Parameters
    ----------
    strength
        ``n_k + kappa_k``, shape (K,).
    target
        Result of :func:`target_scatter`, shape (K, D, D).
    movable
        True for covariances that may change, shape (K,).
    old
        Current covariances.
    coupling
        Shape (K0, K1), held fixed.
    lam
        Weight of the transport.

    Returns
    -------
    The new covariances, and True for the coupled pairs, whose fidelity is exact, shape (K0, K1).
    """
    k0, d = coupling.shape[0], target.shape[-1]
    marginal = np.concatenate([coupling.sum(1), coupling.sum(0)])
    source = gaussians.Roots(*(part[:k0] for part in old.roots))
    coupled = coupled_pairs(coupling)
    k, j = np.nonzero(coupled)
    pairs = (k, j)
    maps = gaussians.sum_of_maps(source, old.covariances[k0:], k, j, coupling[pairs])
    drag = marginal[:, None, None] * np.eye(d) - np.concatenate(maps)
    force = (2 * lam / np.maximum(strength, MIN_WEIGHT))[:, None, None] * drag
    wanted = np.where(movable[:, None, None], _riccati(target, force), old.covariances)
    base = _value(strength, target, old, coupling, lam)
    for halving in range(MAX_HALVINGS):
        size = 0.5**halving
        new = Shapes.of((1 - size) * old.covariances + size * wanted, old.fidelity)
        new = with_fidelity(new, k0, pairs)
        if _value(strength, target, new, coupling, lam) >= base:
            return new, coupled
    return old, coupled


def _riccati(target: np.ndarray, force: np.ndarray) -> np.ndarray:
    """Return ``P^{-1}`` for the solution ``P`` of the Riccati equation, from ``E`` and ``H``."""
    root = gaussians.factors(target).root
    values, vectors = np.linalg.eigh(root.swapaxes(1, 2) @ force @ root)
    scale = 1 / (0.5 + np.sqrt(0.25 + np.maximum(values, -0.25)))
    turned = root @ vectors
    return (turned * scale[:, None, :]) @ turned.swapaxes(1, 2)


def _value(
    strength: np.ndarray, target: np.ndarray, shapes: Shapes, coupling: np.ndarray, lam: float
) -> float:
    """Return the part of the objective that depends on the covariances, at fixed coupling."""
    trace = (shapes.roots.precision * target).sum((1, 2))
    fit = -0.5 * (strength * (shapes.roots.log_det + trace)).sum()
    marginal = np.concatenate([coupling.sum(1), coupling.sum(0)])
    traces = (marginal * gaussians.traced(shapes.covariances)).sum()
    return float(fit - lam * (traces - 2 * (coupling * shapes.fidelity).sum()))
