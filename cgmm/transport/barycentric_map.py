r"""Where a source cell would stand in the target.

The barycentric map of a coupled pair of mixtures (Delon & Desolneux 2020, SIAM J Imaging Sci 13,
eq. 6.2), with responsibilities :math:`r_k`, :math:`T_{kl} = W_{kl} / (W 1)_k` and the Monge
matrices :math:`A_{kl}` between the components:

.. math:: x \mapsto \sum_k r_k(x) \sum_l T_{kl} \left( m^1_l + A_{kl} (x - m^0_k) \right).

The displacement is that point less ``x``.  A component that is gone leads nowhere: the mean is over
those that have a counterpart, and a cell that belongs mostly to others has no place in the target.
One small eigenvalue problem per coupled pair: plain numpy, because compiling would take longer than
computing.
"""

from __future__ import annotations

import numpy as np

from cgmm._utils.blas import one_thread
from cgmm.transport import gaussians
from cgmm.transport.coupling import share_of_source

MIN_MATCHED = 0.5
ROWS = 2048  # few enough to stay in cache
MIN_PAIR_SHARE = 1e-9  # part of a component's mass below which a pair is not followed


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
    """Displacement of source cells under the barycentric map.

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
    Shape (N0, D). NaN for cells that belong, by more than half, to components without any coupled
    mass.
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
    """Sum over l of ``T_kl A_kl``, shape (K0, D, D); pairs without mass are not computed.

    ``A = S^{-1/2} (S^{1/2} T S^{1/2})^{1/2} S^{-1/2}`` (Bhatia, Jain & Lim 2019, eq. 39).
    """
    out = np.zeros(source.shape)
    root, inverse, _ = gaussians.roots(source)
    for k, part in enumerate(to):
        partners = np.flatnonzero(part > MIN_PAIR_SHARE)
        if not len(partners):
            continue
        inner, basis = np.linalg.eigh(root[k] @ target[partners] @ root[k])
        inner = np.sqrt(np.maximum(inner, 0.0)) * part[partners, None]
        middle = ((basis * inner[:, None]) @ basis.swapaxes(1, 2)).sum(axis=0)
        out[k] = inverse[k] @ middle @ inverse[k] / part[partners].sum()
    return out
