"""Several targets against one source: trends along an order, and targets against each other."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.keys import DEFAULT_KEY
from cgmm._anndata.populations import NO_POPULATIONS, PopulationCells, take_populations
from cgmm._anndata.targets import Order, Targets, read_targets, scores_of
from cgmm._anndata.units import DonorColumns, with_batch
from cgmm._anndata.units_of_targets import TargetUnits, read_target_units
from cgmm.donors.borders import Borders
from cgmm.donors.false_discovery import benjamini_hochberg
from cgmm.donors.formula import Model, model
from cgmm.donors.linear import Observations, linear_factors
from cgmm.donors.reasons import Reason
from cgmm.get._common import build, empty
from cgmm.get._counted import counts_of
from cgmm.get._populations import factors_of, found_borders
from cgmm.pair import Pair
from cgmm.tables import OF_TARGETS
from cgmm.thresholds import MIN_DONORS

NUMBERS = ("share_first", "share_last", "log2_trend", "ci_low", "ci_high", "p")


def trends(
    adata: ad.AnnData,
    keys: Sequence[str] | None = None,
    *,
    order: Order = None,
    key: str = DEFAULT_KEY,
) -> pd.DataFrame:
    """Return the change of every population along an order of the conditions.

    A line is fitted to the log-odds of the share of a population in every donor and condition,
    against the number of the condition on a scale. The source is a point of the line like every
    target. The covariates of ``design`` and the batches of :func:`cgmm.tl.donors` of the first
    comparison stay in the model. Donors that were measured in several conditions are compared with
    themselves (:mod:`cgmm._anndata.units_of_targets`).

    Parameters
    ----------
    adata
        Object that :func:`cgmm.tl.fit_targets` has filled.
    keys, key
        The comparisons, as in :func:`compare`.
    order
        Column of ``obs`` with a number per condition, such as the dose or the day; or a mapping
        from conditions to numbers. By default the source is 0 and the targets are 1, 2, ... in
        their order. Numbers are taken as they are: give the logarithm of a dose when equal factors
        of dose shall count as equal steps.

    Returns
    -------
    One row per population:

    name
        The population.
    share_first, share_last
        Share on the line at the lowest and at the highest number.
    log2_trend
        log2(share_last / share_first).
    ci_low, ci_high, p, q
        95 % interval of log2_trend, p of the moderated t-test of the slope, and Benjamini-Hochberg
        q over the populations. NaN where ``reason`` says why.
    monotone
        Whether the mean log-odds of donors goes the same way from every condition to the next.
    reason
        Why interval, p and q are missing, else "".

    Raises
    ------
    KeyError
        When a fit or the column is missing.
    ValueError
        When the fits do not share their source, have no populations, or when ``order`` gives no
        number for a condition.
    """
    targets = read_targets(adata, keys, key=key)
    scores = scores_of(adata, targets, order)
    taken = _taken(adata, targets)
    names = _all_names(taken)
    n = len(names)
    columns = DonorColumns.from_params(targets.known[0])
    units = read_target_units(adata, columns, targets.conditions)
    if units is None:
        return _untested(names, str(Reason.NO_REPLICATION.note()))
    counts = counts_of(
        [units.of_cell], [_codes_of_cells(adata.n_obs, taken, names)], len(units.table), n
    )
    if not units.enough:
        return _untested(names, str(Reason.FEW_FOR_A_TREND.note(least=MIN_DONORS)))
    try:
        made = trend_model(units, columns, scores)
    except ValueError as error:
        return _untested(names, str(error))
    seen = Observations(counts, made.matrix, units.blocks, units.plan)
    borders = _along(_borders(adata, targets, taken, names), targets, scores)
    found, _ = linear_factors(seen, made.contrasts[0], borders=borders)
    where = units.table[columns.condition_key].to_numpy(object)
    ordered = sorted(set(where), key=lambda name: scores[name])
    means = np.array([seen.log_odds[where == name].mean(axis=0) for name in ordered])
    steps = np.sign(np.diff(means, axis=0))
    frame = pd.DataFrame(
        {
            "name": np.array(names, dtype=object),
            "share_first": found.share_source[:n],
            "share_last": found.share_target[:n],
            "log2_trend": found.log2_net[:n],
            "ci_low": found.low[:n],
            "ci_high": found.high[:n],
            "p": found.p[:n],
            "q": benjamini_hochberg(found.p[:n]),
            "monotone": (np.abs(steps.sum(axis=0)) == len(steps))[:n],
            "reason": np.array(found.reason[:n], dtype=object),
        }
    )
    return build(OF_TARGETS["trends"], frame)


def target_pairs(
    adata: ad.AnnData, keys: Sequence[str] | None = None, *, key: str = DEFAULT_KEY
) -> pd.DataFrame:
    """Return the factor of every population between every two targets.

    Comparisons with the source are those of :func:`compare` with ``level="population"``. The
    factors are counted over cells per donor, as there, with pairs, batches and the design formula
    of :func:`cgmm.tl.donors`.

    Parameters
    ----------
    adata
        Object that :func:`cgmm.tl.fit_targets` has filled.
    keys, key
        The comparisons, as in :func:`compare`.

    Returns
    -------
    One row per pair of targets and population. Columns source and target (the two targets, the
    earlier first), name, share_source, share_target, log2_net, ci_low, ci_high, p, q and reason as
    in :func:`populations`, but q is corrected over all rows.

    Raises
    ------
    KeyError, ValueError
        As :func:`compare`.
    """
    targets = read_targets(adata, keys, key=key)
    parts, taken = [], _taken(adata, targets)
    for i, j in itertools.combinations(range(len(targets.keys)), 2):
        pair = [taken[i], taken[j]]
        names = _all_names(pair)
        one, other = pair
        cells = PopulationCells(
            one.by,
            names,
            Pair(one.rows.target, other.rows.target),
            Pair(one.labels.target, other.labels.target),
            Pair(*(_places(own, names)[own.codes.target] for own in pair)),
        )
        known = targets.known[j] | {"source": targets.names[i]}
        of_pair = Targets([targets.keys[i], targets.keys[j]], [targets.known[i], targets.known[j]])
        borders = _borders(adata, of_pair, pair, names)
        between = None if borders is None else Borders.along(borders, (-1, 1))
        found = factors_of(adata, known, cells, between)
        n = len(names)
        parts.append(
            pd.DataFrame(
                {
                    "source": targets.names[i],
                    "target": targets.names[j],
                    "name": np.array(names, dtype=object),
                    "share_source": found.share_source[:n],
                    "share_target": found.share_target[:n],
                    "log2_net": found.log2_net[:n],
                    "ci_low": found.low[:n],
                    "ci_high": found.high[:n],
                    "p": found.p[:n],
                    "reason": np.array(found.reason[:n], dtype=object),
                }
            )
        )
    if not parts:
        return empty(OF_TARGETS["target_pairs"])
    frame = pd.concat(parts, ignore_index=True)
    frame["q"] = benjamini_hochberg(frame["p"].to_numpy(float))
    return build(OF_TARGETS["target_pairs"], frame)


def trend_sentence(
    adata: ad.AnnData,
    keys: Sequence[str] | None = None,
    *,
    order: Order = None,
    key: str = DEFAULT_KEY,
) -> str:
    """Return in words how donors and covariates enter :func:`trends`; "" without donors."""
    targets = read_targets(adata, keys, key=key)
    columns = DonorColumns.from_params(targets.known[0])
    units = read_target_units(adata, columns, targets.conditions)
    if units is None:
        return ""
    several = pd.Series(units.donors).duplicated().any()
    how = "Every donor is compared with itself."
    if not units.paired:
        how = (
            "Samples of one donor are alike by a random donor effect."
            if several
            else "Every donor is in one condition."
        )
    try:
        adjusted = trend_model(units, columns, scores_of(adata, targets, order)).adjusted_for
    except ValueError:
        return how
    rest = [word for word in adjusted if word != "pairs"]
    return how + (f" The trend is adjusted for {', '.join(rest)}." if rest else "")


def trend_model(units: TargetUnits, columns: DonorColumns, scores: Mapping[str, float]) -> Model:
    """Return the model of a line along the order of the conditions.

    Raises
    ------
    ValueError
        When the order cannot be told from another column, or there are too few units.
    """
    formula, batch = columns.formula, columns.batch_key
    if batch is not None and not units.paired and units.table[batch].nunique() > 1:
        formula = with_batch(formula, batch)
    there = set(units.table[columns.condition_key])
    ordered = sorted((name for name in scores if name in there), key=lambda name: scores[name])
    return model(
        formula,
        units.table,
        condition=columns.condition_key,
        source=ordered[0],
        target=ordered[-1],
        pairs=units.donors if units.paired else None,
        unit="sample",
        scores=scores,
    )


def _taken(adata: ad.AnnData, targets: Targets) -> list[PopulationCells]:
    """Return the cells of every comparison with their populations."""
    taken = []
    for known, key in zip(targets.known, targets.keys, strict=True):
        cells = take_populations(adata, known, key=key)
        if cells is None:
            raise ValueError(NO_POPULATIONS)
        taken.append(cells)
    return taken


def _all_names(taken: Sequence[PopulationCells]) -> list[str]:
    """Return the names of the populations of several comparisons, each once."""
    return list(dict.fromkeys(name for cells in taken for name in cells.names))


def _places(cells: PopulationCells, names: list[str]) -> np.ndarray:
    """Return where the populations of a comparison stand among names; last, -1 for none."""
    return np.array([*(names.index(name) for name in cells.names), -1])


def _codes_of_cells(n_cells: int, taken: Sequence[PopulationCells], names: list[str]) -> np.ndarray:
    """Return the population of every cell of the object, shape (n_cells,), -1 for none."""
    codes = np.full(n_cells, -1)
    for cells in taken:
        for rows, own in zip(cells.rows, cells.codes, strict=True):
            codes[rows] = _places(cells, names)[own]
    return codes


def _borders(
    adata: ad.AnnData, targets: Targets, taken: Sequence[PopulationCells], names: list[str]
) -> list[Borders] | None:
    """Return how certain the borders of found populations are in every target.

    The populations are ``names`` in all of them; None where a target has none that were found.
    """
    made = []
    for key, cells in zip(targets.keys, taken, strict=True):
        found = found_borders(adata, cells, key=key)
        if found is None:
            return None
        places = _places(cells, names)[:-1]
        differences = np.zeros((len(found.differences), len(names)))
        crossed = np.zeros(len(names))
        differences[:, places], crossed[places] = found
        made.append(Borders(differences, crossed))
    n = min(len(one.differences) for one in made)
    return [one._replace(differences=one.differences[:n]) for one in made]


def _along(
    found: list[Borders] | None, targets: Targets, scores: Mapping[str, float]
) -> Borders | None:
    """Return how certain the borders are for the change along the line."""
    if found is None:
        return None
    at = np.array([scores[name] for name in targets.conditions])
    centred = (at - at.mean()) / np.square(at - at.mean()).sum()
    return Borders.along(found, centred[1:] * (at.max() - at.min()))


def _untested(names: list[str], reason: str) -> pd.DataFrame:
    """Return the table of trends without a trend, and why there is none."""
    columns: dict[str, Any] = {"name": np.array(names, dtype=object), "reason": reason}
    columns |= dict.fromkeys((*NUMBERS, "q"), np.full(len(names), np.nan))
    return build(OF_TARGETS["trends"], columns | {"monotone": np.zeros(len(names), dtype=bool)})
