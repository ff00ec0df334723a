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

from typing import Any, NamedTuple

import numpy as np

from cgmm._utils.blas import one_thread
from cgmm.transport import gaussians
from cgmm.transport.coupling import share_of_source

MIN_MATCHED = 0.5  # responsibility in components with a counterpart; below it: no position
ROWS = 2048  # cells in a block, which stays in cache
MIN_PAIR_SHARE = 1e-9  # of a component's mass; smaller pairs are left out


class BarycentricMap(NamedTuple):
    """The barycentric map of a coupled pair of mixtures.

    Attributes
    ----------
    means
        Of the source components, shape (K0, D).
    goals
        Mean of the target components that each source component went to, shape (K0, D).
    maps
        Mean Monge matrices, shape (K0, D, D).
    kept
        Whether a source component has coupled mass, shape (K0,).
    """

    means: np.ndarray
    goals: np.ndarray
    maps: np.ndarray
    kept: np.ndarray

    @classmethod
    @one_thread()
    def of(cls, source: Any, target: Any, coupling: np.ndarray) -> BarycentricMap:
        """Return the map of two mixtures.

        Parameters
        ----------
        source, target
            Mixtures: ``means``, shapes (K0, D) and (K1, D), and ``covariances``, shapes (K0, D, D)
            and (K1, D, D).
        coupling
            W, shape (K0, K1).
        """
        to = share_of_source(coupling)
        maps = _mean_maps(source.covariances, target.covariances, to)
        return cls(source.means, to @ target.means, maps, to.sum(axis=1) > 0)

    @one_thread()
    def displacement(self, points: np.ndarray, responsibilities: np.ndarray) -> np.ndarray:
        """Return the displacement of source cells.

        Parameters
        ----------
        points
            Source cells, shape (N, D).
        responsibilities
            Shape (N, K0).

        Returns
        -------
        Shape (N, D).  NaN for cells with more than half of their responsibility in components
        without coupled mass.
        """
        matched = responsibilities[:, self.kept].sum(axis=1)
        out = np.zeros(points.shape)
        for start in range(0, len(points), ROWS):
            rows = slice(start, start + ROWS)
            x, r = points[rows], responsibilities[rows]
            for k in np.flatnonzero(self.kept):
                moved = self.goals[k] + (x - self.means[k]) @ self.maps[k].T - x
                out[rows] += r[:, k, None] * moved
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
