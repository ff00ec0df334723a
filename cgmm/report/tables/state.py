"""Tables of state shifts and of the genes behind them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pandas as pd

from cgmm.report import text
from cgmm.report.data import Results, each
from cgmm.report.tables.base import Cell, Column, Row, Table, any_finite, interval, number, words

LISTED_GENES = 20
ARROW = re.compile(r" (up|down)(?=,|$)")


def _arrow(found: re.Match[str]) -> str:
    """Write the direction of a gene as everywhere in the report."""
    return "\u00a0↑" if found[1] == "up" else "\u00a0↓"


def shifts(results: Results) -> Table | None:
    """State shifts of all pairs with at least one percent of their source."""
    table = results.tables["shifts"]
    if table.empty:
        return None
    with_interval = any_finite(table["ci_low"])
    rows = []
    for r in each(table):
        cells = [
            words(r.source),
            words(r.target),
            number(r.share_of_source, text.percent),
            number(r.mean_shift_sd),
            number(r.total_shift_sd),
            words(ARROW.sub(_arrow, r.top_genes), "genes not computed"),
        ]
        if with_interval:
            cells[3:3] = [
                number(r.unbiased_shift_sd),
                interval(r.ci_low, r.ci_high, text.fixed_range),
            ]
        rows.append(Row(cells, (results.index_of(r.source), results.index_of(r.target))))
    columns = [
        Column("From", number=False),
        Column("To", number=False),
        Column(
            f"Of {text.short(results.source, 16)}",
            "Part of the subpopulation on the left that goes here, by the match",
        ),
        Column("Distance (SD)", "Distance between the centres, in within-subpopulation spreads"),
        Column("With shape (SD)", "The same, with the change in shape (spread) added"),
        Column("Top genes", number=False),
    ]
    if with_interval:
        columns[3:3] = [
            Column("Moved (SD)", "The distance less what noise adds to any distance"),
            Column("95% interval", "Of the distance moved"),
        ]
    return Table(
        key="t-shifts",
        caption="State shifts of matched pairs",
        columns=columns,
        rows=rows,
        file="shifts.tsv",
        open=False,
        notes=[_shift_note(results, with_interval=with_interval)],
    )


def _shift_note(results: Results, *, with_interval: bool) -> str:
    pairs = "Pairs are those of the match that take at least 1% of their origin."
    if not with_interval:
        return f"{pairs} Shifts have no intervals here."
    if results.cells_only:
        return f"{pairs} Intervals come from drawing cells, not donors: they are too narrow."
    return f"{pairs} Intervals come from refits to donors drawn anew."


def _whole(value: float) -> str:
    return f"{value:.0f}"


# column of genes.tsv, heading, help, how it is written
GENE_TESTS: tuple[tuple[str, str, str, Callable[[float], str]], ...] = (
    ("de_log2_change", "Change over donors", "The same change, donors as the unit", text.fixed),
    ("de_p", "p", "Test of no change of this gene, donors as the unit", text.probability),
    ("de_q", "q", "p corrected for testing many genes", text.probability),
    ("common_change", "Shared part", "Part that other subpopulations show as well", text.fixed),
    ("specific_change", "Own part", "Part that is specific to this subpopulation", text.fixed),
)


def genes(results: Results, top: int = LISTED_GENES) -> Table | None:
    """List the leading genes of every subpopulation."""
    unit, meaning = results.change_of_genes
    table = results.tables["genes"]
    if table.empty:
        return None
    leading = table.loc[table["rank"] <= table["rank"].min() + top - 1]
    order = {s.name: s.index for s in results.subpopulations}
    leading = leading.assign(order=leading["name"].map(order).astype(int)).sort_values(
        ["order", "rank"], kind="stable"
    )
    source, target = text.short(results.source, 16), text.short(results.target, 16)
    more = [entry for entry in GENE_TESTS if any_finite(leading[entry[0]])]
    tested = any_finite(table["de_q"])
    return Table(
        key="t-genes",
        caption=f"The {top} leading genes of every subpopulation",
        columns=[
            Column("Subpopulation", number=False),
            Column("Gene", number=False),
            Column(
                unit.capitalize() if unit == "change" else unit,
                f"{results.target} minus {results.source}, {meaning}",
            ),
            *(Column(name, explained) for _, name, explained, _ in more),
            Column(f"Mean, {source}", "Mean of the values, cells weighted by membership"),
            Column(f"Mean, {target}", "Mean of the values over the cells that came from it"),
            Column(f"Cells on, {source}", "Share of cells where the gene was seen"),
            Column(f"Cells on, {target}", "Share of cells where the gene was seen"),
            Column("In how many", f"Number of subpopulations with this gene in their top {top}"),
            Column("Scope", "common: most subpopulations; specific: one or few", number=False),
        ],
        rows=[Row(_gene_cells(r, more), (results.index_of(r.name),)) for r in each(leading)],
        file="genes.tsv",
        open=False,
        notes=[_gene_note(tested=tested), *_left_out(table, leading)],
    )


def _gene_cells(row: Any, more: list[tuple[str, str, str, Callable[[float], str]]]) -> list[Cell]:
    return [
        words(row.name),
        words(row.gene),
        number(row.log2_change),
        *(number(getattr(row, column), how, "not tested") for column, _, _, how in more),
        number(row.mean_source),
        number(row.mean_target),
        number(row.fraction_source, text.percent),
        number(row.fraction_target, text.percent),
        number(row.n_subpopulations, _whole),
        words(row.scope, "not classified"),
    ]


def _gene_note(*, tested: bool) -> str:
    if tested:
        return "Genes are ranked by the change of their mean; p and q take the donor as the unit."
    return "Differences of means, without a test: donors are not used for genes here."


def _left_out(table: pd.DataFrame, leading: pd.DataFrame) -> list[str]:
    left = len(table) - len(leading)
    return [f"{text.plural(left, 'further row')} in genes.tsv."] if left else []
