"""Section on genes: the map of changes, single genes in every donor, and the table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from cgmm._utils.labels import breadth
from cgmm.report.claims.claims import Claims
from cgmm.report.page import text
from cgmm.report.page.grid import Grid, rise
from cgmm.report.page.svg import Figure, drawing, el, label
from cgmm.report.page.table import Cell, Column, Row, Table, any_finite, number, words
from cgmm.report.page.text import whole
from cgmm.report.sections.gene_data import explorer, why_not_tested
from cgmm.report.sections.gene_donors import gene_donors_figure
from cgmm.report.sections.gene_sets import gene_set_parts
from cgmm.report.sections.section import Paragraph, Section, present
from cgmm.results.read import Results, each
from cgmm.thresholds import GENE_LIMIT

MAX_GENES = 36


def section(claims: Claims) -> Section:
    """Return the section on genes."""
    results = claims.results
    kind, kinds = results.features
    title, link = f"Which {kinds} changed", kinds.capitalize()
    genes = gene_map_figure(results)
    if genes is None:
        absent = Paragraph(
            "Genes behind the shifts were not computed for this comparison (the data carry no "
            "gene expression, or the step was left out), so shifts are given as distances only.",
            "absent",
        )
        return Section(key="genes", title=title, link=link, parts=[absent])
    donors = gene_donors_figure(results)
    every = ("fig-gene-donors" if donors else "fig-gene", f"Does every donor show a {kind}?")
    return Section(
        key="genes",
        title=title,
        link=link,
        parts=[
            *present(_not_tested(results), genes, donors, explorer(results), genes_table(results)),
            *gene_set_parts(results),
        ],
        questions=[
            ("fig-gene-map", f"Which {kinds}?"),
            *([every] if results.has_donors else []),
            ("fig-gene-sets", "Which pathway?"),
        ],
    )


def _not_tested(results: Results) -> Paragraph | None:
    """Say why genes have no test over donors, where no population has one."""
    if any_finite(results.tables["genes"]["de_q"]):
        return None
    why = why_not_tested(results)
    if not why:
        return None
    return Paragraph(
        f"{results.features[1].capitalize()} were not tested over donors. {why}", "notice"
    )


def gene_map_figure(results: Results) -> Figure | None:
    """Draw genes by populations: change of expression, shared genes first."""
    unit, meaning = results.change_of_genes
    kinds = results.features[1]
    genes = results.tables["genes"]
    genes = genes.loc[np.isfinite(genes["log2_change"])]
    if genes.empty:
        return None
    columns = [s for s in results.populations if s.name in set(genes["name"])]
    wide = _leading_changes(genes, per_column=4 if len(columns) <= 15 else 2)
    limit = max(float(np.nanpercentile(np.abs(wide.to_numpy(dtype=float)), 95)), 1.0)
    tested = bool(np.isfinite(genes["de_q"]).any())
    shown = wide.iloc[:MAX_GENES]
    cell_w = float(np.clip(680 / len(columns), 13, 54))
    names = [results.short(s.name, 20) for s in columns]
    top = min(30 + rise(cell_w, names, 11.5), 150)
    symbols = [text.short(str(gene), 18) for gene in shown.index]
    left = max(110.0, 14 + 7.4 * max(map(breadth, symbols)))
    grid = Grid(left, top, cell_w, 17.0, n_rows=len(shown), n_columns=len(columns))
    parts = [
        *grid.column_names([(n, s.index) for n, s in zip(names, columns, strict=True)], 11.5),
        *grid.background(),
    ]
    for i, gene in enumerate(shown.index):
        y = grid.top + grid.height * (i + 0.5)
        parts.append(label(symbols[i], grid.left - 8, y, anchor="end", class_="gene"))
        for j, sub in enumerate(columns):
            value = float(shown.loc[gene].get(sub.name, np.nan))
            if np.isfinite(value):
                hover = f"{gene} in {sub.name}: {unit} {text.fixed(value)}"
                parts.append(_gene_cell(grid, i, j, hover, value, limit, sub.index))
    return Figure(
        key="gene-map",
        title=f"The {kinds} behind the shifts",
        svg=drawing(
            [*parts, *_scale(grid.left, grid.bottom + 26, limit, unit)],
            width=grid.right + 90,
            height=grid.bottom + 48,
            title=f"Changes of {kinds} by population",
            text=f"Rows are {kinds}, columns populations, colour and number the {unit} of "
            "average expression. The table below has the values.",
            key="gene-map",
        ),
        reading=(
            f"Orange: higher in {results.target}; blue: lower. {kinds.capitalize()} are sorted by "
            "the number of populations in which they lead: a shared response at the top, what is "
            "specific to a few further down. "
            f"Numbers are the {unit}; {meaning}. They compare the cells of a population "
            f"in {results.source} with its cells in {results.target}, and are "
            f"sizes, not tests{': the table below has these' if tested else ''}."
        ),
    )


def _leading_changes(genes: pd.DataFrame, per_column: int) -> pd.DataFrame:
    """Return the changes of the leading genes, genes x names, shared genes first."""
    top = genes.sort_values("rank", kind="stable")
    clear = top.loc[top["log2_change"].abs() >= GENE_LIMIT]
    leading = clear if len(clear) else top
    wanted = set(leading.groupby("name", sort=True).head(per_column)["gene"])
    chosen = genes.loc[genes["gene"].isin(wanted)]
    order = (
        chosen.groupby("gene", sort=True)
        .agg(n=("n_subpopulations", "max"), size=("log2_change", lambda v: v.abs().max()))
        .sort_values(["n", "size"], ascending=False, kind="stable")
    )
    wide = chosen.pivot_table(index="gene", columns="name", values="log2_change", aggfunc="first")
    return wide.loc[order.index]


def _gene_cell(
    grid: Grid, i: int, j: int, hover: str, value: float, limit: float, index: int
) -> Markup:
    strength = abs(value) / limit
    return grid.cell(
        i,
        j,
        hover,
        text.signed(value) if grid.width >= 34 else None,
        strength=min(strength, 1.0),
        size=10,
        corner=1.5,
        fill="fill up" if value > 0 else "fill down",
        data_s=index,
    )


def _scale(x: float, y: float, limit: float, unit: str) -> list[Markup]:
    """Draw the legend of the colours, from -`limit` to `limit`."""
    parts: list[Markup] = [el("rect", x=x, y=y - 8, width=220, height=10, class_="heat-bg")]
    for k, value in enumerate((-1.0, -0.5, 0.0, 0.5, 1.0)):
        at = x + 44 * k
        parts += [
            el(
                "rect",
                x=at,
                y=y - 8,
                width=44,
                height=10,
                class_="fill up" if value > 0 else "fill down",
                fill_opacity=abs(value),
            ),
            label(text.fixed(value * limit, 1), at + 22, y + 9, anchor="middle", class_="tick"),
        ]
    return [*parts, label(unit, x + 44 * 5 + 8, y - 3, class_="tick")]


LISTED_GENES, LISTED_OF_MANY, MANY = 20, 10, 15


# column of genes.tsv, heading, help, how it is written
GENE_TESTS: tuple[tuple[str, str, str, Callable[[float], str]], ...] = (
    ("de_log2_change", "Change over donors", "The same change, donors as the unit", text.fixed),
    ("de_p", "p", "Test of no change of this gene, donors as the unit", text.probability),
    ("de_q", "q", "p corrected for testing many genes", text.probability),
    ("common_change", "Shared part", "Part that other populations show as well", text.fixed),
    ("specific_change", "Own part", "Part that is specific to this population", text.fixed),
)


def genes_table(results: Results, top: int | None = None) -> Table | None:
    """List the leading genes of every population: 20, or 10 of more than 15 populations."""
    if top is None:
        top = LISTED_GENES if len(results.populations) <= MANY else LISTED_OF_MANY
    unit, meaning = results.change_of_genes
    kind, kinds = results.features
    table = results.tables["genes"]
    if table.empty:
        return None
    leading = table.loc[table["rank"] <= table["rank"].min() + top - 1]
    order = {s.name: s.index for s in results.populations}
    leading = leading.assign(order=leading["name"].map(order).astype(int)).sort_values(
        ["order", "rank"], kind="stable"
    )
    source, target = text.short(results.source, 16), text.short(results.target, 16)
    more = [entry for entry in GENE_TESTS if any_finite(leading[entry[0]])]
    tested = any_finite(table["de_q"])
    return Table(
        key="t-genes",
        caption=f"The {top} leading {kinds} of every population",
        columns=[
            Column("Population", number=False),
            Column(kind.capitalize(), number=False),
            Column(
                unit.capitalize() if unit == "change" else unit,
                f"{results.target} minus {results.source}, {meaning}",
            ),
            *(Column(name, explained) for _, name, explained, _ in more),
            Column(f"Mean, {source}", "Mean of the values over its cells"),
            Column(f"Mean, {target}", "Mean of the values over its cells"),
            Column(f"Cells on, {source}", f"Share of cells where the {kind} was seen"),
            Column(f"Cells on, {target}", f"Share of cells where the {kind} was seen"),
            Column(
                "In how many",
                f"Number of populations with this {kind} in their top {LISTED_GENES}",
            ),
            Column("Scope", "common: most populations; specific: one or few", number=False),
        ],
        rows=[Row(_gene_cells(r, more), (results.index_of(r.name),)) for r in each(leading)],
        file="genes.tsv",
        open=False,
        notes=[_gene_note(tested=tested), *_left_out(table, leading)],
    )


def _gene_cells(row: Any, more: list[tuple[str, str, str, Callable[[float], str]]]) -> list[Cell]:
    return [
        words(row.name),
        Cell(row.gene, row.gene.lower(), href="#fig-gene", gene=True),
        number(row.log2_change),
        *(number(getattr(row, column), how, "not tested") for column, _, _, how in more),
        number(row.mean_source),
        number(row.mean_target),
        number(row.fraction_source, text.percent),
        number(row.fraction_target, text.percent),
        number(row.n_subpopulations, whole),
        words(row.scope, "not classified"),
    ]


def _gene_note(*, tested: bool) -> str:
    if tested:
        return "Genes are ranked by the change of their mean; p and q take the donor as the unit."
    return "Differences of means, without a test: donors are not used for genes here."


def _left_out(table: pd.DataFrame, leading: pd.DataFrame) -> list[str]:
    left = len(table) - len(leading)
    return [f"{text.plural(left, 'further row')} in genes.tsv."] if left else []
