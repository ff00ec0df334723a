"""Calls where nothing changed: donors of one condition against each other, on AnnData objects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.checks import check_writable
from cgmm._anndata.comparison import Comparison
from cgmm._anndata.keys import DEFAULT_KEY, Uns
from cgmm._anndata.populations import take_populations
from cgmm._anndata.sides import Sides, take_sides
from cgmm._anndata.storage import read_fit, read_params, write_results
from cgmm._utils.arguments import check_seed, check_whole
from cgmm._utils.h5ad import storable
from cgmm.donors.design import Design, design, unit_of_cells
from cgmm.donors.null_splits import (
    Calls,
    Split,
    calls_of_shares,
    conditions_split,
    design_of_split,
    splits,
)
from cgmm.donors.observations import Observations
from cgmm.donors.uncertainty import uncertainty
from cgmm.pair import Pair
from cgmm.tl._fit_comparison import fit_sides


def calibrate(
    adata: ad.AnnData,
    *,
    by: str | None = None,
    n_splits: int = 200,
    n_refits: int = 0,
    random_state: int = 0,
    key: str = DEFAULT_KEY,
    copy: bool = False,
) -> ad.AnnData | None:
    """Count how often a change would have been called where nothing can have changed.

    The donors of one condition are divided at random into two groups, which are compared like the
    conditions (:mod:`cgmm.donors.null_splits`). Whatever is called is a false call. The cheap form
    reads the labels of the populations, and the components of the fit, in the donors of both
    groups: it shows what differences between donors do to the tests. It does not show errors of
    borders and of the match, because both groups are read with the same components. With
    ``n_refits`` the whole fit is made again for some of the splits, as for a study of its own and
    with settings chosen anew; this shows these errors too, where states did not move. Pairs and
    batches do not enter.

    Parameters
    ----------
    adata
        Object with a fit that has donors.
    by
        Column of ``obs`` with the populations. By default as for :func:`cgmm.get.populations`.
    n_splits
        Number of splits.
    n_refits
        Number of splits that are fitted anew; each takes as long as the fit.
    random_state
        Seed.
    key
        The ``key_added`` of the fit.
    copy
        Return a changed copy and leave ``adata`` as it is.

    Returns
    -------
    None, or the copy. Sets ``uns[key]["calibration"]``, which :func:`cgmm.get.calibration` returns.

    Raises
    ------
    KeyError
        When there is no fit or no such column.
    ValueError
        When no condition has six donors, or a number is out of range.

    Examples
    --------
    After the example of :func:`fit`, on a copy whose samples count as donors of their own:

    >>> many = adata.copy()
    >>> many.obs["animal"] = [f"{d}{i % 3}" for i, d in enumerate(many.obs["donor"])]
    >>> cg.tl.donors(many, donor_key="animal")
    >>> cg.tl.calibrate(many, n_splits=20)
    >>> list(cg.get.calibration(many)["what"])
    ['populations', 'components']
    """
    n_splits = check_whole("n_splits", n_splits, 1)
    n_refits = check_whole("n_refits", n_refits)
    random_state = check_seed(random_state)
    known = read_params(adata, key=key)
    check_writable(adata, copy=copy)
    sides, plan = _study(adata, known)
    made = splits(plan, max(n_splits, n_refits), random_state)
    units = Pair(*unit_of_cells(plan, sides.donors, sides.points.map(len), random_state))
    found = {}
    labelled = take_populations(adata, known, by=by, key=key)
    if labelled is not None:
        shares = _labelled(labelled.codes, units, plan)
        found["populations"] = calls_of_shares(shares, plan, made[:n_splits])
    observed = Observations.of(read_fit(adata, key=key), sides.points, units, plan)
    found["components"] = calls_of_shares(observed.shares, plan, made[:n_splits])
    if n_refits:
        found |= _refitted(sides, plan, made[:n_refits], random_state)
    table = pd.DataFrame(
        [{"what": what, **calls._asdict()} for what, calls in found.items()]
    ).assign(conditions=conditions_split(made))
    adata = adata.copy() if copy else adata
    write_results(adata, key, {Uns.CALIBRATION: storable(table)})
    return adata if copy else None


def _study(adata: ad.AnnData, known: dict[str, Any]) -> tuple[Sides, Design]:
    """Return the cells and the design of the study, without pairs and batches."""
    settings = known.get("donors") or {}
    comparison = Comparison.from_params(known)
    comparison = replace(comparison, donor_key=settings.get("donor_key") or comparison.donor_key)
    sides = take_sides(adata, comparison, min_cells=1)
    sizes = (len(sides.rows.source), len(sides.rows.target))
    return sides, design(*sides.donors, paired=False, n_cells=sizes)


def _labelled(codes: Pair[np.ndarray], units: Pair[np.ndarray], plan: Design) -> np.ndarray:
    """Return the shares of the populations in the units; cells without a label count in totals."""
    n = 1 + max(int(own.max(initial=-1)) for own in codes)
    parts = []
    for side, (own, unit) in enumerate(zip(codes, units, strict=True)):
        counts = np.zeros((plan.n_units[side], n + 1))
        np.add.at(counts, (unit[unit >= 0], own[unit >= 0]), 1)  # -1: the last column
        parts.append(counts / counts.sum(axis=1, keepdims=True))
    return np.concatenate(parts)[:, :n]


def _refitted(sides: Sides, plan: Design, made: list[Split], random_state: int) -> dict[str, Calls]:
    """Return what is called when every split is fitted like a study of its own."""
    of: dict[str, tuple[list[np.ndarray], list[np.ndarray]]] = {
        "components, fitted anew": ([], []),
        "shifts, fitted anew": ([], []),
    }
    for i, split in enumerate(made):
        study = _sides_of(sides, plan, split)
        fit = fit_sides(study, random_state=random_state + i)
        found = uncertainty(fit, study.points, study.donors, design_of_split(plan, split))
        values = ((found.factors.p, found.factors.q), (found.shifts.p, found.shifts.q))
        for (ps, qs), (p, q) in zip(of.values(), values, strict=True):
            ps.append(p)
            qs.append(q)
    return {what: Calls.of(*numbers) for what, numbers in of.items()}


def _sides_of(sides: Sides, plan: Design, split: Split) -> Sides:
    """Return the cells of the two groups of a split as the two sides of a comparison."""
    names = np.array([unit.donor for unit in plan.side(split.side)], dtype=object)
    rows, points = sides.rows[split.side], sides.points[split.side]
    donors = np.asarray(sides.donors[split.side])
    keep = [np.isin(donors, names[group].astype(str)) for group in (split.first, split.second)]
    return Sides(
        Pair(*(rows[k] for k in keep)),
        Pair(*(points[k] for k in keep)),
        Pair(*(donors[k] for k in keep)),
        sides.dtype,
    )
