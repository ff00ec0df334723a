r"""Displacement of source cells by the barycentric map of a coupled pair of mixtures.

The barycentric map (Delon & Desolneux 2020, SIAM J. Imaging Sci. 13, eq. 6.2) gives the position of
a source cell in the target.  With responsibilities :math:`r_k`, transfers
:math:`T_{kl} = W_{kl} / (W 1)_k` and Monge matrices :math:`A_{kl}` between the components it is

.. math:: x \mapsto \sum_k r_k(x) \sum_l T_{kl} \left( m^1_l + A_{kl} (x - m^0_k) \right).

The displacement is the new position less ``x``.  Components that are gone have no counterpart, and
the mean over ``k`` leaves them out.  A cell with more than half of its responsibility in gone
components has no position in the target.  The code is plain numpy: each coupled pair needs one
small eigenvalue problem, and compilation would take longer.
"""

from __future__ import annotations

import numpy as np

from cgmm._utils.blas import one_thread
from cgmm.transport import gaussians
from cgmm.transport.coupling import share_of_source

MIN_MATCHED = 0.5  # responsibility in components with a counterpart; below it: no position
ROWS = 2048  # cells in a block, which stays in cache
MIN_PAIR_SHARE = 1e-9  # of a component's mass; smaller pairs are left out


@one_thread()
def displacement(
    points: np.ndarray,
    responsibilities: np.ndarray,
    *,
    means_source: np.ndarray,
    means_target: np.ndarray,
    covariances_source: np.ndarray,
    covariances_target: np.ndarray,
    coupling: np.ndarray,
) -> np.ndarray:
    """Return the displacement of source cells under the barycentric map.

    Parameters
    ----------
    points
        Source cells, shape (N0, D).
    responsibilities
        Shape (N0, K0).
    means_source, means_target
        Shapes (K0, D) and (K1, D).
    covariances_source, covariances_target
        Shapes (K0, D, D) and (K1, D, D).
    coupling
        W, shape (K0, K1).

    Returns
    -------
    Shape (N0, D).  NaN for cells with more than half of their responsibility in components without
    coupled mass.
    """
    to = share_of_source(coupling)
    goals = to @ means_target
    maps = _mean_maps(covariances_source, covariances_target, to)
    kept = to.sum(axis=1) > 0
    matched = responsibilities[:, kept].sum(axis=1)
    out = np.zeros(points.shape)
    for start in range(0, len(points), ROWS):
        rows = slice(start, start + ROWS)
        x, r = points[rows], responsibilities[rows]
        for k in np.flatnonzero(kept):
            out[rows] += r[:, k, None] * (goals[k] + (x - means_source[k]) @ maps[k].T - x)
    share = np.where(matched >= MIN_MATCHED, matched, np.nan)
    out /= share[:, None]
    return out


def _mean_maps(source: np.ndarray, target: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Return the mean Monge matrix of each source component, weighted by ``T``: (K0, D, D)."""
    followed = to > MIN_PAIR_SHARE
    k, j = np.nonzero(followed)
    maps, _ = gaussians.sum_of_maps(gaussians.roots(source), target, k, j, to[k, j], symmetric=True)
    total = np.array([part[wanted].sum() for part, wanted in zip(to, followed, strict=True)])
    return maps / np.where(total > 0, total, 1.0)[:, None, None]
