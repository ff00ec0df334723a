"""Components without counterpart in the other condition: gone or new."""

from __future__ import annotations

import numpy as np
import scipy.stats
from scipy.sparse.csgraph import connected_components

from cgmm.mixture.gaussian_mixture import GaussianMixture

GROUP_QUANTILE = 0.999  # of chi-square: components nearer to each other form one group
TIMES_USUAL = 4.0  # squared distance to a match, in units of the second largest of other groups
GONE_BEYOND = 6.0  # squared distance to a match, in units of the quantile
GONE_BEYOND_IF_EXPLAINED = 3.0  # the same limit where another group explains the match
PART_OF_NEAREST = 0.5  # squared distance to a match, in units of that to the nearest other group
MIN_WEIGHT = 1e-12


def unmatched(
    coupling: np.ndarray,
    source: GaussianMixture,
    target: GaussianMixture,
    noise: np.ndarray,
) -> np.ndarray:
    """Return which source components have no counterpart in the target: they are gone.

    Parameters
    ----------
    coupling
        ``W``, shape (K0, K1).  Transposed, with source and target exchanged, the function returns
        the target components that are new.
    source, target
        Mixtures of K0 and K1 components in D dimensions; weights are shares.
    noise
        ``E`` of :mod:`cgmm.automatic.metric`, shape (D, D).

    Returns
    -------
    Boolean, shape (K0,).

    Notes
    -----
    Squared distances are Mahalanobis distances in the metric of ``E`` alone, because a population
    without a counterpart adds a false movement to ``V``.  Let q be the 99.9 % quantile of
    chi-square with D degrees of freedom.  Source components connected by squared distances below q
    form one group.  With a single group no component is gone, however far the group moved.
    Otherwise a component is gone when the squared distance to its match is larger than each of

    1. half the squared distance to the nearest other group of the source,
    2. four times the second largest of the squared distances between the other groups and their
       matches (with one other group: four times its squared distance),
    3. six times q; three times q where another group already explains the match.  A group explains
       the match when its squared distance to the match is at most the distance of item 2 without
       the factor four.

    The rule is conservative: calling a component gone by mistake also distorts the factors of its
    neighbours.
    """
    far = 0.5 * scipy.stats.chi2.ppf(GROUP_QUANTILE, source.n_dims)
    to_target = _nats(source.means, target.means, noise)
    to_source = _nats(source.means, source.means, noise)
    n_groups, group = connected_components(to_source < far, directed=False)
    if n_groups < 2:
        return np.zeros(len(to_target), dtype=bool)
    moved = to_target[np.arange(len(to_target)), coupling.argmax(1)]
    moved_of_group = np.array(
        [
            np.average(moved[group == i], weights=source.weights[group == i] + MIN_WEIGHT)
            for i in range(n_groups)
        ]
    )
    gone = np.zeros(len(moved), dtype=bool)
    for k in np.flatnonzero(moved > GONE_BEYOND_IF_EXPLAINED * far):
        others = group != group[k]
        of_others = np.sort(np.delete(moved_of_group, group[k]))
        usual = of_others[-2:][0] if len(of_others) else 0.0
        nearest = to_source[k, others].min() if others.any() else 0.0
        explained = others.any() and to_target[others, coupling[k].argmax()].min() <= usual
        limit = (GONE_BEYOND_IF_EXPLAINED if explained else GONE_BEYOND) * far
        gone[k] = moved[k] > max(limit, TIMES_USUAL * usual, PART_OF_NEAREST * nearest)
    return gone


def without_unmatched(
    coupling: np.ndarray, source: GaussianMixture, target: GaussianMixture, noise: np.ndarray
) -> np.ndarray:
    """Return the coupling with zeros in the rows and columns of unmatched components.

    Parameters
    ----------
    coupling, source, target, noise
        As for :func:`unmatched`.

    Returns
    -------
    Shape (K0, K1).
    """
    kept = np.array(coupling, dtype=float)
    kept[unmatched(coupling, source, target, noise)] = 0.0
    kept[:, unmatched(coupling.T, target, source, noise)] = 0.0
    return kept


def _nats(a: np.ndarray, b: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Return half the squared Mahalanobis distances between rows of a and rows of b, (K0, K1)."""
    root = np.linalg.cholesky(np.linalg.inv(covariance))
    gap = a[:, None] @ root - b[None] @ root
    return 0.5 * np.square(gap).sum(-1)
