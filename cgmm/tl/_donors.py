"""Uncertainty over donors, on AnnData objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import anndata as ad
import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from cgmm._anndata.checks import check_paired, check_writable, column, refuse_missing, writing
from cgmm._anndata.keys import DEFAULT_KEY, Uns
from cgmm._anndata.sides import sides_of_fit
from cgmm._anndata.storage import read_fit, read_params
from cgmm._utils.arguments import check_number, check_seed, check_whole
from cgmm._utils.files import storable
from cgmm._utils.strict_json import dumps
from cgmm.coupled.result import CoupledFit
from cgmm.donors.design import Design, design, unit_of_cells
from cgmm.donors.intervals import COUNTS, MEDIAN, Baseline
from cgmm.donors.permutation import labellings
from cgmm.donors.positions import donor_positions
from cgmm.donors.uncertainty import Uncertainty, uncertainty
from cgmm.donors.which_test import Test
from cgmm.pair import SIDES, SOURCE
from cgmm.thresholds import LEVEL


def donors(
    adata: ad.AnnData,
    *,
    donor_key: str | None = None,
    paired: bool | None = None,
    batch_key: str | None = None,
    covariates: Sequence[str] = (),
    n_bootstrap: int = 200,
    n_permutations: int = 1000,
    test: Test = "auto",
    baseline: str | tuple[str, str] = "median",
    counts_key: str | None = None,
    level: float = LEVEL,
    n_jobs: int = 1,
    random_state: int = 0,
    show_progress: bool = False,
    key: str = DEFAULT_KEY,
    copy: bool = False,
) -> ad.AnnData | None:
    """Say how sure factors, transfers and shifts are, with the donor as the unit.

    Intervals come from drawing donors anew and refitting both mixtures and the coupling each time
    (:mod:`cgmm.donors.bootstrap`).  p-values come from exchanging the conditions of donors and
    refitting (:mod:`cgmm.donors.permutation`) when there are ways enough to do so, else from a
    moderated t-test of the donors' shares (:mod:`cgmm.donors.moderated_t`); both are kept.  Donors
    count equally, whatever their number of cells.

    Parameters
    ----------
    adata
        Object with a fit, from :func:`cgmm.tl.fit`.
    donor_key
        Column of ``obs`` with the donor. By default that of the fit; when that had none either,
        intervals come from drawing cells, are marked so, and there are no p-values.
    paired
        Compare donors with themselves. By default when at least three donors, and at least half
        of all, are in both conditions.
    batch_key
        Column of ``obs`` with a batch that holds donors of both conditions: the tests and draws
        are made within it.
    covariates
        Columns of ``obs`` (sex, age group) to look at: one that differs between the conditions in
        every donor gets a warning in words.
    n_bootstrap
        Draws of donors; 0: no intervals.
    n_permutations
        Exchanges of conditions at most; all of them are made when they are fewer. 0: none.
    test
        Which p is reported as ``p`` and corrected to ``q``: "auto", "permutation" or
        "moderated_t".
    baseline
        What ``log2_relative`` is relative to: "median" of the subpopulations, the name of a source
        subpopulation that is taken not to change, or "counts" (with ``counts_key``). The pair
        ``("subpopulation", name)`` names a subpopulation too, also one called "median" or "counts".
    counts_key
        Column of ``obs`` with the number of all cells that the cell's sample stands for (in the
        organ, per volume), the same for all cells of a donor and condition.
    level
        Coverage of the intervals.
    n_jobs
        Threads. The results do not depend on it.
    random_state
        Seed.
    show_progress
        Show a progress bar on standard error.
    key
        The ``key_added`` of the fit.
    copy
        Return a changed copy and leave ``adata`` as it is.

    Returns
    -------
    None, or the copy. Sets ``uns[key]["uncertainty"]``, from which :func:`cgmm.get.factors`,
    :func:`cgmm.get.transfers`, :func:`cgmm.get.shifts` and :func:`cgmm.get.donor_shifts` take
    intervals, p-values and what donors show; :func:`cgmm.get.params` gives under "donors" what was
    done and what was left out, in sentences.

    Raises
    ------
    KeyError
        When there is no fit or a column is missing.
    ValueError
        When the design cannot answer: ``paired=True`` without donors in both conditions, batches
        that are the same as the condition or missing, a baseline that is unknown or gone, counts
        that differ within a donor.

    Examples
    --------
    After the example of :func:`fit`, with fewer draws than usual:

    >>> cg.tl.donors(adata, n_bootstrap=20, n_permutations=0)
    >>> set(cg.get.factors(adata)["interval_from"])
    {'donor bootstrap'}
    """
    known = read_params(adata, key=key)
    check_writable(adata, copy=copy)
    check_paired(paired)
    n_bootstrap = check_whole("n_bootstrap", n_bootstrap)
    n_permutations = check_whole("n_permutations", n_permutations)
    n_jobs = check_whole("n_jobs", n_jobs, 1)
    random_state = check_seed(random_state)
    level = _check_level(level)
    _check_test(test)
    covariates = (covariates,) if isinstance(covariates, str) else covariates
    donor_key = donor_key or known["donor_key"]
    found = sides_of_fit(adata, known, donor_key=donor_key)
    rows = (found.rows_source, found.rows_target)
    batches = (None, None) if batch_key is None else _batches(adata, batch_key, rows)
    plan = design(
        found.donors_source,
        found.donors_target,
        paired=known["paired"] if paired is None else paired,
        batches_source=batches[0],
        batches_target=batches[1],
        batch_name=batch_key or "batch",
        covariates={name: _split(adata, name, "covariates", rows) for name in covariates},
        n_cells=(len(rows[0]), len(rows[1])),
    )
    fit = read_fit(adata, key=key)
    names = adata.uns[key][Uns.names(SOURCE)]
    relative_to, baseline_name = _baseline(baseline, counts_key, names, fit)
    who = (found.donors_source, found.donors_target)
    totals = None if counts_key is None else _totals(adata, counts_key, rows, who, plan)
    points = (found.points_source, found.points_target)
    n_refits = _n_refits(plan, n_bootstrap, n_permutations, random_state)
    with tqdm(total=n_refits, disable=not show_progress, desc="donors", unit="refit") as bar:
        result = uncertainty(
            fit,
            points,
            who,
            plan,
            n_bootstrap=n_bootstrap,
            n_permutations=n_permutations,
            test=test,
            baseline=relative_to,
            totals=totals,
            level=level,
            n_jobs=n_jobs,
            random_state=random_state,
            tick=bar.update,
        )
    facts = result.facts.to_dict() | {
        "donor_key": donor_key,
        "batch_key": batch_key,
        "baseline": baseline_name,
        "random_state": random_state,
    }
    stored = _stored(result, facts)
    if plan.replicated:
        stored["donor_shifts"] = _positions(fit, points, who, plan, random_state)
    adata = adata.copy() if copy else adata
    with writing():
        adata.uns[key] = {**adata.uns[key], Uns.UNCERTAINTY: stored}
    return adata if copy else None


def _check_test(test: str) -> None:
    if test not in get_args(Test):
        msg = f'test={test!r} is not known: give "auto", "permutation" or "moderated_t".'
        raise ValueError(msg)


def _check_level(level: float) -> float:
    number = check_number("level", level, LEVEL)
    if not 0 < number < 1:
        msg = f"level={level} must lie between 0 and 1; 0.95 is usual."
        raise ValueError(msg)
    return number


def _split(
    adata: ad.AnnData, name: str, argument: str, rows: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    values = column(adata, name, argument).astype(str).to_numpy(object)
    return values[rows[0]], values[rows[1]]


def _batches(
    adata: ad.AnnData, key: str, rows: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Batch of every cell of either side."""
    values = column(adata, key, "batch_key")
    refuse_missing(values, np.concatenate(rows), "batch")
    return _split(adata, key, "batch_key", rows)


def _baseline(
    baseline: str | tuple[str, str],
    counts_key: str | None,
    components: np.ndarray,
    fit: CoupledFit,
) -> tuple[Baseline, str]:
    """Check the baseline; return it with the text that is stored of it."""
    names = [str(name) for name in components]
    if baseline == "counts" and counts_key is None:
        msg = 'baseline="counts" needs counts_key, the column of obs with the numbers of all cells.'
        raise ValueError(msg)
    reserved = {"median": MEDIAN, "counts": COUNTS}
    if isinstance(baseline, str) and baseline in reserved:
        return reserved[baseline], baseline
    named = isinstance(baseline, tuple | list) and len(baseline) == 2
    name = str(baseline[1] if named and baseline[0] == "subpopulation" else baseline)
    if name not in names:
        msg = (
            f'baseline={baseline!r} is neither "median" nor "counts" nor a source subpopulation: '
            f"there are {', '.join(names)}."
        )
        raise ValueError(msg)
    component = names.index(name)
    if not np.isfinite(fit.log2_net[component]):
        msg = (
            f"baseline={baseline!r}: nothing of the target came from this subpopulation, so no "
            "change can be told against it. Name another."
        )
        raise ValueError(msg)
    stored = f'subpopulation "{name}"' if name in reserved else name
    return Baseline("subpopulation", component), stored


def _totals(
    adata: ad.AnnData,
    counts_key: str,
    rows: tuple[np.ndarray, np.ndarray],
    donors: tuple[np.ndarray | None, np.ndarray | None],
    plan: Design,
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of all cells of the units of either side."""
    values = pd.to_numeric(column(adata, counts_key, "counts_key"), errors="coerce")
    out = []
    for side, who in enumerate(donors):
        own = values.to_numpy(float)[rows[side]]
        if who is None:
            if not own.mean() > 0:
                msg = f"obs[{counts_key!r}] must be a positive number for every cell."
                raise ValueError(msg)
            out.append(np.full(len(plan.side(side)), own.mean()))
            continue
        per = pd.Series(own).groupby(np.asarray(who, dtype=object)).agg(["min", "max"])
        for donor, row in per.iterrows():
            if not (row["min"] == row["max"] and row["min"] > 0):
                msg = (
                    f"obs[{counts_key!r}] must be one positive number for all cells of a donor in "
                    f"a condition, but donor {donor!r} has {row['min']:g} to {row['max']:g}."
                )
                raise ValueError(msg)
        out.append(per["min"].loc[[u.donor for u in plan.side(side)]].to_numpy(float))
    return out[0], out[1]


def _n_refits(plan: Design, n_bootstrap: int, n_permutations: int, seed: int) -> int:
    n = n_bootstrap + 1 if n_bootstrap > 1 else 0
    if plan.testable and n_permutations:
        n += len(labellings(plan, n_permutations, seed).labels)
    return n


def _stored(result: Uncertainty, facts: dict[str, Any]) -> dict[str, Any]:
    of = result.factors
    factors = pd.DataFrame(
        {
            "component": np.arange(len(of.p)),
            "ci_low": of.low,
            "ci_high": of.high,
            "p": of.p,
            "q": of.q,
            "p_moderated": of.p_moderated,
            "p_permutation": of.p_permutation,
            "log2_relative": of.relative,
            "relative_low": of.relative_low,
            "relative_high": of.relative_high,
            "reason": np.array(of.reason, dtype=object),
        }
    )
    shifts = pd.DataFrame(
        {
            "source_component": result.pairs[:, 0],
            "target_component": result.pairs[:, 1],
            "length": result.shifts.length,
            "low": result.shifts.low,
            "high": result.shifts.high,
        }
    )
    return {
        "facts": dumps(facts),
        "factors": storable(factors),
        "transfers_low": result.transfers.low,
        "transfers_high": result.transfers.high,
        "shifts": shifts,
    }


def _positions(
    fit: CoupledFit,
    points: tuple[np.ndarray, np.ndarray],
    donors: tuple[np.ndarray | None, np.ndarray | None],
    plan: Design,
    seed: int,
) -> pd.DataFrame:
    """Where every donor lies along the shift of each source component, one row for each."""
    units = unit_of_cells(plan, donors, (len(points[0]), len(points[1])), seed)
    kept = [u >= 0 for u in units]
    positions, n_cells = donor_positions(
        fit,
        (points[0][kept[0]], points[1][kept[1]]),
        (units[0][kept[0]], units[1][kept[1]]),
    )
    parts = []
    for side, (position, n) in enumerate(zip(positions, n_cells, strict=True)):
        n_units, k = position.shape
        parts.append(
            pd.DataFrame(
                {
                    "side": np.array([SIDES[side]] * (n_units * k), dtype=object),
                    "donor": np.repeat(
                        np.array([u.donor for u in plan.side(side)], dtype=object), k
                    ),
                    "component": np.tile(np.arange(k), n_units),
                    "position": position.ravel(),
                    "n_cells": n.ravel(),
                }
            )
        )
    return storable(pd.concat(parts, ignore_index=True))
