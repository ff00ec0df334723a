"""Gene sets in the section on genes: a map of sets by populations, and a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from cgmm.report.page import text
from cgmm.report.page.grid import Grid, rise
from cgmm.report.page.svg import Figure, drawing, label
from cgmm.report.page.table import Cell, Column, Row, Table, number, words
from cgmm.report.page.text import whole
from cgmm.report.sections.gene_data import why_not_tested
from cgmm.report.sections.section import Paragraph, Part
from cgmm.results.read import Population, Results, each
from cgmm.tables import GENE_SETS
from cgmm.thresholds import ALPHA

KEY = "gene-sets"
MAX_SETS, PER_POPULATION = 24, 3
LISTED, LISTED_OF_MANY, MANY = 10, 5, 15
NAME = 46  # characters of a set in the figure


def gene_set_parts(results: Results) -> list[Part]:
    """Return figure and table of the gene sets, or a sentence where there are none."""
    table = results.gene_sets
    table = table.loc[table["name"].isin({p.name for p in results.populations})]
    if table.empty:
        return [Paragraph(_why_not(results), "absent", anchor=f"fig-{KEY}")]
    return [_figure(results, table), _table(results, table)]


def _why_not(results: Results) -> str:
    """Say why there are no gene sets, or how to give them."""
    given = results.meta.get("gene_sets")
    if results.features[0] == "marker":
        return "Gene sets are for gene expression; markers of cytometry are too few for a test."
    if not isinstance(given, dict):
        return (
            "Which pathway? No gene sets were given. Write “gene_sets: my_sets.gmt” in the config, "
            "the path of a GMT file, and run again: the sets are then tested in each population, "
            "with the donor as the unit."
        )
    none = f"Of the gene sets of {given.get('file', 'the file')} none could be tested."
    return f"{none} {why_not_tested(results)}".strip()


def _leading(table: pd.DataFrame) -> list[str]:
    """Return the sets that the figure shows: the first of each population, smallest p first."""
    ordered = table.sort_values(["p", "set"], kind="stable")
    clear = ordered.loc[ordered["q"] < ALPHA]
    pool = clear if len(clear) else ordered
    first = pool.groupby("name", sort=False).head(PER_POPULATION)
    chosen = list(dict.fromkeys(first["set"]))
    more = [name for name in dict.fromkeys(pool["set"]) if name not in set(chosen)]
    kept = [*chosen, *more][:MAX_SETS]
    rows = table.loc[table["set"].isin(kept)]
    found = (
        rows.assign(clear=rows["q"] < ALPHA).groupby("set").agg(n=("clear", "sum"), p=("p", "min"))
    )
    return list(found.sort_values(["n", "p"], ascending=[False, True], kind="stable").index)


def _figure(results: Results, table: pd.DataFrame) -> Figure:
    sets = _leading(table)
    columns = [p for p in results.populations if p.name in set(table["name"])]
    by_cell = {(r.set, r.name): r for r in each(table.loc[table["set"].isin(sets)])}
    more = np.array([r.log2_change - r.log2_others for r in by_cell.values()], dtype=float)
    limit = max(float(np.nanpercentile(np.abs(more), 95)), 0.25)
    width = float(np.clip(560 / len(columns), 13, 54))
    names = [results.short(p.name, 20) for p in columns]
    top = min(30 + rise(width, names, 11.5), 150)
    grid = Grid(330.0, top, width, 17.0, n_rows=len(sets), n_columns=len(columns))
    parts = [
        *grid.column_names([(n, p.index) for n, p in zip(names, columns, strict=True)], 11.5),
        *grid.background(),
    ]
    for i, name in enumerate(sets):
        y = grid.top + grid.height * (i + 0.5)
        parts.append(label(text.short(name, NAME), grid.left - 8, y, anchor="end"))
        for j, population in enumerate(columns):
            row = by_cell.get((name, population.name))
            if row is not None:
                parts.append(_cell(grid, i, j, row, population, limit))
    given = results.meta.get("gene_sets") or {}
    return Figure(
        key=KEY,
        title="Gene sets that change more than other genes",
        svg=drawing(
            parts,
            width=grid.right + 90,
            height=grid.bottom + 14,
            title="Gene sets by population",
            text="Rows are gene sets, columns populations. Colour is how much more the genes of "
            "the set changed than all other genes; a number stands where q is below 0.05.",
            key=KEY,
        ),
        reading=(
            f"Orange: the genes of the set rise more (or fall less) than the other genes of the "
            f"population in {results.target}; blue: less. The number is the difference of the two "
            f"mean log2 changes, where q is below {ALPHA:g} over all sets of the population; the "
            "donor is the unit. An empty field was not tested: too few of its genes are expressed."
        ),
        note=_counted(table, sets) + (f" Sets: {given['file']}." if given.get("file") else ""),
    )


def _counted(table: pd.DataFrame, shown: list[str]) -> str:
    clear = table.loc[table["q"] < ALPHA, "set"].nunique()
    tested = table["set"].nunique()
    return (
        f"Of {text.plural(tested, 'tested set')}, {clear} "
        f"{'has' if clear == 1 else 'have'} q below {ALPHA:g} in some population; "
        f"{len(shown)} are drawn."
    )


def _cell(grid: Grid, i: int, j: int, row: Any, population: Population, limit: float) -> Markup:
    more = row.log2_change - row.log2_others
    clear = row.q < ALPHA
    hover = (
        f"{row.set} in {population.name}: mean log2 change {text.fixed(row.log2_change)}, other "
        f"genes {text.fixed(row.log2_others)}, q {text.probability(row.q)}"
    )
    return grid.cell(
        i,
        j,
        hover,
        text.signed(more) if clear and grid.width >= 30 else "•" if clear else None,
        strength=min(abs(more) / limit, 1.0) * (1.0 if clear else 0.5),
        size=10,
        corner=1.5,
        fill="fill up" if row.t > 0 else "fill down",
        data_s=population.index,
    )


def _table(results: Results, table: pd.DataFrame) -> Table:
    many = table["name"].nunique() > MANY
    top = LISTED_OF_MANY if many else LISTED
    order = {p.name: p.index for p in results.populations}
    ranked = table.assign(order=table["name"].map(order).astype(int)).sort_values(
        ["order", "p"], kind="stable"
    )
    shown = ranked.groupby("order", sort=False).head(top)
    left = len(ranked) - len(shown)
    return Table(
        key="t-gene-sets",
        caption=f"The {top} gene sets with the smallest p of every population",
        columns=[
            Column("Population", number=False),
            Column("Gene set", number=False),
            Column("Genes", "Genes of the set that were tested in the population"),
            Column("log2 change", "Mean log2 change of these genes, donors as the unit"),
            Column("Other genes", "Mean log2 change of all other tested genes"),
            Column("p", "Test of no difference to the other genes, donors as the unit"),
            Column("q", "p corrected for testing many sets in the population"),
            Column("Leading genes", "Genes of the set that change most", number=False),
        ],
        rows=[Row(_cells(r), (results.index_of(r.name),)) for r in each(shown)],
        file=GENE_SETS.file,
        open=False,
        notes=[f"{text.plural(left, 'further row')} in {GENE_SETS.file}."] if left else [],
    )


def _cells(row: Any) -> list[Cell]:
    return [
        words(row.name),
        words(row.set),
        number(row.n_genes, whole),
        number(row.log2_change),
        number(row.log2_others),
        number(row.p, text.probability),
        number(row.q, text.probability),
        words(row.leading_genes.replace(" ", ", ")),
    ]
