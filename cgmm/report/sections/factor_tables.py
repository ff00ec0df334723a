"""The two tables of factors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from cgmm.report.claims.claims import Claims
from cgmm.report.claims.finding import Finding
from cgmm.report.claims.finding_words import brief
from cgmm.report.page import text
from cgmm.report.page.table import (
    Column,
    Row,
    Table,
    any_finite,
    interval,
    number,
    without,
    words,
)
from cgmm.results.read import Results, row_of
from cgmm.tables import CELLS_ONLY, DIFFERS, NO_COMPONENT

FIT_SAYS = {NO_COMPONENT: "no component of its own", DIFFERS: "differ"}
SETTLED = {True: "yes", False: "no", None: "not examined"}
NO_REASON = "No interval: the tables give no reason."
INTERVAL_HELP = {
    "donor t": "Over donors; leaves out ×1 exactly where p is under 0.05",
    CELLS_ONLY: "From drawing cells, no donors behind it: too narrow",
}


def _main_columns(results: Results) -> list[Column]:
    source, target = text.short(results.source, 16), text.short(results.target, 16)
    kinds = set(results.tables["factors"]["interval_from"]) - {""}
    return [
        Column("Population", number=False),
        Column("In words", number=False),
        Column(f"Share in {source}", "Typical share of a donor"),
        Column(f"Share in {target}", "Typical share of a donor"),
        Column("Net factor", f"Share in {results.target} divided by share in {results.source}"),
        Column("95% interval", " ".join(INTERVAL_HELP.get(k, "") for k in sorted(kinds)).strip()),
        Column("p", "Test of no change, donors as the unit"),
        Column("q", "p corrected for testing many populations (Benjamini-Hochberg)"),
        Column(
            "Settled",
            "no: when populations are found by another single search, or from one partition of the "
            "cells alone, the factor moves more than 1.5-fold",
            number=False,
        ),
        Column(f"Cells, {source}"),
        Column(f"Cells, {target}"),
        Column("Factor by the fit", "By the components of the fit"),
        Column("Fit and cells", number=False),
    ]


def _main_row(f: Finding, row: dict[str, object], footnotes: list[str]) -> Row:
    reason = f.reason or NO_REASON
    mark = f"none ({footnotes.index(reason) + 1})" if reason in footnotes else "none"
    return Row(
        [
            words(f.name),
            words(brief(f)),
            number(f.share_source, text.percent),
            number(f.share_target, text.percent),
            number(f.log2_net, text.fold, "no cell left"),
            interval(f.ci_low, f.ci_high, text.fold_range, mark),
            number(row["p"], text.probability, "not tested"),
            number(f.q, text.probability, "not tested"),
            words(SETTLED[f.settled]),
            number(f.n_cells, text.count),
            number(row["n_cells_target"], text.count),
            number(row["log2_net_fit"], text.fold, "no component"),
            words(FIT_SAYS.get(str(row["fit_says"]), "agree")),
        ],
        (f.index,),
    )


def factors_table(claims: Claims) -> Table:
    """List every source population: shares, factor, interval, test."""
    results = claims.results
    table = results.tables["factors"]
    own = _of_source(claims)
    footnotes = _footnotes(own)
    shown = Table(
        key="t-factors",
        caption=f"Prevalence of every population of {results.source}",
        columns=_main_columns(results),
        rows=[_main_row(f, row_of(table, f.name), footnotes) for f in own],
        file="factors.tsv",
        notes=[
            *_factor_notes(results),
            *(f"({i}) {text.sentence(reason)}" for i, reason in enumerate(footnotes, 1)),
        ],
    )
    reasons = {str(r) for r in table["reason"]}
    if len(reasons) == 1 and "" not in reasons:
        missing = "" if any_finite(table["ci_low"]) else "No interval, p or q: "
        shown = replace(shown, notes=[f"{missing}{reasons.pop()}", *shown.notes])
    return without(shown, *_empty_columns(table))


def _footnotes(findings: list[Finding]) -> list[str]:
    """Return the reasons for missing intervals, each once; none where all have the same."""
    missing = [f.reason or NO_REASON for f in findings if not f.has_interval]
    reasons = list(dict.fromkeys(missing))
    return [] if len(reasons) == 1 and len(missing) == len(findings) else reasons


def _of_source(claims: Claims) -> list[Finding]:
    return [f for f in claims.verdict.findings if np.isfinite(f.share_source)]


def _factor_notes(results: Results) -> list[str]:
    counted = (
        "All donors count equally: the share is that of a typical donor (mean log-odds)."
        if results.has_donors
        else "All cells count equally."
    )
    return [
        f"Net factor = share in {results.target} / share in {results.source}, counted over cells. "
        f"{counted}"
    ]


def _empty_columns(table: pd.DataFrame) -> list[str]:
    """Return the headings of columns that have no number."""
    columns = {
        "95% interval": "ci_low",
        "p": "p",
        "q": "q",
        "Factor by the fit": "log2_net_fit",
    }
    several = len({str(r) for r in table["reason"]}) > 1
    kept = ("95% interval", "p", "q") if several else ()  # the reasons stand in these columns
    empty = [h for h, c in columns.items() if not any_finite(table[c]) and h not in kept]
    if "Factor by the fit" in empty:
        empty.append("Fit and cells")
    if not (table["settled"] != "").any():
        empty.append("Settled")
    return empty
