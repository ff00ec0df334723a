r"""Where a source cell would stand in the target.

The barycentric map of a coupled pair of mixtures (Delon & Desolneux 2020, SIAM J Imaging Sci 13,
eq. 6.2), with responsibilities :math:`r_k`, :math:`T_{kl} = W_{kl} / (W 1)_k` and the Monge
matrices :math:`A_{kl}` between the components:

.. math:: x \mapsto \sum_k r_k(x) \sum_l T_{kl} \left( m^1_l + A_{kl} (x - m^0_k) \right).

The displacement is that point less ``x``.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from cgmm import gaussians
from cgmm.donors import share_of_source


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
    Shape (N0, D). Cells of a component without any coupled mass do not move by it.
    """
    to = share_of_source(coupling)
    with jax.enable_x64(True):  # noqa: FBT003
        roots = gaussians.roots(jnp.asarray(covariances_source, dtype=jnp.float64))
        pairs = gaussians.pair_roots(roots.root, jnp.asarray(covariances_target, dtype=jnp.float64))
        forth, _ = gaussians.mean_maps(roots, pairs, jnp.asarray(to, dtype=jnp.float64))
        maps = np.asarray(forth)
    goals = to @ means_target
    out = np.zeros(points.shape)
    for k in np.flatnonzero(to.sum(axis=1) > 0):
        moved = goals[k] + (points - means_source[k]) @ maps[k].T - points
        out += responsibilities[:, k, None] * moved
    return out
