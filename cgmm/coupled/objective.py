"""Constants of the objective of a coupled fit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cgmm.mixture.features import Kind
from cgmm.mixture.gaussian_mixture import GaussianMixture
from cgmm.pair import Side


def within_variance(source: GaussianMixture, target: GaussianMixture) -> float:
    """Mean trace of the covariances of both mixtures, weighted by their weights.

    The unit of ``epsilon`` and ``rho``: the squared distance that a typical cell has from the
    mean of its component.
    """
    parts = [
        (np.asarray(m.weights) * np.trace(np.asarray(m.covariances), axis1=1, axis2=2)).sum()
        for m in (source, target)
    ]
    return float(np.mean(parts))


def as_kind(m: GaussianMixture, kind: Kind, side: str, *, locked: bool) -> GaussianMixture:
    """Give a start the form of its covariances; a locked side must have it already."""
    shapes = np.asarray(m.covariances, float)
    if kind == "diag":
        shapes = shapes * np.eye(m.n_dims)
    elif kind == "tied":
        shapes = np.broadcast_to(
            np.einsum("k,kij->ij", m.weights, shapes) / np.sum(m.weights), shapes.shape
        )
    if locked and not np.allclose(shapes, m.covariances, rtol=1e-8):
        msg = f"covariance_type {kind!r} does not hold for init of the locked {side}"
        raise ValueError(msg)
    return GaussianMixture(m.weights, m.means, shapes)


def objective_of(
    starts: tuple[GaussianMixture, GaussianMixture],
    lam: float,
    epsilon: float,
    rho: float,
    ridge: float,
    shrinkage: float,
    locked: Side | None,
    kind: Kind,
) -> Objective:
    """Put together what the M-step needs to know of one fit."""
    counts = [m.n_components for m in starts]
    d = starts[0].n_dims
    shapes = [np.einsum("k,kij->ij", m.weights, m.covariances) + ridge * np.eye(d) for m in starts]
    free = np.repeat([locked != "source", locked != "target"], counts)
    kappa = np.where(free, np.repeat([shrinkage / k for k in counts], counts), 0.0)
    log_dets = np.repeat([np.linalg.slogdet(s)[1] for s in shapes], counts)
    return Objective(
        transport_weight=lam,
        epsilon=np.float64(epsilon),
        inv_rho=np.float64(0.0 if np.isinf(rho) else 1 / rho),
        ridge=ridge,
        kappa=kappa,
        shape=np.repeat(shapes, counts, axis=0),
        level=float(0.5 * (kappa * (d + log_dets)).sum()),
        free=free,
        kind=kind,
    )


class Objective(NamedTuple):
    """Scalars of the objective, and masks of what may move.

    Attributes
    ----------
    transport_weight, epsilon, inv_rho, ridge
        ``lambda``, ``epsilon``, ``1/rho`` and ``delta``.
    kappa
        Strength of the prior on each covariance, shape (K,).
    shape
        ``Psi`` of each component's side, shape (K, D, D).
    level
        Constant that makes the prior zero where every covariance equals ``Psi``.
    free
        True for components that may change, shape (K,).
    kind
        Form of the covariances.
    """

    transport_weight: float
    epsilon: np.float64
    inv_rho: np.float64
    ridge: float
    kappa: np.ndarray
    shape: np.ndarray
    level: float
    free: np.ndarray
    kind: Kind
