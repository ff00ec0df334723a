r"""Update of the covariances: a Riccati equation, then a line search.

At a fixed coupling and fixed Monge maps the precision :math:`P` of a component solves
:math:`P H P - P = E`, with :math:`E` the target scatter and :math:`H` the force of the transport.
The solution has a closed form.  Monge maps depend on the covariances, so the solution is a
direction: the covariances move towards it as far as the objective rises.
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
    """Scatter that data, ridge and prior together prefer, in the form of the covariances.

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
    The covariances that would be best without transport, shape (K, D, D).
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
    """Move the covariances towards the Riccati solution as far as the objective rises.

    Parameters
    ----------
    strength
        ``n_k + kappa_k``, shape (K,).
    target
        :func:`target_scatter`, shape (K, D, D).
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
    The new covariances, and which pairs have an exact fidelity there: the coupled ones, shape
    (K0, K1).
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
    """Solve ``P H P - P = E`` for ``P^{-1}``, given ``H`` (K, D, D) and ``E`` (K, D, D)."""
    root = gaussians.factors(target).root
    values, vectors = np.linalg.eigh(root.swapaxes(1, 2) @ force @ root)
    scale = 1 / (0.5 + np.sqrt(0.25 + np.maximum(values, -0.25)))
    turned = root @ vectors
    return (turned * scale[:, None, :]) @ turned.swapaxes(1, 2)


def _value(
    strength: np.ndarray, target: np.ndarray, shapes: Shapes, coupling: np.ndarray, lam: float
) -> float:
    """Part of the objective of the M-step that depends on the covariances, coupling held fixed."""
    trace = (shapes.roots.precision * target).sum((1, 2))
    fit = -0.5 * (strength * (shapes.roots.log_det + trace)).sum()
    marginal = np.concatenate([coupling.sum(1), coupling.sum(0)])
    traces = (marginal * gaussians.traced(shapes.covariances)).sum()
    return float(fit - lam * (traces - 2 * (coupling * shapes.fidelity).sum()))
