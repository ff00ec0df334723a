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
import scipy.stats
from scipy.sparse.csgraph import connected_components

from . import transport
from .donors import share_of_source, share_of_target
from .mixture import GaussianMixture

STEPS = 30
FIRST_SPREAD = 0.01
FAR = 0.999
FARTHER = 4.0
BEYOND = 6.0
TAKEN = 3.0
LEAST = 1e-12


class Movement(NamedTuple):
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


def learn_movement(
    source: GaussianMixture,
    target: GaussianMixture,
    *,
    between_donors: np.ndarray | None = None,
    rho: float,
    epsilon: float,
    steps: int = STEPS,
) -> Movement:
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
        plan = transport.solve(costs - costs.min(), s, t, epsilon, 1 / rho, f, g)
        f, g = plan.f, plan.g
        weight = share_of_source(plan.coupling) * share_of_target(plan.coupling, s)
        weight /= weight.sum()
        gain = spread @ precision
        moment = np.einsum("kl,kli,klj->ij", weight, gap, gap, optimize=True)
        spread = gain @ moment @ gain.T + spread - gain @ spread
        spread = 0.5 * (spread + spread.T)
    values, vectors = np.linalg.eigh(2 * (spread + noise))
    return Movement((vectors / np.sqrt(values)) @ vectors.T, spread, noise)


def images(
    source: GaussianMixture, target: GaussianMixture, coupling: np.ndarray, movement: Movement
) -> GaussianMixture:
    """Source components carried to the target: a start whose borders are those of the source.

    Two partitions made separately cut at different places, and a difference of borders looks like
    a change of share.  Each source component is therefore moved, with its shape, by the posterior
    mean of its ``delta``, averaged over where its mass goes.

    Parameters
    ----------
    source, target
        Mixtures with K0 and K1 components in D dimensions; weights are shares.
    coupling
        ``W``, shape (K0, K1); empty rows and columns are components that are gone or new.
    movement
        From :func:`learn_movement`.

    Returns
    -------
    Mixture of the images of the source components that are not gone, with the shares that reach
    them, and of the target components that are new, as they are.
    """
    kept, new = coupling.sum(1) > 0, coupling.sum(0) <= 0
    gap = share_of_source(coupling) @ target.means - source.means
    arriving = share_of_target(coupling, source.weights) @ target.weights
    weights = np.maximum(np.concatenate([arriving[kept], target.weights[new]]), LEAST)
    return GaussianMixture(
        weights / weights.sum(),
        np.concatenate([(source.means + gap @ movement.gain.T)[kept], target.means[new]]),
        np.concatenate([source.covariances[kept], target.covariances[new]]),
    )


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


def unmatched(
    coupling: np.ndarray,
    source: GaussianMixture,
    target: GaussianMixture,
    noise: np.ndarray,
) -> np.ndarray:
    """Source components that have no counterpart in the target: gone.

    Call with the sides swapped and the coupling transposed for target components that are new.

    Parameters
    ----------
    coupling
        ``W``, shape (K0, K1).
    source, target
        Mixtures whose weights are shares.
    noise
        ``E``, shape (D, D).

    Returns
    -------
    Boolean, shape (K0,).

    Notes
    -----
    Distances are squared and in units of ``E`` alone, since a population without counterpart
    teaches ``V`` its own movement.  Components nearer to each other than the 99.9 % quantile of
    chi-square with D degrees of freedom form one group.  Where there is but one group, nothing is
    gone, however far it moved.  Else a component is called gone when its match

    1. lies at more than half the squared distance of the nearest other group of its own side, and
    2. lies more than twice as far (four times squared) as at least two other groups move, and at
       more than six times that quantile: the rule is shy, because a subpopulation that is wrongly
       struck off takes the numbers of its neighbours with it.  Three times are enough when another
       group lies as near to the match as groups usually do, so that the match is spoken for.
    """
    far = 0.5 * scipy.stats.chi2.ppf(FAR, source.n_dims)
    across = _nats(source.means, target.means, noise)
    beside = _nats(source.means, source.means, noise)
    n_groups, group = connected_components(beside < far, directed=False)
    if n_groups < 2:  # nothing to compare its movement with
        return np.zeros(len(across), dtype=bool)
    moved = across[np.arange(len(across)), coupling.argmax(1)]
    by_group = np.array(
        [
            np.average(moved[group == i], weights=source.weights[group == i] + LEAST)
            for i in range(n_groups)
        ]
    )
    gone = np.zeros(len(moved), dtype=bool)
    for k in np.flatnonzero(moved > TAKEN * far):
        others = group != group[k]
        rest = np.sort(np.delete(by_group, group[k]))
        usual = rest[-2:][0] if len(rest) else 0.0
        nearest = beside[k, others].min() if others.any() else 0.0
        taken = others.any() and across[others, coupling[k].argmax()].min() <= usual
        beyond = (TAKEN if taken else BEYOND) * far
        gone[k] = moved[k] > max(beyond, FARTHER * usual, 0.5 * nearest)
    return gone


def emptied(
    coupling: np.ndarray, source: GaussianMixture, target: GaussianMixture, noise: np.ndarray
) -> np.ndarray:
    """Coupling without the rows and columns of components that are :func:`unmatched`.

    Parameters
    ----------
    coupling, source, target, noise
        As there.

    Returns
    -------
    Shape (K0, K1).
    """
    kept = np.array(coupling, dtype=float)
    kept[unmatched(coupling, source, target, noise)] = 0.0
    kept[:, unmatched(coupling.T, target, source, noise)] = 0.0
    return kept


def _nats(a: np.ndarray, b: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Half the squared Mahalanobis distances between rows of a and b."""
    root = np.linalg.cholesky(np.linalg.inv(covariance))
    gap = a[:, None] @ root - b[None] @ root
    return 0.5 * np.square(gap).sum(-1)
