"""Constants of the objective of a coupled fit, and how the constants follow from the start."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cgmm.mixture.features import Kind
from cgmm.mixture.gaussian_mixture import GaussianMixture
from cgmm.pair import Side
from cgmm.transport.solver import Problem

MIN_WEIGHT = 1e-12  # least weight of a component; at a smaller mass a component has no cells


class Objective(NamedTuple):
    """Constants of the objective, and which components may change.

    Components of both sides are stacked, source first: K = K0 + K1.

    Attributes
    ----------
    transport_weight, epsilon, inv_rho, ridge
        ``lambda``, ``epsilon``, ``1/rho`` (0 when balanced) and ``delta``.
    kappa
        Strength of the prior on each covariance, shape (K,).
    shape
        ``Psi``, the covariance that the prior prefers, shape (K, D, D).
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

    def problem(self, costs: np.ndarray, weights: np.ndarray) -> Problem:
        """Return the transport problem between stacked weights (K,) at costs (K0, K1)."""
        k0 = len(costs)
        return Problem(costs, weights[:k0], weights[k0:], self.epsilon, self.inv_rho)


def within_variance(source: GaussianMixture, target: GaussianMixture) -> float:
    """Return the mean trace of the covariances of both mixtures, weighted by component weights.

    The default ``epsilon`` and ``rho`` are multiples of this number, which is the mean squared
    distance between a cell and the mean of its component.

    Parameters
    ----------
    source, target
        The two mixtures.

    Returns
    -------
    Mean trace, in squared units of the points.
    """
    parts = [
        (np.asarray(m.weights) * np.trace(np.asarray(m.covariances), axis1=1, axis2=2)).sum()
        for m in (source, target)
    ]
    return float(np.mean(parts))


def as_kind(m: GaussianMixture, kind: Kind, side: str, *, locked: bool) -> GaussianMixture:
    """Return a starting mixture with covariances in the form of the fit.

    Parameters
    ----------
    m
        The starting mixture.
    kind
        "full", "diag" or "tied".
    side
        Name of the side, for the error message.
    locked
        True when the mixture must stay as it is.

    Returns
    -------
    A mixture with the same weights and means.

    Raises
    ------
    ValueError
        When a locked mixture does not have the form already.
    """
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
    """Return the constants of the objective for a fit from given starting mixtures.

    Parameters
    ----------
    starts
        Source and target at the start; the prior prefers the mean covariance of each side.
    lam, epsilon, rho, ridge
        ``lambda``, entropy, marginal penalty and ridge.
    shrinkage
        Strength of the prior of one side, in units of the mean mass of its components.
    locked
        Side that does not change, and that therefore has no prior.  None: both sides change.
    kind
        Form of the covariances.

    Returns
    -------
    Objective
    """
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
