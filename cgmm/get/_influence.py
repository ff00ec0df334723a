"""What leaving out one donor makes of the factors of populations."""

from __future__ import annotations

from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.keys import DEFAULT_KEY
from cgmm._anndata.populations import take_populations
from cgmm._anndata.storage import read_params
from cgmm.donors.influence import leave_one_donor_out
from cgmm.donors.outliers import share_outliers
from cgmm.get._common import build, empty
from cgmm.get._counted import counted
from cgmm.get._populations import DonorStates, donor_states, populations
from cgmm.tables import TABLES
from cgmm.thresholds import OUTSIDE


def influence(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Return the factor of every population with one donor left out.

    Parameters
    ----------
    adata
        Object with a fit.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    One row per population and donor; no rows without donors, or without populations:

    name, donor
        The population, and the donor that is left out in both conditions.
    log2_net_without
        The factor without the donor, estimated as in :func:`populations`.
    disagrees
        Whether the donor alone points the other way.
    leaves_interval
        Whether the factor without the donor lies outside the interval of the factor.
    outside_q
        q of the share of the donor against the shares of the other donors of its condition
        (:mod:`cgmm.donors.outliers`), the lower one of a donor in both; NaN with fewer than three
        donors in a condition.
    outside
        The condition in which ``outside_q`` is below 0.01, else "".

    Raises
    ------
    KeyError
        When there is no fit.
    """
    rows = populations(adata, key=key)
    if rows.empty:
        return empty(TABLES["influence"])
    states = donor_states(adata, key=key)
    known = read_params(adata, key=key)
    cells = take_populations(adata, known, key=key)
    assert cells is not None  # there are rows
    study = counted(adata, known, cells)
    formula = None if study is None else (study.seen, study.model.contrasts[0])
    found = leave_one_donor_out(states.counts, states.design, formula=formula)
    found = found.loc[found["population"] < len(rows)]  # the last column can be cells without label
    found = found.sort_values(["population", "donor"], kind="stable").reset_index(drop=True)
    place = found["population"].to_numpy(int)
    without = found["log2_net_without"].to_numpy(float)
    low, high = (rows[name].to_numpy(float)[place] for name in ("ci_low", "ci_high"))
    frame = found.assign(
        name=rows["name"].to_numpy(object)[place],
        leaves_interval=(without < low) | (without > high),
    )
    outside = _outside(states, read_params(adata, key=key))
    return build(TABLES["influence"], frame.merge(outside, on=["donor", "population"], how="left"))


def _outside(states: DonorStates, known: dict[str, Any]) -> pd.DataFrame:
    """Return donor, population, outside_q and outside: the condition with the lower q."""
    found = share_outliers(states.counts, states.design)
    found = found.sort_values("q", kind="stable").drop_duplicates(["donor", "population"])
    where = [
        known[side] if q < OUTSIDE else ""
        for side, q in zip(found["side"], found["q"], strict=True)
    ]
    return pd.DataFrame(
        {
            "donor": found["donor"].astype(object),
            "population": found["population"].astype(float),
            "outside_q": found["q"].astype(float),
            "outside": np.array(where, dtype=object),
        }
    )
