"""What happened to each population, read from the tables.

With donors, "more common" and "rarer" need q < 0.05 and a 95 % interval that excludes ×1. "Same"
needs the whole interval within 1.5-fold of ×1. A population that was found needs two readings that
agree (``fit_says`` of :func:`cgmm.get.populations`). Everything else is "no clear change". Without
an interval, a factor of 1.5 or more is a "larger" or "smaller share", and never a change.

The size of a shift is the distance moved, in units of the spread within a population. Where
:func:`cgmm.tl.donors` was run, the contribution of noise is subtracted. With donors, a shift needs
q < 0.05 over populations and an interval that excludes zero (:mod:`cgmm.donors.labelled_shifts`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from cgmm.report.claims.donor_shares import donor_pairs, donors_up
from cgmm.report.claims.finding import Finding
from cgmm.report.claims.finding_words import prevalence_text, state_text, transfer_text
from cgmm.report.claims.sensitivity import settled
from cgmm.report.claims.states import GONE, NEW, Prevalence, Shift
from cgmm.report.page import text
from cgmm.results.read import Population, Results, row_of
from cgmm.tables import CELLS_ONLY, DIFFERS
from cgmm.thresholds import ALPHA, GENE_LIMIT, MIN_CHANGE, STATE_LEVELS


def shift_level(
    shift_sd: float, low: float = np.nan, q: float = np.nan, *, tested: bool = False
) -> Shift:
    """Return the level of a distance in units of the spread within a population.

    Parameters
    ----------
    shift_sd
        The distance.
    low
        Lower end of its interval: a visible shift whose interval reaches zero is unclear.
    q
        q of no movement.
    tested
        Whether shifts were tested: a visible shift without a q below 0.05 is then unclear.
    """
    if not np.isfinite(shift_sd):
        return Shift.UNKNOWN
    shown = low > 0 and q < ALPHA if tested else not low <= 0
    if not shown and shift_sd >= STATE_LEVELS[-1][0]:
        return Shift.UNCLEAR
    for limit, word in STATE_LEVELS:
        if shift_sd >= limit:
            return Shift(word)
    return Shift.NONE


def _prevalence(row: dict[str, Any]) -> Prevalence:
    status, value = row["status"], row["log2_net"]
    if status in (GONE, NEW) and not row["q"] >= ALPHA:  # an untested one has no q
        return Prevalence(status)
    if not np.isfinite(value):
        return Prevalence.UNKNOWN
    if row["interval_from"] != CELLS_ONLY and np.isfinite([row["ci_low"], row["ci_high"]]).all():
        if np.isfinite(row["q"]) and row["q"] < ALPHA and row["ci_low"] * row["ci_high"] > 0:
            return Prevalence.MORE if row["ci_low"] > 0 else Prevalence.LESS
        if row["ci_low"] > -MIN_CHANGE and row["ci_high"] < MIN_CHANGE:
            return Prevalence.SAME
        return Prevalence.UNCLEAR
    if abs(value) < MIN_CHANGE:
        return Prevalence.SIMILAR
    return Prevalence.SEEMS_MORE if value > 0 else Prevalence.SEEMS_LESS


def _disagrees(results: Results, row: dict[str, Any]) -> bool:
    """Return whether the cells assigned to a found population give another factor."""
    return not results.annotated and row["fit_says"] == DIFFERS


def _is_tested(results: Results) -> bool:
    """Return whether any shift has a q."""
    return bool(results.tables["shifts"]["q"].notna().any())


def _main(table: pd.DataFrame, column: str, value: str, by: str) -> pd.Series | None:
    rows = table.loc[(table[column] == value) & np.isfinite(table[by])]
    if rows.empty:
        return None
    best: pd.Series = rows.loc[rows[by].idxmax()]
    return best


def _moved(shift: pd.DataFrame) -> float:
    """Return the distance moved, less the contribution of noise where it is known."""
    corrected = _first(shift, "unbiased_shift_sd")
    return corrected if np.isfinite(corrected) else _first(shift, "mean_shift_sd")


def _first(table: pd.DataFrame, column: str) -> float:
    return float(table[column].iloc[0]) if len(table) else np.nan


def leading_genes(results: Results, name: str, limit: int = 3) -> tuple[tuple[str, float], ...]:
    """Return the first genes in rank whose average expression changed 1.5-fold or more."""
    genes = results.tables["genes"]
    rows = genes.loc[(genes["name"] == name) & (genes["log2_change"].abs() >= GENE_LIMIT)]
    rows = rows.sort_values("rank", kind="stable").head(limit)
    return tuple(zip(rows["gene"].astype(str), rows["log2_change"].astype(float), strict=True))


def make_findings(results: Results) -> list[Finding]:
    """Return one finding per population, in their order.

    Parameters
    ----------
    results
        A checked results folder.
    """
    pairs, holds = donor_pairs(results), settled(results)
    findings = []
    for sub in results.populations:
        if sub.source is None:
            row = row_of(results.tables["arrivals"], sub.name)
            findings.append(_arrived(results, sub.index, sub.name, row))
        else:
            finding = _of_source(results, sub, pairs, settled=holds.get(sub.name))
            findings.append(_with_text(finding, results.target))
    return findings


def _of_source(
    results: Results, sub: Population, pairs: pd.DataFrame, *, settled: bool | None
) -> Finding:
    """Read the finding of a population of the source, without its words."""
    tables = results.tables
    row = row_of(tables["factors"], sub.name)
    main = _main(tables["transfers"], "source", sub.name, "share_of_source")
    goes_to = "" if main is None else str(main["target"])
    shifts = tables["shifts"]
    own = shifts.loc[shifts["source"] == sub.name]
    shift = own.loc[own["target"] == sub.name]
    shift = own.loc[own["target"] == goes_to] if shift.empty else shift
    distance = _moved(shift)
    up, n_paired = donors_up(pairs, row["component"], results.shared_donors())
    disagrees = _disagrees(results, row)
    return Finding(
        index=sub.index,
        name=sub.name,
        prevalence=Prevalence.UNCLEAR if disagrees else _prevalence(row),
        log2_net=float(row["log2_net"]),
        ci_low=float(row["ci_low"]),
        ci_high=float(row["ci_high"]),
        q=float(row["q"]),
        reason=str(row["reason"]),
        share_source=float(row["share_source"]),
        share_target=float(row["share_target"]),
        n_cells=float(row["n_cells"]),
        goes_to=goes_to,
        goes_share=np.nan if main is None else float(main["share_of_source"]),
        state=shift_level(
            distance, _first(shift, "ci_low"), _first(shift, "q"), tested=_is_tested(results)
        ),
        shift_sd=distance,
        shift_low=_first(shift, "ci_low"),
        shift_high=_first(shift, "ci_high"),
        interval_from=str(row["interval_from"]),
        settled=settled,
        by_origin=float(row["log2_net_fit"]) if disagrees else np.nan,
        genes=leading_genes(results, sub.name),
        donors_up=up,
        donors_paired=n_paired,
    )


def _arrived(results: Results, index: int, name: str, row: dict[str, Any]) -> Finding:
    """Return the finding of a population that only the target has."""
    q = float(row_of(results.tables["populations"], name).get("q", np.nan))
    new = row["status"] == NEW and not q >= ALPHA  # as for one that is gone
    source = str(row["main_source"])
    share = float(row["share_from_main_source"])
    size = text.percent(float(row["share_target"]))
    if new:
        start = f"new (q {text.probability(q)})" if q < ALPHA else "in this condition only"
        sentence = (
            f"{start}: {size} of the cells in {results.target}, with no convincing origin in "
            f"{results.source}{'' if q < ALPHA else ', not tested'}"
        )
    elif source and np.isfinite(share):
        sentence = (
            f"{size} of the cells in {results.target}, of which {text.percent(share)} came from "
            f"{source}, the largest part"
        )
    else:
        sentence = f"{size} of the cells in {results.target}, with no known origin"
    return Finding(
        index=index,
        name=name,
        prevalence=Prevalence.NEW if new else Prevalence.UNKNOWN,
        log2_net=np.nan,
        ci_low=np.nan,
        ci_high=np.nan,
        q=q,
        reason=f"A factor needs a counterpart of its own in {results.source}.",
        share_source=np.nan,
        share_target=float(row["share_target"]),
        n_cells=float(row["n_cells"]),
        comes_from=source,
        comes_share=share,
        prevalence_text=sentence,
    )


def _with_text(finding: Finding, target: str) -> Finding:
    return replace(
        finding,
        prevalence_text=prevalence_text(finding),
        state_text=state_text(finding),
        transfer_text=transfer_text(finding, target),
    )
