"""Covariances of both sides with their roots, and the fidelities of pairs of components.

The fidelity ``tr G^{1/2}`` of a pair (:mod:`cgmm.transport.gaussians`) needs the eigenvalues of a
D x D matrix.  Fidelities are the expensive part of the costs, and only coupled pairs need them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cgmm.transport import gaussians

MIN_COUPLED_SHARE = 1e-13  # of a component's mass; pairs with less count as uncoupled


class Shapes(NamedTuple):
    """Covariances, their roots, and the fidelities of source-target pairs.

    Attributes
    ----------
    covariances
        Shape (K, D, D), source first.  Tied covariances may have one entry per side.
    roots
        Roots of the covariances.
    fidelity
        ``tr G^{1/2}``, shape (K0, K1).
    """

    covariances: np.ndarray
    roots: gaussians.Roots
    fidelity: np.ndarray

    @classmethod
    def of(cls, covariances: np.ndarray, fidelity: np.ndarray) -> Shapes:
        """Return the shapes with given covariances and fidelities."""
        return cls(covariances, gaussians.factors(covariances), fidelity)


def with_fidelity(shapes: Shapes, k0: int, pairs: tuple[np.ndarray, ...]) -> Shapes:
    """Return the shapes with the fidelities of some pairs computed.

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
    Shapes with the new fidelities; the fidelities of other pairs do not change.
    """
    k, j = pairs
    fidelity = shapes.fidelity.copy()
    fidelity[k, j] = gaussians.fidelities(shapes.roots.root[k], shapes.covariances[k0 + j])
    return shapes._replace(fidelity=fidelity)


def coupled_pairs(coupling: np.ndarray) -> np.ndarray:
    """Return True for pairs with a relevant part of a component's mass, shape (K0, K1)."""
    mass = np.minimum(coupling.sum(1)[:, None], coupling.sum(0))
    return coupling > MIN_COUPLED_SHARE * np.maximum(mass, 1e-300)


def repeated(shapes: Shapes, k0: int, k1: int) -> Shapes:
    """Return the two shapes of tied covariances, repeated for every component of their side."""

    def repeat(part: np.ndarray) -> np.ndarray:
        return np.repeat(part, [k0, k1], axis=0)

    roots = gaussians.Roots(*(repeat(part) for part in shapes.roots))
    return Shapes(repeat(shapes.covariances), roots, np.tile(shapes.fidelity, (k0, k1)))
