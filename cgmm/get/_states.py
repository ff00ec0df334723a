"""States: the parts into which the fit divides each population."""

from __future__ import annotations

from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.keys import DEFAULT_KEY, Keys, Uns
from cgmm._anndata.populations import PopulationCells, UnlabelledError, take_populations
from cgmm._anndata.sides import representation
from cgmm._anndata.storage import read_fit, read_params, read_stored
from cgmm._anndata.units import DonorColumns, model_of, read_units
from cgmm.coupled.result import CoupledFit
from cgmm.donors.reasons import Reason
from cgmm.donors.states import StateCells, StateChanges, state_changes
from cgmm.get._common import build, component_names, core, origin
from cgmm.get._populations import units_of
from cgmm.get._state_means import measured
from cgmm.pair import SIDES, SOURCE
from cgmm.tables import TABLES
from cgmm.thresholds import ALPHA
from cgmm.transport.coupling import divide, share_of_source


def states(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Return which states of each population gained or lost, as shares of the population.

    A state is a component of the source. It belongs to the population of most of its cells. Where
    donors allow, its share is tested over donors under the design of :func:`cgmm.tl.donors`: the
    same borders cut the cells of both conditions, after the common move of the population is taken
    out (:mod:`cgmm.donors.states`). Elsewhere the target cells of a state are the cells that came
    from it, and there is no interval.

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
        Fraction of the population in the state, before and after: the mean over donors where a
        state of the population is tested, else that of all cells.
    log2_within
        The change inside the population; the change of the whole population is taken out. Where
        ``reason`` is empty the log2 change of the share of a typical donor, adjusted by the design;
        else log2(share_target / share_source), ``-inf`` when no target cell came from the state.
    ci_low, ci_high, p, q
        95 % interval of log2_within, p of the moderated t-test of the log-odds over donors, and
        Benjamini-Hochberg q over the states that have a p. NaN where ``reason`` says why.
    reason
        Why interval, p and q are missing, else "".
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
    tested = _tested(adata, populations, key)
    there = np.isfinite(tested.share_source)
    before = np.where(there, tested.share_source, before)
    after = np.where(there, tested.share_target, after)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log2(after) - np.log2(before)
    log2_within = np.where(np.isfinite(tested.log2_within), tested.log2_within, ratio)
    return build(
        TABLES["states"],
        {
            "population": populations,
            "component": np.arange(len(s)),
            "name": component_names(uns, SOURCE),
            "share_source": before,
            "share_target": after,
            "log2_within": log2_within,
            "ci_low": tested.low,
            "ci_high": tested.high,
            "p": tested.p,
            "q": tested.q,
            "reason": np.array(tested.reason, dtype=object),
            "purity": own["cell_type_purity"].to_numpy(float),
            "counterpart": _counterparts(table, component_names(uns, SOURCE)),
        },
    )


def _tested(adata: ad.AnnData, populations: np.ndarray, key: str) -> StateChanges:
    """Return the tests of the states over donors; why there are none in ``reason``."""
    known = read_params(adata, key=key)
    cells = _labelled(adata, known, key)
    columns = DonorColumns.from_params(known)
    units = None
    if cells is not None:
        units = read_units(adata, columns, dict(zip(SIDES, cells.rows, strict=True)))
    if cells is None or units is None:
        none = np.full(len(populations), np.nan)
        why = Reason.NO_POPULATION_OF_STATE if cells is None else Reason.NO_REPLICATION
        why_not = [str(why.note())] * len(none)
        return StateChanges(none, none, none, none, none, none, none, why_not)
    values = representation(adata, known["use_rep"], known["n_dims"])
    study = StateCells(
        cells.rows.map(lambda own: values[own].astype(np.float64)),
        cells.codes,
        units.of_cell_in_side,
        units.plan,
        model_of(units, columns),
        units.donors,
    )
    shift = measured(adata, known, cells, *units_of(adata, known, cells.rows)).shifts()
    fit = read_fit(adata, key=key)
    home = pd.Index(cells.names, dtype=object).get_indexer(pd.Index(populations, dtype=object))
    return state_changes(
        study,
        fit.prevalence_source,
        home,
        _moves(fit),
        shift.p < ALPHA,
        found=cells.by == Keys(key).population,
    )


def _labelled(adata: ad.AnnData, known: dict[str, Any], key: str) -> PopulationCells | None:
    """Return the cells with their populations; None without, or with labels on one side only."""
    try:
        return take_populations(adata, known, key=key)
    except UnlabelledError:
        return None


def _moves(fit: CoupledFit) -> np.ndarray:
    """Return the move of every source component to its targets, NaN where it is gone, (K0, D)."""
    to = share_of_source(np.asarray(fit.coupling))
    moves: np.ndarray = to @ np.asarray(fit.target.means) - np.asarray(fit.source.means)
    return np.where((np.nan_to_num(to).sum(axis=1) > 0)[:, None], moves, np.nan)


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
