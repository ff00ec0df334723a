"""Tables of factors, origins and transfers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from cgmm.report import text
from cgmm.report.data import Results, each, row_of
from cgmm.report.findings import PREVALENCE_WORDS, Finding
from cgmm.report.tables.base import Cell, Column, Row, Table, any_finite, interval, number, words
from cgmm.report.verdict import Verdict

SMALLEST_LISTED = 0.001
SETTLED = {"True": "yes", "False": "no", "": "not examined"}

FACTOR_COLUMNS = (
    Column("Subpopulation", number=False),
    Column("In words", number=False),
    Column("Share in source", "Share of the cells of the source"),
    Column("Share in target", "Share of the cells of the target that match it"),
    Column("Net factor", "Share in target divided by share in source"),
    Column("95% interval", "Over donors, given the fitted subpopulations"),
    Column("p", "Test of no change, donors as the unit"),
    Column("q", "p corrected for testing many subpopulations (Benjamini-Hochberg)"),
    Column("p, moderated t", "Test of the donors' shares with variances drawn together"),
    Column("p, permutation", "Test by exchanging the conditions of donors"),
    Column(
        "Interval from",
        "donor bootstrap: refits to donors drawn anew; donor t: Student's t over donors; cells: "
        "no donors behind it, too narrow",
        number=False,
    ),
    Column("Relative factor", "Net factor divided by that of the baseline"),
    Column("Its interval", "95% interval of the relative factor"),
    Column(
        "Settled",
        "no: another partition of the cells or price of reweighting moves the factor more than "
        "twofold",
        number=False,
    ),
    Column("Outflow", "Weight factor on leaving, as the coupling sees it"),
    Column("Inflow", "Weight factor on arriving in its main counterpart"),
    Column("Cells, source", "Number of cells, each counted by its degree of membership"),
    Column("Cells, target", "Number of matched target cells"),
)


def _factor_row(f: Finding, row: dict[str, object]) -> Row:
    reason = f.reason or "No interval: the tables give no reason."
    return Row(
        [
            words(f.name),
            words(PREVALENCE_WORDS[f.prevalence]),
            number(f.share_source, text.percent),
            number(f.share_target, text.percent),
            number(f.log2_net, text.fold, "no cell left"),
            interval(f.ci_low, f.ci_high, text.fold_range, reason),
            number(row["p"], text.probability, "not tested"),
            number(f.q, text.probability, "not tested"),
            number(row["p_moderated"], text.probability, "not tested"),
            number(row["p_permutation"], text.probability, "not tested"),
            words(f.interval_from if text.is_number(f.ci_low) else "", "no interval"),
            number(row["log2_relative"], text.fold, "not computed"),
            interval(row["relative_low"], row["relative_high"], text.fold_range, "not computed"),
            words(SETTLED.get(str(row["settled"]), "not examined")),
            number(row["outflow"]),
            number(row["inflow"]),
            number(f.n_cells, text.count),
            number(row["n_cells_target"], text.count),
        ],
        (f.index,),
    )


def factors(results: Results, verdict: Verdict) -> Table:
    """One row per source subpopulation."""
    table = results.tables["factors"]
    shown = Table(
        key="t-factors",
        caption=f"Prevalence of every subpopulation of {results.source}",
        columns=list(FACTOR_COLUMNS),
        rows=[
            _factor_row(f, row_of(table, f.name))
            for f in verdict.findings
            if np.isfinite(f.share_source)
        ],
        file="factors.tsv",
        notes=_factor_notes(results),
    )
    reasons = {str(r) for r in table["reason"]}
    if len(reasons) == 1 and "" not in reasons:
        note = f"No interval, p or q: {reasons.pop()}"
        if any_finite(table["ci_low"]):
            note = note.removeprefix("No interval, p or q: ")
        shown = replace(shown, notes=[note, *shown.notes])
    return _without(shown, *_empty(table))


def _factor_notes(results: Results) -> list[str]:
    notes = [
        "Net factors come from each cell's membership without any penalty; the matching "
        "(coupling) only decides which subpopulations belong together. The net factor counts "
        "all donors equally."
    ]
    if (results.tables["factors"]["interval_from"] == "donor t").any():
        notes.append(
            "Student's interval is centred on the mean over donors on the log scale, so factor and "
            "interval can differ a little."
        )
    baseline = str(results.donor_settings.get("baseline") or "")
    if any_finite(results.tables["factors"]["log2_relative"]) and baseline:
        what = "the median subpopulation" if baseline == "median" else baseline
        notes.append(f"Relative factors are relative to {what}.")
    return notes


def _empty(table: pd.DataFrame) -> list[str]:
    """Name the headings that would have no number in this table."""
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


def _without(table: Table, *names: str) -> Table:
    keep = [i for i, c in enumerate(table.columns) if c.name not in names]
    return replace(
        table,
        columns=[table.columns[i] for i in keep],
        rows=[replace(row, cells=[row.cells[i] for i in keep]) for row in table.rows],
    )


def arrivals(results: Results) -> Table:
    """One row per target subpopulation."""
    rows = []
    for row in each(results.tables["arrivals"]):
        subs = {results.index_of(row.name)}
        if results.has(row.main_source):
            subs.add(results.index_of(row.main_source))
        cells = [
            words(row.name),
            number(row.share_target, text.percent),
            words(row.main_source, "no convincing origin"),
            number(row.share_from_main_source, text.percent),
            number(row.inflow, text.ratio),
            words(row.status, "has a counterpart"),
            number(row.n_cells, text.count),
        ]
        rows.append(Row(cells, tuple(sorted(subs))))
    return Table(
        key="t-arrivals",
        caption=f"Where every subpopulation of {results.target} comes from",
        columns=[
            Column("Subpopulation", number=False),
            Column("Share in target"),
            Column("Main origin", number=False),
            Column("Share from it", "Share of its matched mass that came from the main origin"),
            Column("Inflow", "Weight factor on arriving, as the coupling sees it"),
            Column("Status", "new: no source subpopulation can be its counterpart", number=False),
            Column("Cells"),
        ],
        rows=rows,
        file="arrivals.tsv",
        open=False,
    )


def _transfer_notes(
    table: pd.DataFrame, n_listed: int, *, with_interval: bool, cells_only: bool
) -> list[str]:
    if table.empty:
        return ["No mass was matched, so there are no transfers."]
    notes = [
        "Transfers have no intervals here."
        if not with_interval
        else "The interval is that of the share of the source; it comes from drawing cells, not "
        "donors, and is too narrow."
        if cells_only
        else "The interval is that of the share of the source, from refits to donors drawn anew."
    ]
    left = len(table) - n_listed
    if left:
        notes.append(
            f"{text.plural(left, 'transfer')} under 0.1% of both sides "
            f"{'is' if left == 1 else 'are'} in transfers.tsv only."
        )
    return notes


def transfers(results: Results) -> Table:
    """All transfers with mass."""
    table = results.tables["transfers"]
    with_interval = any_finite(table["ci_low"])
    listed = table.loc[
        (table["share_of_source"] >= SMALLEST_LISTED)
        | (table["share_of_target"] >= SMALLEST_LISTED)
    ]
    rows = []
    for row in each(listed):
        cells: list[Cell] = [
            words(row.source),
            words(row.target),
            number(row.share_of_source, text.percent),
            number(row.share_of_target, text.percent),
            number(row.mass, text.percent),
        ]
        if with_interval:
            cells.insert(3, interval(row.ci_low, row.ci_high, text.percent_range))
        rows.append(Row(cells, (results.index_of(row.source), results.index_of(row.target))))
    columns = [
        Column("From", number=False),
        Column("To", number=False),
        Column("Of source", "Share of the origin's matched mass that goes here"),
        Column("Of target", "Share of the destination's matched mass that comes from here"),
        Column("Of all", "Share of all matched mass, not normalised"),
    ]
    if with_interval:
        columns.insert(3, Column("95% interval", "Of the share of the source, over donors"))
    return Table(
        key="t-transfers",
        caption=f"Transfers from {results.source} to {results.target}",
        columns=columns,
        rows=rows,
        file="transfers.tsv",
        open=False,
        notes=_transfer_notes(
            table, len(listed), with_interval=with_interval, cells_only=results.cells_only
        ),
    )
