"""The two tables of factors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from cgmm.report.claims.claims import Claims
from cgmm.report.claims.finding import Finding
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
from cgmm.tables import CELLS_ONLY

SETTLED = {True: "yes", False: "no", None: "not examined"}
INTERVAL_HELP = {
    "donor t": "How far donors, and partitions of the cells, disagree; the same statistic as p",
    CELLS_ONLY: "From drawing cells, no donors behind it: too narrow",
}


def _main_columns(results: Results) -> list[Column]:
    source, target = text.short(results.source, 16), text.short(results.target, 16)
    kinds = set(results.tables["factors"]["interval_from"]) - {""}
    return [
        Column("Population", number=False),
        Column("In words", number=False),
        Column(f"Share in {source}", f"Part of the cells in {results.source} that belong to it"),
        Column(f"Share in {target}", f"Part of the cells in {results.target} that came from it"),
        Column("Net factor", f"Share in {results.target} divided by share in {results.source}"),
        Column("95% interval", " ".join(INTERVAL_HELP.get(k, "") for k in sorted(kinds)).strip()),
        Column("p", "Test of no change, donors as the unit"),
        Column("q", "p corrected for testing many populations (Benjamini-Hochberg)"),
        Column(
            "Settled",
            "no: another partition of the cells or price of reweighting moves the factor more than "
            "twofold",
            number=False,
        ),
        Column(f"Cells, {source}", "Number of cells, each counted by its degree of membership"),
        Column(f"Cells, {target}", f"Number of cells in {results.target} that came from it"),
    ]


def _main_row(f: Finding, row: dict[str, object]) -> Row:
    reason = f.reason or "No interval: the tables give no reason."
    return Row(
        [
            words(f.name),
            words(f.prevalence.brief),
            number(f.share_source, text.percent),
            number(f.share_target, text.percent),
            number(f.log2_net, text.fold, "no cell left"),
            interval(f.ci_low, f.ci_high, text.fold_range, reason),
            number(row["p"], text.probability, "not tested"),
            number(f.q, text.probability, "not tested"),
            words(SETTLED[f.settled]),
            number(f.n_cells, text.count),
            number(row["n_cells_target"], text.count),
        ],
        (f.index,),
    )


MORE_COLUMNS = (
    Column("Population", number=False),
    Column("Net factor", "As in the table above"),
    Column(
        "Interval from",
        "donor t: Student's t over donors; cells: no donors behind it, too narrow",
        number=False,
    ),
    Column(
        "p, moderated t",
        "Test of the donors' shares; each variance is moderated by the variances of all",
    ),
    Column(
        "p, permutation",
        "Test by exchanging the conditions of donors; shares are read from the match, not from "
        "the count of cells",
    ),
    Column("Relative factor", "Net factor divided by that of the baseline"),
    Column("Its interval", "95% interval of the relative factor"),
    Column("Outflow", "Weight factor on leaving, as the match (coupling) sees it; no prevalence"),
    Column("Inflow", "Weight factor on arriving in its main counterpart; no prevalence"),
)


def _more_row(f: Finding, row: dict[str, object]) -> Row:
    return Row(
        [
            words(f.name),
            number(f.log2_net, text.fold, "no cell left"),
            words(f.interval_from if text.is_number(f.ci_low) else "", "no interval"),
            number(row["p_moderated"], text.probability, "not tested"),
            number(row["p_permutation"], text.probability, "not tested"),
            number(row["log2_relative"], text.fold, "not computed"),
            interval(row["relative_low"], row["relative_high"], text.fold_range, "not computed"),
            number(row["outflow"]),
            number(row["inflow"]),
        ],
        (f.index,),
    )


def factors_table(claims: Claims) -> Table:
    """List every source population: shares, factor, interval, test."""
    results = claims.results
    table = results.tables["factors"]
    shown = Table(
        key="t-factors",
        caption=f"Prevalence of every population of {results.source}",
        columns=_main_columns(results),
        rows=[_main_row(f, row_of(table, f.name)) for f in _of_source(claims)],
        file="factors.tsv",
        notes=_factor_notes(results),
    )
    reasons = {str(r) for r in table["reason"]}
    if len(reasons) == 1 and "" not in reasons:
        missing = "" if any_finite(table["ci_low"]) else "No interval, p or q: "
        shown = replace(shown, notes=[f"{missing}{reasons.pop()}", *shown.notes])
    return without(shown, *_empty_columns(table))


def more_factors_table(claims: Claims) -> Table:
    """List further columns of every factor: both tests, relative factor, outflow, inflow."""
    results = claims.results
    table = results.tables["factors"]
    shown = Table(
        key="t-factors-more",
        caption="More about each factor: both tests, relative factors, outflow and inflow",
        columns=list(MORE_COLUMNS),
        rows=[_more_row(f, row_of(table, f.name)) for f in _of_source(claims)],
        file="factors_more",
        open=False,
        notes=_more_notes(results),
    )
    return without(shown, *_empty_columns(table))


def _of_source(claims: Claims) -> list[Finding]:
    return [f for f in claims.verdict.findings if np.isfinite(f.share_source)]


def _factor_notes(results: Results) -> list[str]:
    return [
        f"Net factor = share in {results.target} / share in {results.source}, both read from each "
        f"cell's membership without any penalty. {_came_from(results)}"
        f"{_typical(results)}"
    ]


def _typical(results: Results) -> str:
    if not results.has_donors:
        return ""
    return (
        " All donors count equally. Shares are means over donors; the factor is the ratio of the "
        "shares of a typical donor (mean log-odds), as interval and p are, so it differs a little "
        "from the ratio of the shares shown where donors differ."
    )


def _came_from(results: Results) -> str:
    """Write how the target cells that came from a source population were found."""
    if results.counts_cells:
        return (
            f"Which cells in {results.target} came from a population is counted cell by cell: "
            f"each counts for the cells in {results.source} that it resembles most, once the "
            "change of state is allowed for."
        )
    return (
        f"Which cells in {results.target} came from a population follows from the match of "
        "populations (coupling)."
    )


def _more_notes(results: Results) -> list[str]:
    notes = []
    baseline = str(results.donor_settings.get("baseline") or "")
    if any_finite(results.tables["factors"]["log2_relative"]) and baseline:
        what = "the median population" if baseline == "median" else baseline
        notes.append(
            f"Relative factors are relative to {what}: the common fall of all shares "
            "when one population grows is taken out."
        )
    why = text.sentence(str(results.donor_settings.get("test_reason") or ""))
    if why and any_finite(results.tables["factors"]["p"]):
        notes.append(f"Why p is the one it is: {why}")
    notes.append(
        "Outflow and inflow say how the match splits a change of weight; they fall and rise with "
        "the distance moved. The net factor is the number to read."
    )
    return notes


def _empty_columns(table: pd.DataFrame) -> list[str]:
    """Return the headings of columns that have no number."""
    columns = {
        "95% interval": "ci_low",
        "p": "p",
        "q": "q",
        "p, moderated t": "p_moderated",
        "p, permutation": "p_permutation",
        "Relative factor": "log2_relative",
        "Its interval": "relative_low",
    }
    several = len({str(r) for r in table["reason"]}) > 1
    kept = ("95% interval", "p", "q") if several else ()  # the reasons stand in these columns
    empty = [h for h, c in columns.items() if not any_finite(table[c]) and h not in kept]
    if not (table["interval_from"] != "").any():
        empty.append("Interval from")
    if not (table["settled"] != "").any():
        empty.append("Settled")
    return empty
