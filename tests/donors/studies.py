"""Small simulated comparisons with their fits, for the tests of donors."""

from __future__ import annotations

import numpy as np

import cgmm as cg
from cgmm.donors.shares import donor_weights


def fitted(seed: int = 0, **options: object) -> tuple:
    """Small simulated comparison with its fit: fit, points, donors."""
    sample = cg.simulate.points(
        n_components=4, n_dims=4, n_cells=1200, n_donors=4, random_state=seed, **options
    )
    of = [sample.condition == side for side in ("source", "target")]
    points = sample.points[of[0]], sample.points[of[1]]
    donors = sample.donor[of[0]], sample.donor[of[1]]
    means = sample.truth["source_means"], sample.truth["target_means"]
    start = tuple(
        cg.GaussianMixture(np.full(4, 0.25), m, sample.truth["covariances"]) for m in means
    )
    fit = cg.fit_coupled(
        *points,
        init=start,
        weights_source=donor_weights(donors[0]),
        weights_target=donor_weights(donors[1]),
        epsilon=1.0,
        rho=5.0,
    )
    return fit, points, donors, sample
