r"""The metric of the costs, learned from how the subpopulations of an experiment move.

A treatment moves most subpopulations alike, and often far along a few directions.  The difference
between a subpopulation and another one that replaces it has neither property.  The costs of
transport are therefore measured in a metric that is learned from the two mixtures.  A target
component ``l`` that came from source component ``k`` has the mean

.. math:: m^1_l = m^0_k + \delta + e, \qquad \delta \sim N(0, V), \quad e \sim N(0, E).

``E`` is the covariance of differences that are not movement: the mean covariance within components,
plus, where donors are known, the covariance between donors of the same condition.  ``V`` is the
covariance of the movement, estimated by expectation-maximisation.  In the E-step the unbalanced
coupling under the costs

.. math:: C_{kl} = \tfrac12 (m^1_l - m^0_k)^T (V + E)^{-1} (m^1_l - m^0_k)

gives the matched pairs.  In the M-step the posterior second moment of ``delta`` over the pairs is
the next ``V``.  A pair has the weight ``T_kl R_kl``, the product of the share of ``k`` that goes to
``l`` and the share of ``l`` that came from ``k``.  The weight is large only where each component is
the main match of the other.  ``V`` starts near zero, so movement is learned from the nearest
matches first.

The costs are in nats: with ``epsilon = 1`` the coupling is a posterior, and ``rho`` is the price of
a change of prevalence in nats.  In coordinates multiplied by :attr:`LearnedMetric.scale` these
costs are squared Euclidean distances between points, and squared Wasserstein distances between
Gaussians.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cgmm.mixture.gaussian_mixture import GaussianMixture
from cgmm.transport import solver
from cgmm.transport.coupling import share_of_source, share_of_target
from cgmm.transport.warm_start import solve_near

STEPS = 30
FIRST_SPREAD = 0.01  # V at the start, as a multiple of E
MIN_CELLS_PER_MEAN = 10
MIN_SHARE = 1e-300


class LearnedMetric(NamedTuple):
    """The metric in which costs are measured.

    Attributes
    ----------
    scale
        Symmetric matrix ``(2 (V + E))^{-1/2}``, shape (D, D).
    spread
        ``V``, the covariance of the movement, shape (D, D).
    noise
        ``E``, shape (D, D).
    """

    scale: np.ndarray
    spread: np.ndarray
    noise: np.ndarray

    @property
    def gain(self) -> np.ndarray:
        """``V (V + E)^-1``, which maps a gap to the posterior mean of the movement, (D, D)."""
        return self.spread @ np.linalg.inv(self.spread + self.noise)


def learn_metric(
    source: GaussianMixture,
    target: GaussianMixture,
    *,
    between_donors: np.ndarray | None = None,
    rho: float,
    epsilon: float,
    steps: int = STEPS,
) -> LearnedMetric:
    """Return the metric of the costs, learned from the components of both conditions.

    Parameters
    ----------
    source, target
        Mixtures with K0 and K1 components in D dimensions; weights are shares.
    between_donors
        Covariance of the means of donors of the same condition (:func:`donor_covariance`),
        shape (D, D), or None.
    rho, epsilon
        Penalties of the coupling in nats.
    steps
        Steps of expectation-maximisation.

    Returns
    -------
    LearnedMetric
    """
    s, t = (np.maximum(one.weights, MIN_SHARE) for one in (source, target))
    noise = within_covariance(source, target)
    if between_donors is not None:
        noise = noise + between_donors
    spread = FIRST_SPREAD * noise
    gap = (target.means[None] - source.means[:, None]).reshape(-1, source.n_dims)
    potentials = np.zeros(len(s) + len(t))
    for _ in range(steps):
        precision = np.linalg.inv(spread + noise)
        costs = 0.5 * ((gap @ precision) * gap).sum(1).reshape(len(s), len(t))
        # subtracting a constant from the costs changes the mass of the coupling, not its shares
        plan = solve_near(solver.Problem(costs - costs.min(), s, t, epsilon, 1 / rho), potentials)
        potentials = np.concatenate((plan.f, plan.g))
        weight = share_of_source(plan.coupling) * share_of_target(plan.coupling, s)
        weight /= weight.sum()
        gain = spread @ precision
        moment = (weight.reshape(-1, 1) * gap).T @ gap
        spread = gain @ moment @ gain.T + spread - gain @ spread
        spread = 0.5 * (spread + spread.T)
    values, vectors = np.linalg.eigh(2 * (spread + noise))
    return LearnedMetric((vectors / np.sqrt(values)) @ vectors.T, spread, noise)


def within_covariance(source: GaussianMixture, target: GaussianMixture) -> np.ndarray:
    """Return the mean covariance within components, weighted by share, shape (D, D)."""
    of_source, of_target = (np.tensordot(m.weights, m.covariances, 1) for m in (source, target))
    return 0.5 * (of_source + of_target)


def donor_covariance(
    points: np.ndarray,
    labels: np.ndarray,
    donors: np.ndarray,
    *,
    min_cells: int = MIN_CELLS_PER_MEAN,
) -> tuple[np.ndarray, float]:
    """Return the covariance between donors of the mean of a cluster, averaged over clusters.

    Parameters
    ----------
    points
        Cells of one condition, shape (N, D).
    labels
        Coarse cluster of every cell, shape (N,).  A fine cluster may hold cells of one donor only.
    donors
        Donor of every cell, shape (N,).
    min_cells
        Fewest cells of a donor in a cluster; donors with fewer cells do not count there.

    Returns
    -------
    covariance
        Shape (D, D), positive semidefinite; the covariance from sampling cells is subtracted.
    weight
        Number of cells in clusters where at least two donors have ``min_cells`` cells; 0 without
        these clusters.
    """
    d = points.shape[1]
    total, weight = np.zeros((d, d)), 0.0
    for cluster in np.unique(labels):
        inside = labels == cluster
        names, index, counts = np.unique(donors[inside], return_inverse=True, return_counts=True)
        if (counts >= min_cells).sum() < 2:
            continue
        x = points[inside].astype(float)
        means = np.stack(
            [x[index == i].mean(0) for i in range(len(names)) if counts[i] >= min_cells]
        )
        sampling = np.cov(x.T).reshape(d, d) * np.mean(1 / counts[counts >= min_cells])
        total += inside.sum() * (np.cov(means.T).reshape(d, d) - sampling)
        weight += float(inside.sum())
    if weight == 0:
        return total, weight
    values, vectors = np.linalg.eigh(total / weight)
    return (vectors * np.maximum(values, 0)) @ vectors.T, weight
