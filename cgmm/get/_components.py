"""Components of both sides, and the origins of the target components."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.keys import DEFAULT_KEY, Uns
from cgmm._anndata.populations import STATE
from cgmm._anndata.storage import read_stored
from cgmm.get._by import arrivals_by
from cgmm.get._common import build, core, flows, origin
from cgmm.get._population_tables import of_populations, wants_populations
from cgmm.pair import SOURCE, TARGET
from cgmm.tables import TABLES
from cgmm.transport.coupling import is_gone


def components(adata: ad.AnnData, *, level: str = STATE, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Return the components of both sides, one row per component.

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
    Columns side ("source", "target"), component (index), name, weight (fitted with the transport
    penalty), share (without the transport penalty), n_cells (sum of responsibilities, rounded),
    markers, cell_type (from ``name_by``, else the population that was found, else from ``markers``
    of :func:`cgmm.tl.fit`), cell_type_purity (fraction of the component's labelled cells with this
    type) and named_from ("annotation", "population", "marker table", "mixed", "unclear", "marker
    genes" or "number").

    The evidence of the marker table (:mod:`cgmm.genes.marker_names`): best_type, score, runner_up,
    runner_up_score and raised (which markers of best_type are raised). It stands beside the type of
    an annotation too. matched_to: the source component to which a target component is matched,
    where its name differs, because its own cells are of another type.

    Examples
    --------
    After the example of :func:`cgmm.tl.fit`:

    >>> cg.get.components(adata)["side"].value_counts().to_dict()
    {'source': 6, 'target': 6}
    """
    if wants_populations(level):
        return of_populations(adata, "components", key=key)
    stored = read_stored(adata, key)[Uns.COMPONENTS].reset_index(drop=True)
    # fits of earlier versions have no evidence
    missing = {name: np.nan for name in TABLES["components"].names[9:] if name not in stored}
    return build(TABLES["components"], stored.assign(**missing))


def arrivals(
    adata: ad.AnnData, *, by: str | None = None, level: str = STATE, key: str = DEFAULT_KEY
) -> pd.DataFrame:
    """Return where each target component came from, one row per target component.

    Parameters
    ----------
    adata
        Object with a fit.
    by
        Column of ``obs`` to whose levels the components of both sides are summed
        (:mod:`cgmm.get._by`).
    level
        "state": one row per component. "population": one row per population
        (:func:`cgmm.get.populations`); claims about prevalence belong to this level.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    Columns component, name, share_target, inflow, log2_inflow, main_source (name, "" when new),
    share_from_main_source, n_cells and status. The status is "new" when no source component can be
    the counterpart (:func:`cgmm.automatic.counterparts.unmatched` with the sides swapped), or when
    the counterpart holds no cell; else "".

    With ``by`` there is one row per level that target cells have. The column component is left out;
    share_new (fraction of the level in components that are new) and purity (how far components lie
    within the level, 0 to 1) are added.

    Examples
    --------
    After the example of :func:`cgmm.tl.fit`:

    >>> arrivals = cg.get.arrivals(adata)
    >>> round(float(arrivals["share_target"].sum()), 3)
    1.0
    """
    if wants_populations(level, by):
        return of_populations(adata, "arrivals", key=key)
    if by is not None:
        return arrivals_by(adata, by, key=key)
    uns = read_stored(adata, key)
    coupling, _, t = core(uns)
    r = origin(uns)
    _, inflow = flows(uns)
    table = components(adata, key=key)
    own = table[table["side"] == TARGET]
    of_source = table[table["side"] == SOURCE]
    source_names = of_source["name"].to_numpy(object)
    empty = of_source["n_cells"].to_numpy()[coupling.argmax(axis=0)] < 1
    new = (is_gone(coupling.T) | empty) & (own["n_cells"].to_numpy() >= 1)
    with np.errstate(divide="ignore"):
        log2_inflow = np.log2(inflow)
    return build(
        TABLES["arrivals"],
        {
            "component": np.arange(len(t)),
            "name": own["name"].to_numpy(object),
            "share_target": t,
            "inflow": inflow,
            "log2_inflow": log2_inflow,
            "main_source": np.where(new, "", source_names[r.argmax(axis=0)]),
            "share_from_main_source": r.max(axis=0),
            "n_cells": own["n_cells"].to_numpy(int),
            "status": np.where(new, "new", ""),
        },
    )
