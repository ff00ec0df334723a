r"""How far each donor's cells have moved, subpopulation by subpopulation.

With :math:`\Delta_k = \sum_l T_{kl} m^1_l - m^0_k` the move of source component k and
:math:`u_k = \Delta_k / |\Delta_k|`, a donor of the source stands at
:math:`u_k^T (\bar x_{dk} - m^0_k)` and one of the target at
:math:`u_k^T (\sum_l T_{kl} \bar x_{dl} - m^0_k)`, where :math:`\bar x_{dk}` is the mean of the
donor's cells weighted by their responsibilities.  Donors of the source lie about zero, those of
the target about :math:`|\Delta_k|`: one that does not is the one to look at.
"""

from __future__ import annotations

import numpy as np

from cgmm.coupled.result import CoupledFit
from cgmm.mixture.gaussian_mixture import GaussianMixture
from cgmm.thresholds import MIN_CELLS_PER_POSITION
from cgmm.transport.coupling import divide, is_gone, share_of_source


def donor_positions(
    fit: CoupledFit,
    points: tuple[np.ndarray, np.ndarray],
    units: tuple[np.ndarray, np.ndarray],
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Positions of the donors along the shift of each source component.

    Parameters
    ----------
    fit
        The fit.
    points, units
        Cells (N, D) of either side and their donors as whole numbers from 0.

    Returns
    -------
    For either side positions in units of the points, NaN where a donor has fewer than five cells or
    the component is gone, and numbers of cells (sums of responsibilities), shapes (n_donors, K0).
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
    # a donor that lacks more than half of where the component goes says nothing of it
    enough = ((n0 >= MIN_CELLS_PER_POSITION) & ~is_gone(fit.coupling), whole[:, :, 0] >= 0.5)
    positions = [
        np.where(ok, ((mean - start) * direction).sum(axis=2), np.nan)
        for mean, ok in zip((mean0, mean1), enough, strict=True)
    ]
    return positions, [n0, n1 @ to.T]


def _means(
    mixture: GaussianMixture, points: np.ndarray, units: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean of every component in every donor (n_donors, K, D), and numbers of cells."""
    r = mixture.responsibilities(points)
    n_units = int(units.max(initial=-1)) + 1  # none when every donor has too few cells
    mass = np.zeros((n_units, r.shape[1]))
    np.add.at(mass, units, r)
    total = np.zeros((n_units, *mixture.means.shape))
    for u in range(n_units):
        total[u] = r[units == u].T @ points[units == u]
    return total / np.maximum(mass, 1e-300)[..., None], mass
