"""Covariances of both sides, with what follows from them for the costs of pairs.

``tr G^{1/2}`` of a pair (:mod:`cgmm.transport.gaussians`), its fidelity, needs the eigenvalues of a
D x D matrix.  It is the expensive part of the costs, and only pairs that couple need it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cgmm.transport import gaussians

MIN_COUPLED_SHARE = 1e-13  # part of a component's mass below which a pair counts as uncoupled


class Shapes(NamedTuple):
    """Distinct covariances, their roots, and the fidelity of the pairs across the sides.

    Attributes
    ----------
    covariances
        Source first, shape (K, D, D).
    roots
        Their roots.
    fidelity
        ``tr G^{1/2}``, shape (K0, K1).
    """

    covariances: np.ndarray
    roots: gaussians.Roots
    fidelity: np.ndarray

    @classmethod
    def of(cls, covariances: np.ndarray, fidelity: np.ndarray) -> Shapes:
        """Shapes of given covariances and fidelities."""
        return cls(covariances, gaussians.factors(covariances), fidelity)


def with_fidelity(shapes: Shapes, k0: int, pairs: tuple[np.ndarray, ...]) -> Shapes:
    """Compute the fidelity of given pairs and leave the other pairs as they are.

    Parameters
    ----------
    shapes
        Covariances and roots.
    k0
        Number of source covariances.
    pairs
        Source and target positions of the pairs, each of shape (P,).

    Returns
    -------
    Shapes with the new fidelities.
    """
    k, j = pairs
    fidelity = shapes.fidelity.copy()
    fidelity[k, j] = gaussians.fidelities(shapes.roots.root[k], shapes.covariances[k0 + j])
    return shapes._replace(fidelity=fidelity)


def coupled_pairs(coupling: np.ndarray) -> np.ndarray:
    """Find the pairs whose mass counts beside the mass of either component, shape (K0, K1)."""
    mass = np.minimum(coupling.sum(1)[:, None], coupling.sum(0))
    return coupling > MIN_COUPLED_SHARE * np.maximum(mass, 1e-300)


def repeated(shapes: Shapes, k0: int, k1: int) -> Shapes:
    """Repeat the two shapes of tied covariances for every component of their side."""

    def repeat(part: np.ndarray) -> np.ndarray:
        return np.repeat(part, [k0, k1], axis=0)

    roots = gaussians.Roots(*(repeat(part) for part in shapes.roots))
    return Shapes(repeat(shapes.covariances), roots, np.tile(shapes.fidelity, (k0, k1)))
