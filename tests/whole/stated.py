"""Pairs of numbers that two tables state of the same thing, and differ."""

from __future__ import annotations

from collections.abc import Iterator

import anndata as ad
import numpy as np
import pandas as pd

import cgmm as cg

TOLERANCE = 1e-6
OF = {"level": "population"}
STATISTICS = ("share_source", "share_target", "log2_net", "ci_low", "ci_high", "p", "q")


def contradictions(adata: ad.AnnData) -> list[str]:
    """Return a sentence for every column of two tables of populations that do not agree.

    Parameters
    ----------
    adata
        Object with a fit that has populations.
    """
    rows = cg.get.populations(adata).set_index("name")
    found = []
    for what, one, other in _pairs(adata, rows):
        one, other = one.align(other, join="outer")
        left, right = (x.to_numpy(float) for x in (one, other))
        with np.errstate(invalid="ignore"):
            wrong = ~((np.abs(left - right) <= TOLERANCE) | (left == right))
        wrong &= ~(np.isnan(left) & np.isnan(right))
        found += [
            f"{what}, {name}: {a:.6g} and {b:.6g}"
            for name, a, b in zip(one.index[wrong], left[wrong], right[wrong], strict=True)
        ]
    return found + _tests_against_intervals(rows)


def _pairs(adata: ad.AnnData, rows: pd.DataFrame) -> Iterator[tuple[str, pd.Series, pd.Series]]:
    """Yield what is stated, and the two statements by population."""
    factors = cg.get.factors(adata, **OF).set_index("name")
    for column in (*STATISTICS, "n_cells", "n_cells_target"):
        yield f"{column} of factors and populations", factors[column], rows[column]
    ratio = np.log2(rows["share_target"] / rows["share_source"])
    yield "log2_net and its shares", rows["log2_net"], ratio
    shifts = cg.get.shifts(adata, **OF).set_index("source")
    for column, stated in (
        ("unbiased_shift_sd", "shift_sd"),
        ("ci_low", "shift_low"),
        ("ci_high", "shift_high"),
        ("p", "shift_p"),
        ("q", "shift_q"),
    ):
        yield f"{stated} of shifts and populations", shifts[column], rows.loc[shifts.index, stated]
    arrivals = cg.get.arrivals(adata, **OF).set_index("name")
    yield "share_target of arrivals", arrivals["share_target"], rows["share_target"]
    yield "n_cells of arrivals", arrivals["n_cells"], rows["n_cells_target"]
    parts = cg.get.components(adata, **OF)
    for side, share, count in (
        ("source", "share_source", "n_cells"),
        ("target", "share_target", "n_cells_target"),
    ):
        own = parts[parts["side"] == side].set_index("name")
        yield f"share of components, {side}", own["share"], rows[share]
        yield f"n_cells of components, {side}", own["n_cells"], rows[count]
    transfers = cg.get.transfers(adata, **OF)
    main = transfers.loc[transfers.groupby("target")["mass"].idxmax()].set_index("target")
    known = arrivals.index[arrivals["main_source"] != ""]
    yield (
        "share from the main source",
        main.loc[known, "share_of_target"],
        arrivals.loc[known, "share_from_main_source"],
    )
    states = cg.get.states(adata)
    for share in ("share_source", "share_target"):
        total = states.groupby("population")[share].sum()
        there = total[total > 0]
        yield f"{share} of states", there, pd.Series(1.0, index=there.index)
    yield from _of_cells(adata, rows)
    yield from _of_donors(adata, rows)
    yield from _of_choices(adata, rows)


def _of_cells(adata: ad.AnnData, rows: pd.DataFrame) -> Iterator[tuple[str, pd.Series, pd.Series]]:
    """Yield the numbers of cells against the labels of the cells."""
    known = cg.get.params(adata)
    column = known["name_by"] or "cgmm_population"
    for side, count in (("source", "n_cells"), ("target", "n_cells_target")):
        own = adata.obs[known["condition_key"]].astype(str) == known[side]
        cells = adata.obs.loc[own, column].astype(object).dropna().astype(str).value_counts()
        yield f"{count} and the cells", rows[count], cells.reindex(rows.index, fill_value=0)


def _of_donors(adata: ad.AnnData, rows: pd.DataFrame) -> Iterator[tuple[str, pd.Series, pd.Series]]:
    """Yield typical shares against the shares of the donors."""
    donors = cg.get.donors(adata, **OF)
    if donors.empty:
        return
    counts = donors["share"] * donors["n_cells"]
    odds = np.log((counts + 0.5) / (donors["n_cells"] - counts + 0.5))
    mean = odds.groupby([donors["name"], donors["side"]]).mean().unstack()
    middle, half = mean.mean(axis=1), (mean["target"] - mean["source"]) / 2
    for side, sign in (("source", -1), ("target", 1)):
        typical = 1 / (1 + np.exp(-(middle + sign * half)))
        yield f"share_{side} and the donors", typical, rows[f"share_{side}"]


def _of_choices(
    adata: ad.AnnData, rows: pd.DataFrame
) -> Iterator[tuple[str, pd.Series, pd.Series]]:
    """Yield ``settled`` against the factors under other choices."""
    choices = cg.get.sensitivity(adata, **OF)
    if choices.empty:
        yield "settled labels", rows["settled"].astype(float), pd.Series(1.0, index=rows.index)
        return
    far = choices.groupby("name")["difference"].agg(lambda x: x.abs().max())
    settled = (far <= np.log2(1.5)).astype(float)
    yield "settled and the choices", rows["settled"].astype(float), settled
    net = choices["log2_net"] - choices["difference"]
    yield "log2_net of the choices", net.groupby(choices["name"]).mean(), rows["log2_net"]


def _tests_against_intervals(rows: pd.DataFrame) -> list[str]:
    """Return rows whose interval and p disagree on no change."""
    found = []
    for low, high, p in (("ci_low", "ci_high", "p"), ("shift_low", "shift_high", "shift_p")):
        tested = rows[rows[p].notna()]
        outside = (tested[low] > 0) | (tested[high] < 0)
        found += [f"{p} and its interval, {n}" for n in tested.index[outside != (tested[p] < 0.05)]]
    return found
