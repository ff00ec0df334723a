"""What leaving out one donor makes of the factors of populations."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.keys import DEFAULT_KEY
from cgmm.donors.influence import leave_one_donor_out
from cgmm.get._common import build, empty
from cgmm.get._populations import donor_states, populations
from cgmm.tables import TABLES


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
    One row per population and donor: name, donor, log2_net_without (the factor without the donor,
    estimated as in :func:`populations`) and disagrees (whether the donor alone points the other
    way). No rows without donors, or without populations.

    Raises
    ------
    KeyError
        When there is no fit.
    """
    rows = populations(adata, key=key)
    if rows.empty:
        return empty(TABLES["influence"])
    states = donor_states(adata, key=key)
    found = leave_one_donor_out(states.counts, states.design)
    found = found.loc[found["population"] < len(rows)]  # the last column can be cells without label
    found = found.sort_values(["population", "donor"], kind="stable")
    names = rows["name"].to_numpy(object)[found["population"].to_numpy(int)]
    frame = found.assign(name=np.asarray(names, dtype=object))
    return build(TABLES["influence"], frame.reset_index(drop=True))
