"""Every change that the design of the donors estimates: contrasts, covariates, interactions."""

from __future__ import annotations

from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.keys import DEFAULT_KEY
from cgmm._anndata.populations import take_populations
from cgmm._anndata.storage import read_params
from cgmm.donors.borders import Borders
from cgmm.donors.formula import Contrast
from cgmm.donors.freedman_lane import freedman_lane
from cgmm.donors.linear import absolute_factors, linear_factors
from cgmm.donors.power import donors_for_twofold, null_calls, smallest_change, smallest_factor
from cgmm.get._common import build, empty
from cgmm.get._counted import Counted, counted
from cgmm.get._populations import found_borders, units_of
from cgmm.get._state_means import Measured, measured
from cgmm.tables import TABLES

SHIFT = ("shift_sd", "shift_low", "shift_high", "shift_p", "shift_q", "shift_reason")
ABSOLUTE = ("log2_absolute", "absolute_low", "absolute_high", "absolute_p", "absolute_q")


def effects(adata: ad.AnnData, *, by: str | None = None, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Return every change of populations that the design of the donors estimates.

    The first change is that of the condition, as in :func:`populations`. With a ``design`` of
    :func:`cgmm.tl.donors`, others follow: the change of the condition within each level of a factor
    that interacts with it, the differences of these changes, each level of a factor against the
    first, and covariates per unit.

    Parameters
    ----------
    adata
        Object with a fit.
    by
        Column of ``obs`` with the populations. By default as in :func:`populations`.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    One row per population and change; no rows without donors or without populations:

    name
        The population.
    contrast, kind
        The change in words, and what it is: "condition", "within", "interaction", "factor" or
        "covariate".
    words
        The factor in words; an interaction has the factors that differ.
    share_before
        Share that the change starts from. For an interaction, the share if the condition did the
        same as in the first level.
    log2_change, ci_low, ci_high, p, q
        log2 factor of the share with its 95 % interval, p of the moderated t-test, and
        Benjamini-Hochberg q over the populations (:mod:`cgmm.donors.linear`). NaN where ``reason``
        says why.
    p_permutation
        p of the permutation test of Freedman and Lane (:mod:`cgmm.donors.freedman_lane`); NaN where
        there are too few exchanges.
    log2_visible
        log2 factor upwards that would be found (p below .05) in 80 % of repeats of the study
        (:mod:`cgmm.donors.power`).
    donors_for_twofold
        Donors per condition (or pairs) with which a twofold change would be found in 80 % of
        repeats; infinite above 1000.
    log2_absolute, absolute_low, absolute_high, absolute_p, absolute_q
        The same for absolute abundance, where :func:`cgmm.tl.donors` was given ``counts_key``.
    shift_sd, shift_low, shift_high, shift_p, shift_q, shift_reason
        How far the change moves the mean cell of the population, as in :func:`populations`. For an
        interaction, the distance between the two displacements: zero when the condition moves the
        population by the same way in both.
    reason
        Why interval, p and q are missing, else "".

    Raises
    ------
    KeyError
        When there is no fit or no such column.
    ValueError
        When one condition has no labels, or when the columns of the design have changed.
    """
    made = _observed(adata, by, key)
    if made is None:
        return empty(TABLES["effects"])
    names, study, borders, means = made
    parts, log2_change = [], {}
    for contrast in study.model.contrasts:
        of_condition = contrast.kind == "condition"
        frame = _of_contrast(contrast, names, study, borders if of_condition else None)
        log2_change[contrast.name] = frame["log2_change"].to_numpy(float)
        frame["words"] = _words(contrast, log2_change, len(names))
        frame[list(SHIFT)] = _moved(contrast, means)
        parts.append(frame)
    return build(TABLES["effects"], pd.concat(parts, ignore_index=True))


def null(adata: ad.AnnData, *, by: str | None = None, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Return how many populations are called, and how many where the donors are exchanged.

    The null is drawn from the study itself (:func:`cgmm.donors.power.null_calls`): 100 exchanges of
    the donors within the blocks of the design, each followed by the whole test.

    Parameters
    ----------
    adata, by, key
        As in :func:`effects`.

    Returns
    -------
    One row per change: ``contrast``, ``n_tested``, ``n_called`` (q below .05), ``mean_called`` and
    ``any_called`` (mean number of calls over exchanges, and part of the exchanges with one),
    ``n_exchanges``. No rows where there are too few exchanges.

    Raises
    ------
    KeyError, ValueError
        As :func:`effects`.
    """
    columns = ["contrast", "n_tested", "n_called", "mean_called", "any_called", "n_exchanges"]
    made = _observed(adata, by, key)
    rows = []
    if made is not None:
        names, study, *_ = made
        tested = _tested(study, len(names))
        for contrast in study.model.contrasts:
            found = null_calls(study.seen, contrast.change, tested)
            if found is not None:
                rows.append({"contrast": contrast.name, **found._asdict()})
    return pd.DataFrame(rows, columns=columns)


def _observed(
    adata: ad.AnnData, by: str | None, key: str
) -> tuple[list[str], Counted, Borders | None, Measured] | None:
    """Return the populations, their counts, the borders of found ones, and their mean cells.

    None without populations or donors.
    """
    known = read_params(adata, key=key)
    cells = take_populations(adata, known, by=by, key=key)
    if cells is None:
        return None
    study = counted(adata, known, cells, always=True)
    if study is None:
        return None
    means = measured(adata, known, cells, *units_of(adata, known, cells.rows), always=True)
    return cells.names, study, found_borders(adata, cells, key=key), means


def _tested(study: Counted, n: int) -> np.ndarray:
    """Return which columns of the counts are tested labels, bool."""
    return np.array([not reason for reason in study.seen.reasons]) & (
        np.arange(study.seen.counts.shape[1]) < n
    )


def _of_contrast(
    contrast: Contrast, names: list[str], study: Counted, borders: Borders | None
) -> pd.DataFrame:
    """Return the rows of a change."""
    seen, n = study.seen, len(names)
    found, tests = linear_factors(seen, contrast, borders=borders)
    before = np.log(found.share_source) - np.log1p(-found.share_source)
    change = smallest_change(tests.error, tests.freedom)
    needed = np.full(len(before), np.nan)
    if contrast.kind in {"condition", "within", "interaction"}:
        needed = donors_for_twofold(
            before,
            tests.error,
            tests.freedom,
            n_donors=float(np.mean(study.seen.plan.n_units)),
            n_units=len(study.seen.plan.units),
        )
    columns: dict[str, Any] = {
        "name": np.array(names, dtype=object),
        "contrast": contrast.name,
        "kind": contrast.kind,
        "share_before": found.share_source[:n],
        "log2_change": found.log2_net[:n],
        "ci_low": found.low[:n],
        "ci_high": found.high[:n],
        "p": found.p[:n],
        "q": found.q[:n],
        "p_permutation": freedman_lane(seen, contrast.change, _tested(study, n))[:n],
        "log2_visible": smallest_factor(before, change)[:n],
        "donors_for_twofold": needed[:n],
        "reason": np.array(found.reason[:n], dtype=object),
    }
    absolute = [np.full(n, np.nan)] * len(ABSOLUTE)
    if study.totals is not None:
        absolute = [v[:n] for v in absolute_factors(seen, study.totals, contrast)]
    return pd.DataFrame(columns | dict(zip(ABSOLUTE, absolute, strict=True)))


def _moved(contrast: Contrast, means: Measured) -> pd.DataFrame:
    """Return the columns of a shift under a change."""
    found = means.shifts(contrast)
    reasons = np.array(found.reason, dtype=object)
    columns = (found.length, found.low, found.high, found.p, found.q, reasons)
    return pd.DataFrame(dict(zip(SHIFT, columns, strict=True)))


def _words(contrast: Contrast, log2_change: dict[str, np.ndarray], n: int) -> list[str]:
    """Return the factor of every population in words; an interaction has the two that differ."""
    names = contrast.between or (contrast.name,)
    return ["; ".join(f"×{2 ** log2_change[c][k]:.2f} for {c}" for c in names) for k in range(n)]
