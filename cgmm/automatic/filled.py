"""Components that cells fill: components with too few cells are dropped."""

from __future__ import annotations

import numpy as np

from cgmm.mixture.gaussian_mixture import GaussianMixture
from cgmm.thresholds import MIN_CELLS


def filled(mixture: GaussianMixture, points: np.ndarray, n_cells: int) -> GaussianMixture:
    """Return a mixture without the components that have too few cells.

    One component is dropped at a time, the emptiest first, because its cells can fill another one.

    Parameters
    ----------
    mixture
        K components in D dimensions.
    points
        Drawn cells of the same condition, shape (N, D).
    n_cells
        Number of all cells of the condition.

    Returns
    -------
    Mixture in which every component has at least ``MIN_CELLS`` cells (sum of responsibilities), or
    one component. The mixture itself when no component is dropped.
    """
    per_point = n_cells / len(points)
    while mixture.n_components > 1:
        cells = mixture.responsibilities(points).sum(axis=0) * per_point
        if cells.min() >= MIN_CELLS:
            break
        kept = np.delete(np.arange(mixture.n_components), cells.argmin())
        weights = mixture.weights[kept]
        mixture = GaussianMixture(
            weights / weights.sum(), mixture.means[kept], mixture.covariances[kept]
        )
    return mixture
