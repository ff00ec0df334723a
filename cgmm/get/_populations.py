"""Prevalence of populations: cell types of an annotation, or populations that the fit found."""

from __future__ import annotations

from typing import Any, NamedTuple

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.keys import DEFAULT_KEY, Keys, Uns
from cgmm._anndata.populations import (
    NO_POPULATIONS,
    PopulationCells,
    UnlabelledError,
    take_populations,
)
from cgmm._anndata.storage import read_params, read_stored
from cgmm._anndata.units import DonorColumns, read_donors
from cgmm.donors.borders import Borders, crossing
from cgmm.donors.design import Design, Unit
from cgmm.donors.labelled import LabelledFactors, labelled_factors
from cgmm.donors.labelled_shifts import LabelledShifts
from cgmm.get._by import factors_by
from cgmm.get._common import build, empty
from cgmm.get._counted import counted, counts_of
from cgmm.get._state_means import measured
from cgmm.get._unchanged import computed_once
from cgmm.pair import SOURCE, TARGET, Pair
from cgmm.tables import DIFFERS, NO_COMPONENT, TABLES
from cgmm.thresholds import MIN_CELLS, MIN_CHANGE

MIN_PURITY = 0.5
MAX_UNLABELLED = 0.1  # part of the cells of a side


@computed_once
def populations(
    adata: ad.AnnData, *, by: str | None = None, key: str = DEFAULT_KEY
) -> pd.DataFrame:
    """Return the prevalence of populations and its change, with the donor as the unit.

    Every cell has one label: its cell type in an annotation, or the population that the fit found
    for it (:mod:`cgmm.automatic.populations`). Factor, interval and test come from the number of
    cells with each label per donor (:mod:`cgmm.donors.labelled`). The factor by the components of
    the fit, which do not see the labels, is in the same row.

    Parameters
    ----------
    adata
        Object with a fit.
    by
        Column of ``obs`` with the populations, for instance cell types. By default the column that
        named the components (``name_by`` of :func:`cgmm.tl.fit`), or else the populations that the
        fit found (``obs["cgmm_population"]``).
    key
        The ``key_added`` of the fit.

    Returns
    -------
    One row per population; no rows when ``by`` is not given, the fit has no ``name_by`` and no
    populations were looked for:

    name
        The label.
    share_source, share_target
        Typical share of a donor: the mean of the log-odds over donors, transformed back to a
        share. Without donors, the share of all cells together.
    log2_net
        log2(share_target / share_source), adjusted for pairs, and for the batches or the
        design formula that :func:`cgmm.tl.donors` was given.
    ci_low, ci_high, p, q
        95 % interval of log2_net, p of the moderated t-test and Benjamini-Hochberg q. The interval
        leaves out zero exactly where p is below 0.05. NaN where ``reason`` says why.
    n_cells, n_cells_target
        Cells with the label in the source and in the target.
    reason
        Why interval, p and q are missing, else "".
    status
        "gone" when no target cell has the label and 20 or more source cells have it; "new" when no
        source cell has the label and 20 or more target cells have it; else "".
    log2_net_fit, purity
        log2 net factor by the fit, without the labels (:func:`factors` with ``by``), and how far
        the components of the fit lie within the population (0 to 1). For a found population the
        factor when every target cell counts for the population of the source cell that it is
        assigned to (:mod:`cgmm.automatic.origins`).
    fit_says
        "no component" when ``purity`` is below 0.5 or missing: the fit has no component of its own
        for the population, and its factor describes the neighbours of the population; "differs"
        when the two factors differ more than 1.5-fold; else "". For a found population "differs",
        also when the factor by the assigned cells lies outside the interval, or "".
    shift_sd
        Distance between the mean cells of the population in both conditions, less what noise adds
        to any distance, in standard deviations within a population: the root mean square distance
        of a cell from the mean of its population in its donor (:mod:`cgmm.donors.labelled_shifts`).
    shift_low, shift_high, shift_p, shift_q, shift_reason
        95 % interval, p, Benjamini-Hochberg q, and why they are missing, else "". Adjusted like
        log2_net.
    settled
        False when the factor of a found population differs more than 1.5-fold if populations are
        found by a single search, or from one partition of the cells alone. True for labels,
        which do not depend on the fit.

    Raises
    ------
    KeyError
        When there is no fit or no such column.
    ValueError
        When one condition has no labels.
    """
    known = read_params(adata, key=key)
    cells = take_populations(adata, known, by=by, key=key)
    if cells is None:
        return empty(TABLES["populations"])
    by, names = cells.by, cells.names
    plan, units = units_of(adata, known, cells.rows)
    borders = found_borders(adata, cells, key=key)
    found = factors_of(adata, known, cells, borders)
    moved = measured(adata, known, cells, plan, units).shifts()
    n_cells = [np.bincount(own[own >= 0], minlength=len(names)) for own in cells.codes]
    frame = pd.DataFrame(
        {
            "name": np.array(names, dtype=object),
            **_numbers(found, len(names)),
            "n_cells": n_cells[0],
            "n_cells_target": n_cells[1],
            "reason": np.array(found.reason[: len(names)], dtype=object),
            "status": _status(*n_cells),
            "shift_sd": moved.length,
            "shift_low": moved.low,
            "shift_high": moved.high,
            "shift_p": moved.p,
            "shift_q": moved.q,
            "shift_reason": np.array(moved.reason, dtype=object),
        }
    )
    frame = frame.join(_of_fit(adata, by, key).set_index("name"), on="name")
    by_origin = _by_origin(adata, known, cells, key)
    if by_origin is not None:
        frame["log2_net_fit"] = by_origin
    frame["fit_says"] = _fit_says(frame, found=by_origin is not None)
    frame["settled"] = _settled(borders, len(names))
    return build(TABLES["populations"], frame)


def factors_of(
    adata: ad.AnnData,
    known: dict[str, Any],
    cells: PopulationCells,
    borders: Borders | None = None,
) -> LabelledFactors:
    """Return the change of every population between two conditions, under the stored design.

    Parameters
    ----------
    adata
        The object.
    known
        Parameters of a fit (:func:`cgmm.get.params`); its source and target are compared.
    cells
        The cells of both conditions with their populations.
    borders
        From :func:`found_borders`.
    """
    under_design = counted(adata, known, cells)
    if under_design is not None:
        return under_design.factors(borders)
    plan, units = units_of(adata, known, cells.rows)
    counts = _counted(plan, units, cells.codes, len(cells.names))
    return labelled_factors(counts, plan, borders=borders)


class DonorStates(NamedTuple):
    """Cells and states of the populations in every donor."""

    design: Design
    counts: (
        np.ndarray
    )  #: (n_units, K), with a last column of cells without a label if there are any
    shifts: LabelledShifts


@computed_once
def donor_states(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> DonorStates:
    """Return the numbers from which :func:`populations` computes, for the default populations.

    Parameters
    ----------
    adata
        Object with a fit that has populations.
    key
        The ``key_added`` of the fit.
    """
    known = read_params(adata, key=key)
    cells = take_populations(adata, known, key=key)
    if cells is None:
        raise ValueError(NO_POPULATIONS)
    plan, units = units_of(adata, known, cells.rows)
    counts = _counted(plan, units, cells.codes, len(cells.names))
    of_units = measured(adata, known, cells, plan, units)
    return DonorStates(plan, counts, of_units.of_donors(of_units.shifts()))


def population_column(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> str:
    """Return the column of ``obs`` with the populations of :func:`populations`."""
    cells = take_populations(adata, read_params(adata, key=key), key=key)
    if cells is None:
        raise ValueError(NO_POPULATIONS)
    return cells.by


def label_notices(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> list[str]:
    """Return sentences about labels that are missing in the annotation that named the fit.

    The list is empty when no annotation named the fit.

    Parameters
    ----------
    adata
        Object with a fit.
    key
        The ``key_added`` of the fit.
    """
    known = read_params(adata, key=key)
    by = known["name_by"]
    if by is None:
        return []
    try:
        cells = take_populations(adata, known, by=by, key=key)
    except UnlabelledError as error:
        return [f"{error} The populations below are those that the fit found."]
    assert cells is not None
    missing = [(own < 0).mean() for own in cells.codes]
    if max(missing) <= MAX_UNLABELLED:
        return []
    return [
        f"{missing[0]:.0%} of the cells of {known[SOURCE]} and {missing[1]:.0%} of those of "
        f"{known[TARGET]} have no label in {by!r}. They count in the totals, so the shares of the "
        "labelled populations are too small where labels are missing."
    ]


def _numbers(found: Any, n: int) -> dict[str, np.ndarray]:
    """Return the columns with the statistics of the first ``n`` labels."""
    return {
        "share_source": found.share_source[:n],
        "share_target": found.share_target[:n],
        "log2_net": found.log2_net[:n],
        "ci_low": found.low[:n],
        "ci_high": found.high[:n],
        "p": found.p[:n],
        "q": found.q[:n],
    }


def units_of(
    adata: ad.AnnData, known: dict[str, Any], rows: Pair[np.ndarray]
) -> tuple[Design, Pair[np.ndarray]]:
    """Return the design of the comparison, and the unit of every cell of each side, -1 for none."""
    found = read_donors(adata, DonorColumns.from_params(known), rows)
    if found is not None:
        return found
    sizes = (len(rows.source), len(rows.target))
    plan = Design(
        (Unit(0, "all cells", sizes[0], ""), Unit(1, "all cells", sizes[1], "")),
        paired=False,
        adjusted=False,
        replicated=False,
        notes=(),
    )
    return plan, Pair(np.zeros(sizes[0], dtype=int), np.zeros(sizes[1], dtype=int))


def _counted(
    plan: Design, units: Pair[np.ndarray], codes: Pair[np.ndarray], n_labels: int
) -> np.ndarray:
    """Return the number of cells by unit and label, shape (n_units, K)."""
    first = plan.n_units[0]
    of_target = np.where(units.target >= 0, units.target + first, -1)
    return counts_of((units.source, of_target), codes, len(plan.units), n_labels)


def found_borders(
    adata: ad.AnnData, cells: PopulationCells, *, key: str = DEFAULT_KEY
) -> Borders | None:
    """Return how certain the borders of found populations are, in the order of ``cells.names``.

    None for labels, which do not depend on the fit.
    """
    uns = read_stored(adata, key)
    if cells.by != Keys(key).population or Uns.ELSEWHERE not in uns:
        return None
    order = list(adata.obs[cells.by].cat.categories)
    differences = np.asarray(uns[Uns.ELSEWHERE])[:, [order.index(name) for name in cells.names]]
    origins, n = _origins(adata, cells, key), len(cells.names)
    crossed = np.zeros(n) if origins is None else crossing(origins, cells.codes.target, n)
    return Borders(differences, crossed)


def _origins(adata: ad.AnnData, cells: PopulationCells, key: str) -> np.ndarray | None:
    """Return the found population of the origin of every target cell, -1 for none, (N1,).

    None for labels, and when the fit did not look for origins.
    """
    name = Keys(key).origin
    if cells.by != Keys(key).population or name not in adata.obs:
        return None
    values = adata.obs[name].astype(object).to_numpy()[cells.rows.target]
    return pd.Index(cells.names, dtype=object).get_indexer(pd.Index(values))


def _settled(borders: Borders | None, n: int) -> np.ndarray:
    """Return whether the factors of the ``n`` populations hold under other choices of the fit."""
    if borders is None:
        return np.ones(n, dtype=bool)
    return (np.abs(borders.differences) <= MIN_CHANGE).all(axis=0)


def _status(n_source: np.ndarray, n_target: np.ndarray) -> np.ndarray:
    """Return "gone" or "new" where one side has enough cells and the other side none."""
    status = np.full(len(n_source), "", dtype=object)
    status[(n_target == 0) & (n_source >= MIN_CELLS)] = "gone"
    status[(n_source == 0) & (n_target >= MIN_CELLS)] = "new"
    return status


def _of_fit(adata: ad.AnnData, by: str, key: str) -> pd.DataFrame:
    """Return name, log2_net_fit and purity of each population, by the fit."""
    table = factors_by(adata, by, key=key)[["name", "log2_net", "purity"]]
    return table.rename(columns={"log2_net": "log2_net_fit"})


def _by_origin(
    adata: ad.AnnData, known: dict[str, Any], cells: PopulationCells, key: str
) -> np.ndarray | None:
    """Return the log2 net factors when target cells count for the population of their origin.

    A target cell without an origin counts for its own population. None for labels, and when the fit
    did not look for origins.
    """
    origins = _origins(adata, cells, key)
    if origins is None:
        return None
    own = cells.codes.target
    codes = cells.codes._replace(target=np.where(origins >= 0, origins, own))
    return factors_of(adata, known, cells._replace(codes=codes)).log2_net[: len(cells.names)]


def _fit_says(frame: pd.DataFrame, *, found: bool) -> np.ndarray:
    """Return "no component", "differs" or "" for each population.

    The factor of a ``found`` population also differs where it lies outside the interval.
    """
    by_fit = frame["log2_net_fit"].to_numpy(float)
    apart = np.abs(by_fit - frame["log2_net"].to_numpy(float))
    differs = np.nan_to_num(apart, nan=np.inf) > MIN_CHANGE
    if found:
        outside = (by_fit < frame["ci_low"]) | (by_fit > frame["ci_high"])
        return np.where(differs | outside, DIFFERS, "").astype(object)
    says = np.where(differs, DIFFERS, "").astype(object)
    says[~(frame["purity"].to_numpy(float) >= MIN_PURITY)] = NO_COMPONENT
    return says
