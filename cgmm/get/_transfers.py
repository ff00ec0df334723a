"""Transfers between components, and the shifts of their states."""

from __future__ import annotations

from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.keys import DEFAULT_KEY, UncertaintyKeys, Uns
from cgmm._anndata.populations import STATE
from cgmm._anndata.storage import read_stored
from cgmm.get._by import transfers_by
from cgmm.get._common import build, component_names, core, origin, top_genes
from cgmm.get._population_tables import of_populations, wants_populations
from cgmm.pair import SIDES, SOURCE
from cgmm.tables import TABLES
from cgmm.transport.coupling import divide
from cgmm.transport.gaussians import pair_roots, roots, wasserstein_costs

MIN_SHARE_OF_SOURCE = 0.01
MIN_MASS = 1e-6


def transfers(
    adata: ad.AnnData, *, by: str | None = None, level: str = STATE, key: str = DEFAULT_KEY
) -> pd.DataFrame:
    """Return who became whom: one row per pair of components that exchanges mass, largest first.

    All numbers are read from one joint table of the target cells: how many of them belong to each
    target component and came from each source component (``votes`` of the fit, or, without votes,
    its coupling). Net factors, origins and the tables of populations are read from the same table.
    A pair with less than a millionth of the target cells is left out. The coupling of the model is
    ``cgmm.get.fit(adata).coupling``.

    Parameters
    ----------
    adata
        Object with a fit.
    by
        Column of ``obs`` to whose levels the components of both sides are summed; totals are
        conserved (:mod:`cgmm.get._by`).
    level
        "state": one row per component. "population": one row per population
        (:func:`cgmm.get.populations`); claims about prevalence belong to this level.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    Columns source, target (names), source_component, target_component (indices), mass (fraction of
    all target cells), share_of_source (of the target cells that came from the source component, the
    fraction in the target component), share_of_target (fraction of the target component that came
    from the source component). There are no intervals: of those that were tried, none held the
    truth.

    With ``by`` the pairs are pairs of levels of the annotation. There are no indices, and no pair
    with mass is left out. With ``level="population"`` target cells are counted by the population of
    their origin and by their own.

    Examples
    --------
    After the example of :func:`cgmm.tl.fit`:

    >>> transfers = cg.get.transfers(adata)
    >>> alpha = transfers[transfers["source"] == "Alpha"].iloc[0]
    >>> alpha["target"], round(float(alpha["share_of_source"]), 1)
    ('Alpha', 1.0)
    """
    if wants_populations(level, by):
        return of_populations(adata, "transfers", key=key)
    if by is not None:
        return transfers_by(adata, by, key=key)
    uns = read_stored(adata, key)
    _, _, t = core(uns)
    r = origin(uns)
    mass = r * t
    k, j = np.nonzero(mass > MIN_MASS)
    names = [component_names(uns, side) for side in SIDES]
    frame = build(
        TABLES["transfers"],
        {
            "source": names[0][k],
            "target": names[1][j],
            "source_component": k,
            "target_component": j,
            "mass": mass[k, j],
            "share_of_source": divide(mass, mass.sum(axis=1, keepdims=True))[k, j],
            "share_of_target": r[k, j],
        },
    )
    return frame.sort_values("mass", ascending=False, kind="stable", ignore_index=True)


def shifts(adata: ad.AnnData, *, level: str = STATE, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Return how far the states of coupled components differ.

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
    One row per pair that takes at least 1 % of its source component:

    source, target, source_component, target_component
        Names and indices.
    share_of_source
        Fraction of the source component that goes this way.
    mean_shift, covariance_shift, total_shift
        Distance of the means, Bures distance of the covariances, and Wasserstein distance, in units
        of the representation; total² = mean² + covariance².
    mean_shift_sd, total_shift_sd
        The same distances in standard deviations within a component. This unit is the square root
        of the mean trace of the source covariances.
    unbiased_shift_sd
        The distance of the means over donors less what noise adds to any distance; NaN before
        :func:`cgmm.tl.donors`.
    ci_low, ci_high, p, q
        95 % interval of unbiased_shift_sd, p of no movement and Benjamini-Hochberg q over pairs,
        with the donor as the unit (:mod:`cgmm.donors.moves`). Only for pairs that are one
        population: each is the main counterpart of the other, with 20 cells or more on both sides.
        Any other pair has a distance, but no move. The interval starts at zero where p is 0.05 or
        more. NaN before :func:`cgmm.tl.donors`.
    top_genes
        Those of the first five genes of the source component that change by a factor of 1.5 or
        more, the same for every target; "" before :func:`cgmm.tl.genes`.

    With ``level="population"`` there is one row per population with enough cells. Its source and
    target are the same population, lengths and tests are those of :func:`populations`, and
    covariance_shift, total_shift and total_shift_sd are NaN.

    Examples
    --------
    After the example of :func:`cgmm.tl.fit`:

    >>> shifts = cg.get.shifts(adata)
    >>> shifts.loc[shifts["mean_shift_sd"].idxmax(), "source"]
    'Alpha'
    """
    if wants_populations(level):
        return of_populations(adata, "shifts", key=key)
    uns = read_stored(adata, key)
    m0, m1 = (np.asarray(uns[Uns.means(side)]) for side in SIDES)
    s0, s1 = (np.asarray(uns[Uns.covariances(side)]) for side in SIDES)
    costs = wasserstein_costs(m0, m1, s0, s1, pair_roots(roots(s0).root, s1).fidelity)
    within = np.trace(s0, axis1=1, axis2=2)
    sd = float(np.sqrt(within.mean()))
    pairs = transfers(adata, key=key)
    pairs = pairs[pairs["share_of_source"] >= MIN_SHARE_OF_SOURCE]
    k, j = pairs["source_component"].to_numpy(), pairs["target_component"].to_numpy()
    source = pairs["source"].to_numpy(object)
    mean = np.linalg.norm(m1[j] - m0[k], axis=1)
    total = np.sqrt(costs[k, j])
    leading = top_genes(uns)
    of = _populations_of(uns)
    frame = build(
        TABLES["shifts"],
        {
            "source": source,
            "target": pairs["target"].to_numpy(object),
            "source_component": k,
            "target_component": j,
            "share_of_source": pairs["share_of_source"].to_numpy(),
            "mean_shift": mean,
            "covariance_shift": np.sqrt(np.maximum(costs[k, j] - mean**2, 0.0)),
            "total_shift": total,
            "mean_shift_sd": mean / sd,
            "total_shift_sd": total / sd,
            **_sure(uns, k, j, sd),
            "top_genes": [
                leading.get(name, leading.get(of[i], "")) for i, name in zip(k, source, strict=True)
            ],
        },
    )
    return frame.sort_values(
        ["source_component", "share_of_source"], ascending=[True, False], ignore_index=True
    )


def _sure(uns: dict[str, Any], k: np.ndarray, j: np.ndarray, sd: float) -> dict[str, np.ndarray]:
    """Return lengths less what noise adds and their intervals, in units of sd, and tests."""
    names = {"unbiased_shift_sd": "length", "ci_low": "low", "ci_high": "high", "p": "p", "q": "q"}
    if Uns.UNCERTAINTY not in uns:
        return {name: np.full(len(k), np.nan) for name in names}
    table = uns[Uns.UNCERTAINTY][UncertaintyKeys.SHIFTS]
    table = table.set_index(["source_component", "target_component"])
    found = table.reindex(pd.MultiIndex.from_arrays([k, j]))
    return {
        name: found[column].to_numpy(float) / (1.0 if name in ("p", "q") else sd)
        for name, column in names.items()
    }


def _populations_of(uns: dict[str, Any]) -> list[str]:
    """Return the population, or "", of every source component."""
    table = uns[Uns.COMPONENTS]
    return list(table.loc[table["side"].astype(str) == SOURCE, "cell_type"].astype(str))
