"""Results of a fit for every cell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cgmm._anndata.keys import Uns
from cgmm._anndata.sides import Sides
from cgmm._anndata.storage import CellFields
from cgmm.coupled.result import CoupledFit
from cgmm.pair import SOURCE, TARGET
from cgmm.transport.barycentric_map import displacement
from cgmm.transport.coupling import divide

# Cells -----------------------------------------------------------------------------


def cell_fields(
    n_obs: int,
    fit: CoupledFit,
    found: Sides,
    responsibilities: tuple[np.ndarray, np.ndarray],
    uns: dict[str, Any],
) -> CellFields:
    """Spread the results of both sides over all cells of the object."""
    r0, r1 = responsibilities
    net, origin = np.exp2(fit.log2_net), fit.origin
    back = origin.T @ np.where(np.isfinite(net), net, 0.0)
    log2_net = np.full(n_obs, np.nan)
    with np.errstate(divide="ignore"):
        own = fit.log2_net_cells
        if own is None or len(own) != len(r0):  # not of these cells
            own = np.log2(r0 @ np.where(np.isfinite(net), net, 0.0))
        log2_net[found.rows_source] = own
        old = r1 @ (origin.sum(axis=0) > 0)
        factor = divide(r1 @ back, old)
        log2_net[found.rows_target] = np.where(old < 0.5, np.inf, np.log2(factor))

    moves = np.full((n_obs, found.points_source.shape[1]), np.nan, found.dtype)
    places = moves.copy()
    moved = displacement(
        found.points_source,
        r0,
        means_source=fit.source.means,
        means_target=fit.target.means,
        covariances_source=fit.source.covariances,
        covariances_target=fit.target.covariances,
        coupling=fit.coupling,
    )
    shift = np.full(n_obs, np.nan)
    shift[found.rows_source] = np.linalg.norm(moved, axis=1)
    moves[found.rows_source] = moved
    moved += found.points_source
    places[found.rows_source] = moved
    padded = np.full((n_obs, max(fit.coupling.shape)), np.nan)
    names = np.full(n_obs, None, dtype=object)
    for side, rows, r in (
        (SOURCE, found.rows_source, r0),
        (TARGET, found.rows_target, r1),
    ):
        padded[rows, : r.shape[1]] = r
        names[rows] = np.asarray(uns[Uns.names(side)])[r.argmax(axis=1)]
    categories = list(dict.fromkeys([*uns[Uns.names(SOURCE)], *uns[Uns.names(TARGET)]]))
    return CellFields(
        pd.Categorical(names, categories=categories),
        log2_net,
        shift,
        padded,
        moves,
        places,
    )
