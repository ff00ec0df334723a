"""Populations of one source and several targets, found together after the fits.

Every fit keeps one draw of the origin of each target cell under each of its partitions
(:attr:`CoupledFit.origins_of_partitions`). These draws take the place of the votes of
:func:`cgmm.automatic.populations.find_shared`, so the fits need not be made again. A draw is spread
over the nearest neighbours of the source cell, and averaged over those of the target cell, because
communities would otherwise follow the chance of single draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from cgmm._utils.neighbours import nearest
from cgmm.automatic.clusters import DrawnPoints
from cgmm.automatic.graphs import N_NEIGHBOURS
from cgmm.automatic.origins import DrawnCells
from cgmm.automatic.populations import find_shared
from cgmm.coupled.result import CoupledFit
from cgmm.mixture.chunked import Points


def share_populations(
    fits: Sequence[CoupledFit],
    points: Sequence[Points],
    *,
    weights: Sequence[np.ndarray | None],
    donors: Sequence[np.ndarray | None],
    random_state: int = 0,
) -> list[CoupledFit]:
    """Return fits of one source with populations that were found in all of them together.

    Parameters
    ----------
    fits
        The fit of every target, with the same source cells.
    points
        Cells of the source, then of every target, shapes (N, D).
    weights, donors
        Weights and donors of the cells of each condition, shapes (N,), or None.
    random_state
        Seed.

    Returns
    -------
    The fits with other populations. They are unchanged when a fit looked for no populations.
    """
    of_fits = [fit.origins_of_partitions for fit in fits]
    origins = [one for one in of_fits if one is not None]
    if len(fits) < 2 or len(origins) < len(fits) or fits[0].populations_source is None:
        return list(fits)
    drawn = [DrawnPoints(x, w, random_state) for x, w in zip(points, weights, strict=True)]
    sides = [DrawnCells(one.points, one.normalised_weights()) for one in drawn]
    nearest_drawn = [one.nearest_drawn(x) for one, x in zip(drawn, points, strict=True)]
    around = [_around(one.points) for one in sides]
    n_partitions, n_source = min(map(len, origins)), len(sides[0].points)
    votes = [
        [
            own @ _votes(draw[one.drawn], nearest_drawn[0], n_source) @ around[0]
            for draw in of_fit[:n_partitions]
        ]
        for of_fit, one, own in zip(origins, drawn[1:], around[1:], strict=True)
    ]
    found = find_shared(
        sides,
        votes,
        donors=[
            None if names is None else np.asarray(names)[one.drawn]
            for names, one in zip(donors, drawn, strict=True)
        ],
        random_state=random_state,
    )
    return [
        replace(
            fit,
            populations_source=one.of_source_cells[nearest_drawn[0]],
            populations_target=one.of_target_cells[of_target],
            populations_elsewhere=one.alternatives,
        )
        for fit, one, of_target in zip(fits, found, nearest_drawn[1:], strict=True)
    ]


def _around(points: np.ndarray) -> sp.csr_matrix:
    """Return equal weights of the nearest points of every point, itself among them, (N, N)."""
    positions, _ = nearest(points, min(N_NEIGHBOURS, len(points) - 1))
    n, k = positions.shape
    weights = np.full(n * k, 1 / k)
    return sp.csr_matrix((weights, (np.repeat(np.arange(n), k), positions.ravel())), (n, n))


def _votes(origins: np.ndarray, nearest_drawn: np.ndarray, n_source: int) -> sp.csr_matrix:
    """Return one vote of every target cell, shape (N, n_source); zero without an origin."""
    there = np.flatnonzero(origins >= 0)
    places = there, nearest_drawn[origins[there]]
    return sp.csr_matrix((np.ones(len(there)), places), (len(origins), n_source))
