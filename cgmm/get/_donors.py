"""Shares and positions of the components in each donor."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.keys import DEFAULT_KEY, UncertaintyKeys, Uns
from cgmm._anndata.populations import STATE
from cgmm._anndata.storage import read_params, read_stored
from cgmm.get._common import build, component_names, donor_shares, empty, origin
from cgmm.get._population_tables import of_populations, wants_populations
from cgmm.pair import SIDES, SOURCE
from cgmm.tables import TABLES


def donors(adata: ad.AnnData, *, level: str = STATE, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Return the share of each component in each donor; no rows for a fit without donors.

    Parameters
    ----------
    adata
        Object with a fit.
    level
        "state": one row per component. "population": one row per population
        (:func:`cgmm.get.populations`); claims about prevalence belong to this level.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    Columns side, condition, donor, component, name, share (of the donor's cells in the
    condition), n_cells (of the donor in the condition).

    Examples
    --------
    After the example of :func:`cgmm.tl.fit`, two sides of three donors and six components:

    >>> len(cg.get.donors(adata))
    36
    """
    if wants_populations(level):
        return of_populations(adata, "donors", key=key)
    uns, known = read_stored(adata, key), read_params(adata, key=key)
    table = uns[Uns.DONORS]
    side = table["side"].astype(str).to_numpy(object)
    component = table["component"].to_numpy(int)
    names = {s: component_names(uns, s) for s in SIDES}
    return build(
        TABLES["donors"],
        {
            "side": side,
            "condition": [known[s] for s in side],
            "donor": table["donor"].astype(str).to_numpy(object),
            "component": component,
            "name": [names[s][k] for s, k in zip(side, component, strict=True)],
            "share": table["share"].to_numpy(float),
            "n_cells": table["n_cells"].to_numpy(int),
        },
    )


def carried_donors(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Return the share of each source component in each donor of both sides.

    The intervals of :func:`cgmm.get.factors` rest on these numbers.

    Parameters
    ----------
    adata
        Object with a fit.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    The columns of :func:`donors`; for target donors ``component`` is a source component and
    ``share`` is ``sum_l R_kl`` times the donor's share of target component l.
    """
    uns, known = read_stored(adata, key), read_params(adata, key=key)
    names = component_names(uns, SOURCE)
    back = origin(uns)
    parts = []
    for side, found in zip(SIDES, donor_shares(uns), strict=True):
        if found is None:
            continue
        shares = found.shares if side == SOURCE else found.shares @ back.T
        n, k = shares.shape
        parts.append(
            pd.DataFrame(
                {
                    "side": side,
                    "condition": known[side],
                    "donor": np.repeat(found.donors, k),
                    "component": np.tile(np.arange(k), n),
                    "name": np.tile(names, n),
                    "share": shares.ravel(),
                    "n_cells": np.repeat(found.n_cells, k),
                }
            )
        )
    if not parts:
        return empty(TABLES["donors"])
    return build(TABLES["donors"], pd.concat(parts, ignore_index=True))


def donor_shifts(adata: ad.AnnData, *, level: str = STATE, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Return how far the cells of each donor moved.

    Parameters
    ----------
    adata
        Object on which :func:`cgmm.tl.donors` was run.
    level
        "state": one row per component. "population": one row per population
        (:func:`cgmm.get.populations`); claims about prevalence belong to this level.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    One row per side, donor and source component. Columns side, condition, donor, component (of the
    source), name, position_sd (position along the shift of the component, in standard deviations
    within a component; source donors lie about zero, target donors about the length of the shift;
    NaN with fewer than five cells) and n_cells (sum of responsibilities). No rows without donors.

    Raises
    ------
    KeyError
        When :func:`cgmm.tl.donors` was not run.
    """
    if wants_populations(level):
        return of_populations(adata, "donor_shifts", key=key)
    uns, known = read_stored(adata, key), read_params(adata, key=key)
    if Uns.UNCERTAINTY not in uns:
        msg = f"uns[{key!r}] has no uncertainty: run cgmm.tl.donors(adata, key={key!r}) first."
        raise KeyError(msg)
    if UncertaintyKeys.DONOR_SHIFTS not in uns[Uns.UNCERTAINTY]:
        return empty(TABLES["donor_shifts"])
    table = uns[Uns.UNCERTAINTY][UncertaintyKeys.DONOR_SHIFTS].reset_index(drop=True)
    names = component_names(uns, SOURCE)
    within = np.trace(np.asarray(uns[Uns.covariances(SOURCE)]), axis1=1, axis2=2)
    return build(
        TABLES["donor_shifts"],
        {
            "side": table["side"],
            "condition": [known[s] for s in table["side"].astype(str)],
            "donor": table["donor"],
            "component": table["component"].to_numpy(int),
            "name": names[table["component"].to_numpy(int)],
            "position_sd": table["position"].to_numpy(float) / float(np.sqrt(within.mean())),
            "n_cells": table["n_cells"].to_numpy(float),
        },
    )
