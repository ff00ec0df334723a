r"""How far, and in which directions, the subpopulations of an experiment move.

A treatment moves most subpopulations alike, and often far along a few directions; a subpopulation
that is replaced by another does neither.  Costs of transport are therefore taken in a metric that
is learned from the two mixtures.  A target component that came from source component ``k`` has

.. math:: m^1_l = m^0_k + \delta + e, \qquad \delta \sim N(0, V), \quad e \sim N(0, E),

with ``E`` what is no movement: the mean covariance within components, and how far donors of the
same condition lie apart.  ``V``, the covariance of the movement, is found by
expectation-maximisation: the unbalanced coupling under the costs

.. math:: C_{kl} = \tfrac12 (m^1_l - m^0_k)^T (V + E)^{-1} (m^1_l - m^0_k)

says which pairs belong together, and the posterior second moment of ``delta`` over those pairs is
the next ``V``.  A pair counts by the product of ``T_kl`` (where ``k`` goes) and ``R_kl`` (where
``l`` came from), so that only pairs that choose each other teach the metric.  ``V`` starts near
zero: movement is learned from the nearest matches outwards, never assumed.

The costs are in nats, so ``epsilon = 1`` makes the coupling a posterior and ``rho`` the price, in
nats, of a change of prevalence.  Multiplied by :attr:`Movement.scale`, points have these costs as
squared Euclidean distances, and mixtures as squared Wasserstein distances.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cgmm.mixture.gaussian_mixture import GaussianMixture
from cgmm.transport import solver
from cgmm.transport.coupling import share_of_source, share_of_target

STEPS = 30
FIRST_SPREAD = 0.01


class LearnedMetric(NamedTuple):
    """The metric in which movement is measured.

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
        """``V (V + E)^-1``: part of a gap that is movement, shape (D, D)."""
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
    """Learn the metric of the costs from the components of both sides.

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
    Movement
    """
    s, t = source.weights, target.weights
    noise = within_covariance(source, target)
    if between_donors is not None:
        noise = noise + between_donors
    spread = FIRST_SPREAD * noise
    gap = target.means[None] - source.means[:, None]
    f, g = np.zeros(len(s)), np.zeros(len(t))
    for _ in range(steps):
        precision = np.linalg.inv(spread + noise)
        costs = 0.5 * np.einsum("kli,ij,klj->kl", gap, precision, gap, optimize=True)
        # A constant cost changes the mass of the coupling, not its shape.
        plan = solver.solve(solver.Problem(costs - costs.min(), s, t, epsilon, 1 / rho), f, g)
        f, g = plan.f, plan.g
        weight = share_of_source(plan.coupling) * share_of_target(plan.coupling, s)
        weight /= weight.sum()
        gain = spread @ precision
        moment = np.einsum("kl,kli,klj->ij", weight, gap, gap, optimize=True)
        spread = gain @ moment @ gain.T + spread - gain @ spread
        spread = 0.5 * (spread + spread.T)
    values, vectors = np.linalg.eigh(2 * (spread + noise))
    return LearnedMetric((vectors / np.sqrt(values)) @ vectors.T, spread, noise)


def within_covariance(source: GaussianMixture, target: GaussianMixture) -> np.ndarray:
    """Mean covariance within the components of both sides, weighted by share, shape (D, D)."""
    a, b = (np.tensordot(m.weights, m.covariances, 1) for m in (source, target))
    return 0.5 * (a + b)


def donor_covariance(
    points: np.ndarray, labels: np.ndarray, donors: np.ndarray, *, min_cells: int = 10
) -> tuple[np.ndarray, float]:
    """Covariance between donors of the means of a cluster, averaged over clusters.

    Parameters
    ----------
    points
        Cells of one condition, shape (N, D).
    labels
        Coarse cluster of every cell (fine ones may belong to one donor each), shape (N,).
    donors
        Donor of every cell, shape (N,).
    min_cells
        Fewest cells of a donor in a cluster for its mean to count.

    Returns
    -------
    covariance
        Less what the sampling of cells alone would give, shape (D, D), not negative.
    weight
        Number of cells in the clusters that had at least two donors; 0 when there were none.
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
