"""The result tables with one row per population: ``level="population"``.

The tables have the columns of the tables of components. Shares, factors and tests are those of
:func:`cgmm.get.populations`. Transfers and origins are counted over cells
(:mod:`cgmm.tl._flow_table`). A population became itself, so shifts compare its cells in the two
conditions.
"""

from __future__ import annotations

from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.keys import DEFAULT_KEY, Keys, Uns
from cgmm._anndata.populations import (
    NO_POPULATIONS,
    NOT_ANNOTATED,
    POPULATION,
    check_level,
    take_populations,
)
from cgmm._anndata.storage import read_params, read_stored
from cgmm.automatic.populations import N_SEARCHES
from cgmm.get._by import transfers_by
from cgmm.get._common import build, empty, top_genes
from cgmm.get._populations import donor_states, found_borders, populations
from cgmm.pair import SIDES, SOURCE, TARGET
from cgmm.tables import MARKER_TABLE, MIXED, TABLES
from cgmm.transport.coupling import divide

#: columns of the table of components that a fit stores per population
POPULATION_NAMES = (
    *("named_from", "markers", "best_type", "score"),
    *("runner_up", "runner_up_score", "raised"),
)


def wants_populations(level: str, by: str | None = None) -> bool:
    """Return whether a table of populations is asked for.

    Raises
    ------
    ValueError
        When ``level`` is unknown, or given together with ``by``.
    """
    check_level(level)
    if level == POPULATION and by is not None:
        msg = "Give level='population' or by=, not both: by= sums the components of the fit."
        raise ValueError(msg)
    return level == POPULATION


def of_populations(adata: ad.AnnData, table: str, *, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Return a result table with one row per population.

    Parameters
    ----------
    adata
        Object with a fit.
    table
        A name of :data:`cgmm.tables.BY_POPULATION`.
    key
        The ``key_added`` of the fit.

    Raises
    ------
    KeyError
        When there is no fit.
    ValueError
        When the fit has no populations.
    """
    rows = populations(adata, key=key)
    if rows.empty:
        raise ValueError(NO_POPULATIONS)
    return _MAKERS[table](adata, rows, key)


def _factors(_adata: ad.AnnData, rows: pd.DataFrame, _key: str) -> pd.DataFrame:
    missing = dict.fromkeys(
        ("outflow", "log2_outflow", "inflow", "p_permutation")
        + ("log2_relative", "relative_low", "relative_high"),
        np.nan,
    )
    return build(
        TABLES["factors"],
        rows.assign(
            component=np.arange(len(rows)),
            interval_from=np.where(np.isfinite(rows["ci_low"]), "donor t", ""),
            p_moderated=rows["p"],
            **missing,
        ),
    )


def _transfers(adata: ad.AnnData, rows: pd.DataFrame, key: str) -> pd.DataFrame:
    counted = _joint(adata, rows, key)
    i, j = np.nonzero(counted > 0)
    names = rows["name"].to_numpy(object)
    frame = build(
        TABLES["transfers"],
        {
            "source": names[i],
            "target": names[j],
            "source_component": i,
            "target_component": j,
            "mass": counted[i, j],
            "share_of_source": divide(counted, counted.sum(axis=1, keepdims=True))[i, j],
            "share_of_target": divide(counted, counted.sum(axis=0, keepdims=True))[i, j],
        },
    )
    return frame.sort_values("mass", ascending=False, kind="stable", ignore_index=True)


def _joint(adata: ad.AnnData, rows: pd.DataFrame, key: str) -> np.ndarray:
    """Return the shares of the target cells by population of origin and own population, (P, P)."""
    joint = np.zeros((len(rows), len(rows)))
    place = {name: i for i, name in enumerate(rows["name"])}
    flow = read_stored(adata, key).get(Uns.FLOW)
    if flow is None or flow.empty:  # origins of cells are not known, those of components are
        cells = take_populations(adata, read_params(adata, key=key), key=key)
        assert cells is not None
        flow = transfers_by(adata, cells.by, key=key).rename(columns={"mass": "share"})
    for source, target, share in zip(
        flow["source"].astype(str), flow["target"].astype(str), flow["share"], strict=True
    ):
        if NOT_ANNOTATED not in (source, target):
            joint[place[source], place[target]] += float(share)
    return joint


def _arrivals(adata: ad.AnnData, rows: pd.DataFrame, key: str) -> pd.DataFrame:
    counted = _joint(adata, rows, key)
    part = divide(counted, counted.sum(axis=0, keepdims=True))
    names = rows["name"].to_numpy(object)
    new = (rows["status"] == "new").to_numpy()
    known = part.sum(axis=0) > 0
    main = np.where(known & ~new, names[part.argmax(axis=0)], "")
    return build(
        TABLES["arrivals"],
        {
            "component": np.arange(len(rows)),
            "name": names,
            "share_target": rows["share_target"],
            "inflow": np.nan,
            "log2_inflow": np.nan,
            "main_source": main,
            "share_from_main_source": np.where(main != "", part.max(axis=0), np.nan),
            "n_cells": rows["n_cells_target"],
            "status": np.where(new, "new", ""),
        },
    )


def _shifts(adata: ad.AnnData, rows: pd.DataFrame, key: str) -> pd.DataFrame:
    kept = np.flatnonzero(np.isfinite(rows["shift_sd"]))
    part = rows.iloc[kept]
    leading = top_genes(read_stored(adata, key))
    moved = donor_states(adata, key=key).shifts
    transfers = _transfers(adata, rows, key)
    stays = transfers.loc[transfers["source"] == transfers["target"]].set_index("source")
    return build(
        TABLES["shifts"],
        {
            "source": part["name"],
            "target": part["name"],
            "source_component": kept,
            "target_component": kept,
            "share_of_source": stays["share_of_source"].reindex(part["name"]).to_numpy(float),
            "mean_shift": moved.raw[kept] * moved.spread,
            "covariance_shift": np.nan,
            "total_shift": np.nan,
            "mean_shift_sd": moved.raw[kept],
            "total_shift_sd": np.nan,
            "unbiased_shift_sd": part["shift_sd"],
            "ci_low": part["shift_low"],
            "ci_high": part["shift_high"],
            "p": part["shift_p"],
            "q": part["shift_q"],
            "top_genes": [leading.get(name, "") for name in part["name"]],
        },
    )


def _components(adata: ad.AnnData, rows: pd.DataFrame, key: str) -> pd.DataFrame:
    """Return the populations of both sides, with what their names rest on."""
    known = read_params(adata, key=key)
    cells = take_populations(adata, known, key=key)
    assert cells is not None
    found = cells.by == Keys(key).population
    evidence = _evidence(adata, rows, key)
    by_table = evidence["named_from"].isin([MARKER_TABLE, MIXED]).to_numpy()
    kinds = rows["name"].str.replace(r" \d+$", "", regex=True).where(by_table, "")
    parts = []
    for side, shares, n_cells in (
        (SOURCE, rows["share_source"], rows["n_cells"]),
        (TARGET, rows["share_target"], rows["n_cells_target"]),
    ):
        parts.append(
            pd.DataFrame(
                {
                    "side": side,
                    "component": np.arange(len(rows)),
                    "name": rows["name"],
                    "weight": shares,
                    "share": shares,
                    "n_cells": n_cells,
                    "cell_type": kinds if found else rows["name"],
                    "cell_type_purity": np.nan if found else 1.0,
                    "matched_to": "",
                    **{name: evidence[name].to_numpy() for name in evidence},
                }
            )
        )
    return build(TABLES["components"], pd.concat(parts, ignore_index=True))


def _evidence(adata: ad.AnnData, rows: pd.DataFrame, key: str) -> pd.DataFrame:
    """Return what the name of each population rests on, one row per population."""
    wanted = [name for name in TABLES["components"].names if name in POPULATION_NAMES]
    stored = read_stored(adata, key).get(Uns.POPULATION_NAMES)
    if stored is None:  # fits of earlier versions
        stored = pd.DataFrame({"name": np.array([], dtype=object)})
    own = stored.assign(name=stored["name"].astype(str)).set_index("name")
    return own.reindex(index=rows["name"], columns=wanted).reset_index(drop=True)


def _donors(adata: ad.AnnData, rows: pd.DataFrame, key: str) -> pd.DataFrame:
    return _per_donor(adata, rows, key, "donors")


def _donor_shifts(adata: ad.AnnData, rows: pd.DataFrame, key: str) -> pd.DataFrame:
    return _per_donor(adata, rows, key, "donor_shifts")


def _per_donor(adata: ad.AnnData, rows: pd.DataFrame, key: str, table: str) -> pd.DataFrame:
    """Return one row per donor, condition and population; no rows without donors."""
    states = donor_states(adata, key=key)
    known = read_params(adata, key=key)
    if not states.design.replicated:
        return empty(TABLES[table])
    n = len(rows)
    units = states.design.units
    side = np.repeat([SIDES[unit.side] for unit in units], n)
    counts = states.counts[:, :n]
    columns: dict[str, Any] = {
        "side": side,
        "condition": [known[one] for one in side],
        "donor": np.repeat([unit.donor for unit in units], n),
        "component": np.tile(np.arange(n), len(units)),
        "name": np.tile(rows["name"].to_numpy(object), len(units)),
    }
    if table == "donors":
        total = states.counts.sum(axis=1, keepdims=True)
        columns["share"] = divide(counts, total).ravel()
        columns["n_cells"] = np.repeat(total[:, 0].astype(int), n)
        return build(TABLES[table], columns)
    columns["position_sd"] = states.shifts.positions.ravel()
    columns["n_cells"] = counts.ravel()
    return build(TABLES[table], columns)


def _sensitivity(adata: ad.AnnData, rows: pd.DataFrame, key: str) -> pd.DataFrame:
    """Return the factors of found populations under other choices; no rows for an annotation."""
    known = read_params(adata, key=key)
    cells = take_populations(adata, known, key=key)
    assert cells is not None
    borders = found_borders(adata, cells, key=key)
    if borders is None:
        return empty(TABLES["sensitivity"])
    elsewhere = borders.differences
    n, n_seeds = len(rows), min(N_SEARCHES, len(elsewhere))
    kinds = ["seed"] * n_seeds + ["partition"] * (len(elsewhere) - n_seeds)
    places = [*range(1, n_seeds + 1), *range(1, len(elsewhere) - n_seeds + 1)]
    return build(
        TABLES["sensitivity"],
        {
            "parameter": np.repeat(np.array(kinds, dtype=object), n),
            "value": np.repeat(np.array([str(i) for i in places], dtype=object), n),
            "component": np.tile(np.arange(n), len(elsewhere)),
            "name": np.tile(rows["name"].to_numpy(object), len(elsewhere)),
            "log2_net": (rows["log2_net"].to_numpy(float) + elsewhere).ravel(),
            "difference": elsewhere.ravel(),
            "main_target": "",
            "F": np.nan,
        },
    )


_MAKERS = {
    "factors": _factors,
    "transfers": _transfers,
    "arrivals": _arrivals,
    "shifts": _shifts,
    "components": _components,
    "donors": _donors,
    "donor_shifts": _donor_shifts,
    "sensitivity": _sensitivity,
}
