"""Prevalence of each source component and how it changed."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd

from cgmm import donors as donor_level
from cgmm._keys import DEFAULT_KEY, SOURCE, TARGET
from cgmm.get._common import as_objects, core, donor_shares, flows, params, stored
from cgmm.get._components import components
from cgmm.sensitivity import settled


def factors(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Prevalence of each source component and how it changed.

    Parameters
    ----------
    adata
        Object with a fit.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    One row per source component:

    component, name
        Index and name.
    share_source, share_target
        Share of the source; share of the target that came from the component.
    outflow, log2_outflow, inflow
        Factor on leaving, and on entering the main target component; both relative to the total
        mass of the coupling.
    log2_net
        log2(share_target / share_source). ``-inf``: nothing of the target came from it.
    ci_low, ci_high, p, q
        95 % interval, p and Benjamini-Hochberg q over donors, conditional on the fitted
        components (:mod:`cgmm.donors`). NaN where ``reason`` says why. The interval is centred on
        the difference of the donors' mean log2 shares, which is near, not equal to, log2_net.
    n_cells, n_cells_target
        Cells of the component (sum of responsibilities, rounded), and target cells from it.
    reason
        Why interval, p and q are missing, else "".
    status
        "gone" when no target component can be its counterpart
        (:func:`cgmm.movement.unmatched`), or when not one target cell is expected; else "".
    settled
        False when another price of reweighting or another partition moves the factor by more than
        twofold (:func:`sensitivity`).
    """
    uns = stored(adata, key)
    coupling, s, t = core(uns)
    r = donor_level.share_of_target(coupling, s)
    outflow, inflow = flows(uns)
    table = components(adata, key=key)
    n_target = table.loc[table["side"] == TARGET, "n_cells"].to_numpy()
    own = table[table["side"] == SOURCE]
    found = donor_level.intervals(*donor_shares(uns), r, paired=params(adata, key=key)["paired"])
    left = r @ n_target
    gone = donor_level.lost(coupling) | (left < 1)
    with np.errstate(divide="ignore"):
        log2_outflow = np.log2(outflow)
    frame = pd.DataFrame(
        {
            "component": np.arange(len(s)),
            "name": own["name"].to_numpy(object),
            "share_source": s,
            "share_target": r @ t,
            "outflow": outflow,
            "log2_outflow": log2_outflow,
            "inflow": inflow[coupling.argmax(axis=1)],
            "log2_net": donor_level.log2_net(coupling, s, t),
            "ci_low": found.low,
            "ci_high": found.high,
            "p": found.p,
            "q": found.q,
            "n_cells": own["n_cells"].to_numpy(int),
            "n_cells_target": np.rint(left).astype(int),
            "reason": found.reason,
            "status": np.where(gone, "gone", ""),
        }
    )
    rows = params(adata, key=key).get("sensitivity") or []
    frame["settled"] = settled(frame["log2_net"].to_numpy(), rows)
    return as_objects(frame, ("name", "reason", "status"))
