"""Tables of factors, origins and transfers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from markupsafe import Markup

from cgmm.report.claims.findings import PREVALENCE_WORDS, Finding
from cgmm.report.claims.verdict import Verdict
from cgmm.report.page import text
from cgmm.report.page.svg import STEP, WIDTH, Figure, FoldAxis, drawing, el, label, names_width, tip
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
from cgmm.thresholds import MIN_CHANGE

CLASS = {"more": "up", "less": "down", "seems_more": "up", "seems_less": "down"}


def _axis_limit(findings: list[Finding]) -> float:
    values = [abs(f.log2_net) for f in findings if np.isfinite(f.log2_net)]
    values += [min(abs(v), 5) for f in findings if f.has_interval for v in (f.ci_low, f.ci_high)]
    return float(np.clip(np.ceil(max(values, default=1.0) * 1.05 * 2) / 2, 1.0, 5.0))


def forest_figure(results: Results, verdict: Verdict) -> Figure:
    """Net factor of every source subpopulation with its interval over donors."""
    rows = [f for f in verdict.findings if np.isfinite(f.log2_net)]
    rows = sorted(rows, key=lambda f: -f.log2_net)
    others = [f for f in verdict.findings if not np.isfinite(f.log2_net)]
    left = names_width([f.name for f in (*rows, *others)]) + 10
    x = FoldAxis(left, WIDTH - 190.0, _axis_limit(rows))
    top = 44.0
    bottom = top + STEP * (len(rows) + len(others))
    parts = _forest_axis(x, top, bottom)
    for i, f in enumerate((*rows, *others)):
        parts.append(_forest_row(results, f, top + STEP * (i + 0.5), x))
    intervals = (
        "The line is the 95% interval over donors: a line that crosses ×1 fits with no change. "
        "Hollow dots have no interval. "
        if verdict.tested
        else "Dots are hollow because no interval over donors is available. "
    )
    return Figure(
        key="factors-forest",
        title="How much more or less common each subpopulation became",
        svg=drawing(
            parts,
            width=WIDTH,
            height=bottom + 34,
            title="Net prevalence factors",
            text="One dot per subpopulation on a log scale, with 95% intervals where donors allow. "
            "The factor table below has every value.",
            key="factors-forest",
        ),
        reading=(
            "Each dot is how much more (right, orange) or less (left, blue) common a "
            f"subpopulation is in {results.target} than in {results.source} (its net factor); ×2 "
            "is twice the share of cells. The grey band is within 1.5-fold. "
            f"{intervals}Factors are relative: all shares add up to 100%."
        ),
    )


def _forest_axis(x: FoldAxis, top: float, bottom: float) -> list[Markup]:
    low, high = x(-MIN_CHANGE), x(MIN_CHANGE)
    parts: list[Markup] = [
        el("rect", x=low, y=top - 4, width=high - low, height=bottom - top + 8, class_="band"),
        label("← rarer", x(0) - 14, 12, anchor="end", class_="down-text head"),
        label("more common →", x(0) + 14, 12, class_="up-text head"),
        label("factor [95% interval]", x.end + 24, 12, class_="head"),
    ]
    for value, name in x.doublings():
        kind = "zero" if value == 0 else "grid"
        parts.append(el("line", x1=x(value), x2=x(value), y1=top - 4, y2=bottom + 4, class_=kind))
        for y in (32.0, bottom + 16):
            parts.append(label(name, x(value), y, anchor="middle", class_="tick"))
    return parts


def _forest_row(results: Results, f: Finding, y: float, x: FoldAxis) -> Markup:
    hover = f"{f.name}: {f.sentence}"
    if f.reason and not f.has_interval:
        hover += f". {f.reason}"
    return el(
        "g",
        tip(hover),
        el("rect", x=0, y=y - 12, width=WIDTH, height=24, class_="row-hit"),
        label(text.short(f.name, 27), x.start - 10, y, anchor="end"),
        *(_forest_mark(f, y, x) if np.isfinite(f.log2_net) else _no_counterpart(results, f, y, x)),
        class_="mark row",
        data_s=f.index,
    )


def _no_counterpart(results: Results, f: Finding, y: float, x: FoldAxis) -> list[Markup]:
    words = f"{text.percent(f.share_target)} of {text.short(results.target, 14)}"
    if f.prevalence != "unknown":
        words = f"{PREVALENCE_WORDS[f.prevalence]} ({words})"
    none = f"none of its own in {text.short(results.source, 20)}"
    return [
        label(none, x(0), y, anchor="middle", class_="tick halo"),
        label(words, x.end + 24, y),
    ]


def _forest_mark(f: Finding, y: float, x: FoldAxis) -> list[Markup]:
    """Dot and interval, with an arrowhead where one of them is beyond the axis."""
    kind = CLASS.get(f.prevalence, "flat")
    parts: list[Markup] = []
    if f.has_interval:
        parts.append(el("line", x1=x(f.ci_low), x2=x(f.ci_high), y1=y, y2=y, class_=f"ci {kind}"))
        for value, side in ((f.ci_low, -1), (f.ci_high, 1)):
            if abs(value) > x.limit and np.sign(value) == side:
                parts.append(_arrowhead(x(value), y, side, 4, kind))
    if abs(f.log2_net) > x.limit:
        side = int(np.sign(f.log2_net))
        parts.append(_arrowhead(x(f.log2_net) - side * 4, y, side, 6, kind))
    else:
        hollow = "" if f.has_interval else " hollow"
        parts.append(el("circle", cx=x(f.log2_net), cy=y, r=5, class_=f"dot {kind}{hollow}"))
    words = text.fold(f.log2_net)
    if f.has_interval:
        words += f" {text.bracket(text.fold_range(f.ci_low, f.ci_high))}"
    if f.prevalence == "gone":
        words = f"gone ({words})"
    return [*parts, label(words, x.end + 24, y, class_="value")]


def _arrowhead(x: float, y: float, side: int, size: int, kind: str) -> Markup:
    length = size + 2 if size < 6 else size + 4
    return el(
        "path",
        d=f"M{x:.1f},{y - size:.1f}l{side * length},{size}l{-side * length},{size}z",
        class_=f"fill {kind}",
    )


SETTLED = {"True": "yes", "False": "no", "": "not examined"}

INTERVAL_HELP = {
    "donor bootstrap": "How far donors, and partitions of the cells, disagree: everything fitted "
    "again to donors drawn anew",
    "donor t": "Over donors (Student's t), with the fitted subpopulations taken as given",
    CELLS_ONLY: "From drawing cells, no donors behind it: too narrow",
}


def _main_columns(results: Results) -> list[Column]:
    source, target = text.short(results.source, 16), text.short(results.target, 16)
    kinds = set(results.tables["factors"]["interval_from"]) - {""}
    return [
        Column("Subpopulation", number=False),
        Column("In words", number=False),
        Column(f"Share in {source}", f"Part of the cells in {results.source} that belong to it"),
        Column(f"Share in {target}", f"Part of the cells in {results.target} that came from it"),
        Column("Net factor", f"Share in {results.target} divided by share in {results.source}"),
        Column("95% interval", " ".join(INTERVAL_HELP.get(k, "") for k in sorted(kinds)).strip()),
        Column("p", "Test of no change, donors as the unit"),
        Column("q", "p corrected for testing many subpopulations (Benjamini-Hochberg)"),
        Column(
            "Settled",
            "no: another partition of the cells or price of reweighting moves the factor more than "
            "twofold",
            number=False,
        ),
        Column(f"Cells, {source}", "Number of cells, each counted by its degree of membership"),
        Column(f"Cells, {target}", f"Number of cells in {results.target} that came from it"),
    ]


def _briefly(f: Finding) -> str:
    """Prevalence in words, without the word that the whole table is about."""
    said = PREVALENCE_WORDS[f.prevalence]
    return said.replace(" in prevalence", "").replace(" prevalence", "").replace("prevalence ", "")


def _main_row(f: Finding, row: dict[str, object]) -> Row:
    reason = f.reason or "No interval: the tables give no reason."
    return Row(
        [
            words(f.name),
            words(_briefly(f)),
            number(f.share_source, text.percent),
            number(f.share_target, text.percent),
            number(f.log2_net, text.fold, "no cell left"),
            interval(f.ci_low, f.ci_high, text.fold_range, reason),
            number(row["p"], text.probability, "not tested"),
            number(f.q, text.probability, "not tested"),
            words(SETTLED.get(str(row["settled"]), "not examined")),
            number(f.n_cells, text.count),
            number(row["n_cells_target"], text.count),
        ],
        (f.index,),
    )


MORE_COLUMNS = (
    Column("Subpopulation", number=False),
    Column("Net factor", "As in the table above"),
    Column(
        "Interval from",
        "donor bootstrap: refits to donors drawn anew; donor t: Student's t over donors; cells: "
        "no donors behind it, too narrow",
        number=False,
    ),
    Column("p, moderated t", "Test of the donors' shares with variances drawn together"),
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


def factors_table(results: Results, verdict: Verdict) -> Table:
    """Factor of every source subpopulation: shares, interval, test."""
    table = results.tables["factors"]
    shown = Table(
        key="t-factors",
        caption=f"Prevalence of every subpopulation of {results.source}",
        columns=_main_columns(results),
        rows=[_main_row(f, row_of(table, f.name)) for f in _of_source(verdict)],
        file="factors.tsv",
        notes=_factor_notes(results),
    )
    reasons = {str(r) for r in table["reason"]}
    if len(reasons) == 1 and "" not in reasons:
        note = f"No interval, p or q: {reasons.pop()}"
        if any_finite(table["ci_low"]):
            note = note.removeprefix("No interval, p or q: ")
        shown = replace(shown, notes=[note, *shown.notes])
    return without(shown, *_empty_columns(table))


def more_factors_table(results: Results, verdict: Verdict) -> Table:
    """Tell what else is known of every factor: both tests, relative factor, outflow and inflow."""
    table = results.tables["factors"]
    shown = Table(
        key="t-factors-more",
        caption="More about each factor: both tests, relative factors, outflow and inflow",
        columns=list(MORE_COLUMNS),
        rows=[_more_row(f, row_of(table, f.name)) for f in _of_source(verdict)],
        file="factors_more",
        open=False,
        notes=_more_notes(results),
    )
    return without(shown, *_empty_columns(table))


def _of_source(verdict: Verdict) -> list[Finding]:
    return [f for f in verdict.findings if np.isfinite(f.share_source)]


def _factor_notes(results: Results) -> list[str]:
    notes = [
        f"Net factor = share in {results.target} / share in {results.source}, both read from each "
        f"cell's membership without any penalty. {_came_from(results)}"
        f"{' All donors count equally.' if results.has_donors else ''}"
    ]
    if (results.tables["factors"]["interval_from"] == "donor t").any():
        notes.append(
            "Student's interval is centred on the mean over donors on the log scale, so factor and "
            "interval can differ a little."
        )
    return notes


def _came_from(results: Results) -> str:
    """Say how it is known which target cells came from a source subpopulation."""
    if results.counts_cells:
        return (
            f"Which cells in {results.target} came from a subpopulation is counted cell by cell: "
            f"each counts for the cells in {results.source} that it resembles most, once the "
            "change of state is allowed for."
        )
    return (
        f"Which cells in {results.target} came from a subpopulation follows from the match of "
        "subpopulations (coupling)."
    )


def _more_notes(results: Results) -> list[str]:
    notes = []
    baseline = str(results.donor_settings.get("baseline") or "")
    if any_finite(results.tables["factors"]["log2_relative"]) and baseline:
        what = "the median subpopulation" if baseline == "median" else baseline
        notes.append(
            f"Relative factors are relative to {what}: what is left when the shrinking that all "
            "suffer because one grows is taken off."
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
