"""Update of the covariances."""

from __future__ import annotations

import numpy as np

from cgmm.coupled.state import Shapes, _coupled_pairs, fidelity_of
from cgmm.coupled.weights import FLOOR
from cgmm.transport import gaussians

MAX_HALVINGS = 40


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
        new = new._replace(fidelity=fidelity_of(new, k0, pairs))
        if _shape_value(strength, target, new, coupling, lam) >= base:
            return new, coupled
    return old, coupled
