"""Populations of one source and several targets, found together after the fits.

Every fit keeps one draw of the origin of each target cell (:attr:`CoupledFit.origins`). These draws
take the place of the votes of :func:`cgmm.automatic.populations.find_shared`, so the fits need not
be made again. A draw is spread over the nearest neighbours of the source cell, and averaged over
those of the target cell, because communities would otherwise follow the chance of single draws. The
factors of the populations that each fit found for itself are one more way to
find them, beside other seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from cgmm._utils.neighbours import nearest
from cgmm.automatic.clusters import DrawnPoints
from cgmm.automatic.origins import DrawnCells
from cgmm.automatic.populations import N_NEIGHBOURS, Populations, find_shared
from cgmm.coupled.result import CoupledFit
from cgmm.mixture.chunked import Points
from cgmm.transport.coupling import divide


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
    if len(fits) < 2 or any(fit.origins is None or fit.populations_source is None for fit in fits):
        return list(fits)
    drawn = [DrawnPoints(x, w, random_state) for x, w in zip(points, weights, strict=True)]
    sides = [DrawnCells(one.points, one.normalised_weights()) for one in drawn]
    nearest_drawn = drawn[0].spread(np.arange(len(drawn[0].points)), points[0])
    around = [_around(one.points) for one in sides]
    votes = [
        [own @ _votes(fit.origins, one.drawn, nearest_drawn, len(sides[0].points)) @ around[0]]
        for fit, one, own in zip(fits, drawn[1:], around[1:], strict=True)
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
        _with(fit, one, drawn[0], drawn[t + 1], (points[0], points[t + 1]))
        for t, (fit, one) in enumerate(zip(fits, found, strict=True))
    ]


def _around(points: np.ndarray) -> sp.csr_matrix:
    """Return equal weights of the nearest points of every point, itself among them, (N, N)."""
    positions, _ = nearest(points, min(N_NEIGHBOURS, len(points) - 1))
    n, k = positions.shape
    weights = np.full(n * k, 1 / k)
    return sp.csr_matrix((weights, (np.repeat(np.arange(n), k), positions.ravel())), (n, n))


def _votes(
    origins: np.ndarray | None, drawn: np.ndarray, nearest_drawn: np.ndarray, n_source: int
) -> sp.csr_matrix:
    """Return one vote of every drawn target cell, (n_drawn, n_source); zero without origin."""
    assert origins is not None
    own = origins[drawn]
    there = np.flatnonzero(own >= 0)
    shape = (len(drawn), n_source)
    return sp.csr_matrix((np.ones(len(there)), (there, nearest_drawn[own[there]])), shape)


def _with(
    fit: CoupledFit,
    found: Populations,
    source: DrawnPoints,
    target: DrawnPoints,
    points: tuple[Points, Points],
) -> CoupledFit:
    """Return the fit with shared populations, and its own as one more way to find them."""
    alone = _alone(fit, found, source, target)
    return replace(
        fit,
        populations_source=source.spread(found.of_source_cells, points[0]),
        populations_target=target.spread(found.of_target_cells, points[1]),
        populations_elsewhere=np.vstack([found.alternatives, alone]),
    )


def _alone(
    fit: CoupledFit, found: Populations, source: DrawnPoints, target: DrawnPoints
) -> np.ndarray:
    """Return the factors at the cells of the shared populations by those of the fit, (P,)."""
    assert fit.populations_source is not None
    assert fit.populations_target is not None
    own = fit.populations_source[source.drawn], fit.populations_target[target.drawn]
    weights = source.normalised_weights(), target.normalised_weights()
    n = 1 + max(int(part.max()) for part in own)
    before, after = (
        np.log2(np.bincount(part, w, n) + 0.5 / len(part))
        for part, w in zip(own, weights, strict=True)
    )
    labels = np.concatenate([found.of_source_cells, found.of_target_cells])
    values = np.concatenate(weights) * (after - before)[np.concatenate(own)]
    n_shared = found.n_populations
    total = np.bincount(labels, np.concatenate(weights), n_shared)
    return divide(np.bincount(labels, values, n_shared), total)
