"""Factors of the source components under other choices of the fit."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.keys import DEFAULT_KEY
from cgmm._anndata.populations import STATE
from cgmm._anndata.storage import read_params, read_stored
from cgmm.get._common import build, component_names, core, empty, origin
from cgmm.get._population_tables import of_populations, wants_populations
from cgmm.pair import SIDES
from cgmm.tables import TABLES
from cgmm.transport.coupling import is_gone, log2_net


def sensitivity(adata: ad.AnnData, *, level: str = STATE, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Return the factor of each source component under other choices of the fit.

    Parameters
    ----------
    adata
        Object with a fit that :func:`cgmm.tl.fit` made.
    level
        "state": one row per component. "population": one row per population
        (:func:`cgmm.get.populations`); claims about prevalence belong to this level.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    One row per source component and choice. Columns parameter ("rho", the price of reweighting in
    nats, or "partition" of the cells), value (text), component, name, log2_net, difference (from
    the fit), main_target (name; "" for components that are gone, and for partitions, which have
    other components) and F (mass of the coupling). No rows for a fit without alternatives.

    With ``level="population"`` parameter is "seed" (of the search for populations) or "partition"
    (its votes alone), main_target is "" and F is NaN. No rows for the populations of an annotation,
    which do not depend on the fit.

    Examples
    --------
    After the example of :func:`cgmm.tl.fit`:

    >>> sorted(set(cg.get.sensitivity(adata)["parameter"]))
    ['partition', 'rho']
    """
    if wants_populations(level):
        return of_populations(adata, "sensitivity", key=key)
    uns = read_stored(adata, key)
    coupling, s, t = core(uns)
    gone = is_gone(coupling)
    reference = log2_net(origin(uns), s, t)
    names = [component_names(uns, side) for side in SIDES]
    parts = []
    for row in read_params(adata, key=key).get("sensitivity") or []:
        values = np.asarray(row["log2_net"], dtype=float)
        with np.errstate(invalid="ignore"):
            difference = np.where(
                np.isneginf(values) & np.isneginf(reference), 0.0, values - reference
            )
        main = row.get("main_target")
        parts.append(
            pd.DataFrame(
                {
                    "parameter": row["parameter"],
                    "value": row["value"],
                    "component": np.arange(len(values)),
                    "name": names[0],
                    "log2_net": values,
                    "difference": difference,
                    "main_target": ""
                    if main is None
                    else np.where(gone, "", names[1][np.asarray(main)]),
                    "F": float(row["F"]),
                }
            )
        )
    if not parts:
        return empty(TABLES["sensitivity"])
    return build(TABLES["sensitivity"], pd.concat(parts, ignore_index=True))
