"""States: the parts into which the fit divides each population."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.keys import DEFAULT_KEY, Uns
from cgmm._anndata.storage import read_stored
from cgmm.get._common import build, component_names, core, origin
from cgmm.pair import SOURCE
from cgmm.tables import TABLES
from cgmm.transport.coupling import divide


def states(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Return which states of each population gained or lost, as shares of the population.

    A state is a component of the source. It belongs to the population of most of its cells. The
    target cells of a state are the cells that came from it.

    Parameters
    ----------
    adata
        Object with a fit.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    One row per source component:

    population
        Population of most of its cells; "" without populations.
    component, name
        Index and name of the component.
    share_source, share_target
        Fraction of the population in the state, before and after.
    log2_within
        log2(share_target / share_source): the change inside the population. The change of the whole
        population is taken out. ``-inf`` when no target cell came from the state.
    purity
        Fraction of the cells of the component that belong to the population.
    counterpart
        Target component that is its match, where the cells of the match are of another type and its
        name is therefore its own; else "".

    Raises
    ------
    KeyError
        When there is no fit.
    """
    uns = read_stored(adata, key)
    _, s, t = core(uns)
    table = uns[Uns.COMPONENTS]
    own = table[table["side"].astype(str) == SOURCE]
    of = own["cell_type"].astype(object).where(own["cell_type"].notna(), "").astype(str)
    populations = of.to_numpy(object)
    before, after = (_within(share, populations) for share in (s, origin(uns) @ t))
    with np.errstate(divide="ignore", invalid="ignore"):
        log2_within = np.log2(after) - np.log2(before)
    return build(
        TABLES["states"],
        {
            "population": populations,
            "component": np.arange(len(s)),
            "name": component_names(uns, SOURCE),
            "share_source": before,
            "share_target": after,
            "log2_within": log2_within,
            "purity": own["cell_type_purity"].to_numpy(float),
            "counterpart": _counterparts(table, component_names(uns, SOURCE)),
        },
    )


def _counterparts(table: pd.DataFrame, names: np.ndarray) -> np.ndarray:
    """Return the target component that is matched to each source component under another name."""
    if "matched_to" not in table:  # fits of earlier versions
        return np.full(len(names), "", dtype=object)
    matched = dict(zip(table["matched_to"].astype(str), table["name"].astype(str), strict=True))
    return np.array([matched.get(name, "") for name in names], dtype=object)


def _within(shares: np.ndarray, populations: np.ndarray) -> np.ndarray:
    """Return shares as parts of the shares of their population."""
    total = pd.Series(shares).groupby(populations).sum()
    return divide(shares, total.reindex(populations).to_numpy(float))
