"""Which components have no counterpart on the other side: gone or new."""

from __future__ import annotations

import numpy as np
import scipy.stats
from scipy.sparse.csgraph import connected_components

from cgmm.mixture.gaussian_mixture import GaussianMixture

GROUP_QUANTILE = 0.999
TIMES_USUAL = 4.0
GONE_BEYOND = 6.0
GONE_BEYOND_IF_EXPLAINED = 3.0
MIN_WEIGHT = 1e-12


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
    far = 0.5 * scipy.stats.chi2.ppf(GROUP_QUANTILE, source.n_dims)
    across = _nats(source.means, target.means, noise)
    beside = _nats(source.means, source.means, noise)
    n_groups, group = connected_components(beside < far, directed=False)
    if n_groups < 2:  # nothing to compare its movement with
        return np.zeros(len(across), dtype=bool)
    moved = across[np.arange(len(across)), coupling.argmax(1)]
    by_group = np.array(
        [
            np.average(moved[group == i], weights=source.weights[group == i] + MIN_WEIGHT)
            for i in range(n_groups)
        ]
    )
    gone = np.zeros(len(moved), dtype=bool)
    for k in np.flatnonzero(moved > GONE_BEYOND_IF_EXPLAINED * far):
        others = group != group[k]
        rest = np.sort(np.delete(by_group, group[k]))
        usual = rest[-2:][0] if len(rest) else 0.0
        nearest = beside[k, others].min() if others.any() else 0.0
        taken = others.any() and across[others, coupling[k].argmax()].min() <= usual
        beyond = (GONE_BEYOND_IF_EXPLAINED if taken else GONE_BEYOND) * far
        gone[k] = moved[k] > max(beyond, TIMES_USUAL * usual, 0.5 * nearest)
    return gone


def without_unmatched(
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
