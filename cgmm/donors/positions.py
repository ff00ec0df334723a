r"""Positions of the donors along the shift of each subpopulation.

Let :math:`\Delta_k = \sum_l T_{kl} m^1_l - m^0_k` be the move of source component k, and
:math:`u_k = \Delta_k / |\Delta_k|` its direction.  The mean of the cells of donor d, weighted by
their responsibilities, is :math:`\bar x_{dk}`.  The position of a source donor is
:math:`u_k^T (\bar x_{dk} - m^0_k)`, and the position of a target donor is
:math:`u_k^T (\sum_l T_{kl} \bar x_{dl} - m^0_k)`.  Source donors lie about zero and target donors
about :math:`|\Delta_k|`.  A donor that lies elsewhere is unusual.
"""

from __future__ import annotations

import numpy as np

from cgmm.coupled.result import CoupledFit
from cgmm.mixture.chunked import Points, point_pieces
from cgmm.mixture.gaussian_mixture import GaussianMixture
from cgmm.thresholds import MIN_CELLS_PER_POSITION
from cgmm.transport.coupling import divide, is_gone, share_of_source

MIN_PART_SEEN = 0.5


def donor_positions(
    fit: CoupledFit,
    points: tuple[Points, Points],
    units: tuple[np.ndarray, np.ndarray],
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the positions of the donors along the shift of each source component.

    Parameters
    ----------
    fit
        The fit.
    points, units
        Points (N, D) of source and target, and their donors as whole numbers from 0; -1 for cells
        that do not count.

    Returns
    -------
    positions
        For source and target, shape (n_donors, K0), in units of the points.  NaN where the
        component is gone, and where a source donor has fewer than five cells.  NaN for a target
        donor where less than half of the mass of the component goes to target components with at
        least five cells of the donor.
    n_cells
        For source and target, sums of responsibilities, shape (n_donors, K0).
    """
    to = share_of_source(fit.coupling)
    start = np.asarray(fit.source.means)
    move = to @ np.asarray(fit.target.means) - start
    direction = divide(move, np.linalg.norm(move, axis=1, keepdims=True) + 0 * move)
    mean0, n0 = _means(fit.prevalence_source, points[0], units[0])
    mean1, n1 = _means(fit.prevalence_target, points[1], units[1])
    seen = to[None] * (n1[:, None] >= MIN_CELLS_PER_POSITION)
    whole = seen.sum(axis=2, keepdims=True)
    mean1 = divide(seen, np.broadcast_to(whole, seen.shape)) @ mean1
    # target donors need cells in the target components that receive at least half of the mass
    enough_source = (n0 >= MIN_CELLS_PER_POSITION) & ~is_gone(fit.coupling)
    enough = (enough_source, whole[:, :, 0] >= MIN_PART_SEEN)
    positions = [
        np.where(ok, ((mean - start) * direction).sum(axis=2), np.nan)
        for mean, ok in zip((mean0, mean1), enough, strict=True)
    ]
    return positions, [n0, n1 @ to.T]


def _means(
    mixture: GaussianMixture, points: Points, units: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return means (n_donors, K, D) and numbers of cells (n_donors, K) of components in donors."""
    n_units = int(units.max(initial=-1)) + 1  # zero when every donor has too few cells
    mass = np.zeros((n_units, mixture.n_components))
    total = np.zeros((n_units, *mixture.means.shape))
    for rows, x in point_pieces(points):
        r, of = mixture.responsibilities(x), units[rows]
        for u in np.unique(of[of >= 0]):
            own = of == u
            mass[u] += r[own].sum(axis=0)
            total[u] += r[own].T @ x[own]
    return total / np.maximum(mass, 1e-300)[..., None], mass
