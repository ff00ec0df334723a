"""Tables that :func:`cgmm.tl.donors` stores: intervals, p-values and positions of donors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cgmm._anndata.keys import UncertaintyKeys
from cgmm._utils.h5ad import storable
from cgmm._utils.strict_json import dumps
from cgmm.coupled.result import CoupledFit
from cgmm.donors.design import Design, unit_of_cells
from cgmm.donors.positions import donor_positions
from cgmm.donors.uncertainty import Uncertainty
from cgmm.pair import SIDES, Pair


def stored_uncertainty(result: Uncertainty, facts: dict[str, Any]) -> dict[str, Any]:
    """Return intervals, p-values and facts in the form in which ``uns`` stores them, by name."""
    factors = pd.DataFrame(
        {
            "component": np.arange(len(result.factors.p)),
            "share_source": result.factors.share_source,
            "share_target": result.factors.share_target,
            "log2_net": result.factors.log2_net,
            "ci_low": result.factors.low,
            "ci_high": result.factors.high,
            "p": result.factors.p,
            "q": result.factors.q,
            "p_moderated": result.factors.p_moderated,
            "p_permutation": result.factors.p_permutation,
            "log2_relative": result.factors.relative,
            "relative_low": result.factors.relative_low,
            "relative_high": result.factors.relative_high,
            "reason": np.array(result.factors.reason, dtype=object),
        }
    )
    shifts = pd.DataFrame(
        {
            "source_component": result.pairs[:, 0],
            "target_component": result.pairs[:, 1],
            "length": result.shifts.length,
            "low": result.shifts.low,
            "high": result.shifts.high,
            "p": result.shifts.p,
            "q": result.shifts.q,
        }
    )
    return {
        UncertaintyKeys.FACTS: dumps(facts),
        UncertaintyKeys.FACTORS: storable(factors),
        UncertaintyKeys.SHIFTS: shifts,
    }


def position_table(
    fit: CoupledFit,
    points: Pair[Any],
    donors: Pair[np.ndarray | None],
    plan: Design,
    seed: int,
) -> pd.DataFrame:
    """Return the table of positions of donors along the shift of each source component.

    Returns
    -------
    Columns side, donor, component, position (in units of the representation), n_cells (sum of
    responsibilities).
    """
    n_cells = points.map(len)
    units = Pair(*unit_of_cells(plan, donors, n_cells, seed))
    positions = donor_positions(fit, points, units)
    parts = []
    for i, (position, cells) in enumerate(zip(*positions, strict=True)):
        n_units, k = position.shape
        names = np.array([unit.donor for unit in plan.side(i)], dtype=object)
        parts.append(
            pd.DataFrame(
                {
                    "side": np.array([SIDES[i]] * (n_units * k), dtype=object),
                    "donor": np.repeat(names, k),
                    "component": np.tile(np.arange(k), n_units),
                    "position": position.ravel(),
                    "n_cells": cells.ravel(),
                }
            )
        )
    return storable(pd.concat(parts, ignore_index=True))
