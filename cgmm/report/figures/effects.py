"""How much and how far: factors (forest), state shifts, and the genes behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from cgmm.report import text
from cgmm.report.data import Results, row_of
from cgmm.report.figures.grid import Grid, rise
from cgmm.report.figures.svg import Figure, FoldAxis, drawing, el, label, names_width, ticks, tip
from cgmm.report.findings import FOLD_LIMIT, GENE_LIMIT, PREVALENCE_WORDS, Finding, leading_genes
from cgmm.report.verdict import Verdict

WIDTH = 860
STEP = 26.0
GENES_FROM = 440.0  # where distances end
LED_BY = 206.0  # from there to the leading genes
MOST_GENES = 36
INTERVAL_WORDS = {
    False: "The thin line with end marks is the 95% interval over donors. ",
    True: "The thin line with end marks is a 95% interval from drawing cells: too narrow, no "
    "donors. ",
}
STATE_SHORT = {"none": "not visible", "unclear": "not clear"}
CLASS = {"more": "up", "less": "down", "seems_more": "up", "seems_less": "down"}


def _axis_limit(findings: list[Finding]) -> float:
    values = [abs(f.log2_net) for f in findings if np.isfinite(f.log2_net)]
    values += [min(abs(v), 5) for f in findings if f.has_interval for v in (f.ci_low, f.ci_high)]
    return float(np.clip(np.ceil(max(values, default=1.0) * 1.05 * 2) / 2, 1.0, 5.0))


def forest(results: Results, verdict: Verdict) -> Figure:
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
    low, high = x(-FOLD_LIMIT), x(FOLD_LIMIT)
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


def shifts(results: Results, verdict: Verdict) -> Figure | None:
    """Distance moved by every subpopulation, in units of the spread within a subpopulation."""
    rows = [f for f in verdict.findings if np.isfinite(f.shift_sd)]
    if not rows:
        return None
    rows = sorted(rows, key=lambda f: -f.shift_sd)
    table = results.tables["shifts"]
    top = 40.0
    bottom = top + STEP * len(rows)
    left = names_width([f.name for f in rows]) + 10
    ends = [v for f in rows for v in (f.shift_sd, f.shift_high) if np.isfinite(v)]
    limit = max(1.2, max(ends) * 1.08)
    intervals = any(np.isfinite(f.shift_high) for f in rows)

    def x(value: float) -> float:
        return left + value / limit * (GENES_FROM - left)

    parts: list[Markup] = [
        label("distance moved (SD)", left, 12, class_="head"),
        label(f"SD{' [95% interval]' if intervals else ''}", GENES_FROM + 18, 12, class_="head"),
        label("led by", GENES_FROM + LED_BY, 12, class_="head"),
    ]
    for value in ticks(0.0, limit, 5):
        parts.append(el("line", x1=x(value), x2=x(value), y1=top - 4, y2=bottom + 4, class_="grid"))
        parts.append(label(f"{value:g}", x(value), 30, anchor="middle", class_="tick"))
    for i, f in enumerate(rows):
        own = row_of(table.loc[table["source"] == f.name], f.goes_to, "target")
        parts.append(_shift_row(results, f, own, top + STEP * (i + 0.5), x, limit))
    return Figure(
        key="shifts-bars",
        title="How far every subpopulation moved",
        svg=drawing(
            parts,
            width=WIDTH,
            height=bottom + 26,
            title="State shifts",
            text="One line per subpopulation: how far its average cell moved between conditions. "
            "The shift table below has every value.",
            key="shifts-bars",
        ),
        reading=(
            "The dot is how far the centre of a subpopulation moved, measured in typical spreads "
            "within a subpopulation (1 SD: as far as its cells usually lie from their centre). "
            f"{INTERVAL_WORDS[results.cells_only] if intervals else ''}"
            "Below 0.25 SD is called not visible, up to 0.5 small, up to 1 moderate, above strong"
            f"{', and not clear where the interval reaches zero' if intervals else ''}. Genes: the "
            f"largest changes of average expression, ↑ higher and ↓ lower in {results.target}."
        ),
    )


def _shift_row(
    results: Results,
    f: Finding,
    row: Mapping[str, Any],
    y: float,
    x: Callable[[float], float],
    limit: float,
) -> Markup:
    """One subpopulation: distance, interval, leading genes."""
    total = float(row["total_shift_sd"])
    known = np.isfinite([f.shift_low, f.shift_high]).all()
    hover = f"{f.name} → {f.goes_to}: moved {text.fixed(f.shift_sd)} SD"
    if known:
        hover += f", 95% interval {text.fixed_range(f.shift_low, f.shift_high)}"
    if np.isfinite(total):
        hover += f" (with change of shape, not corrected for noise, {text.fixed(total)} SD)"
    seen = f.state not in {"none", "unclear"}
    genes = "  ".join(
        f"{g}\u00a0{'↑' if c > 0 else '↓'}"
        for g, c in (leading_genes(results, f.name, 3) if seen else ())
    )
    colour = results.subpopulations[f.index].colour
    parts: list[Markup] = [
        el("rect", x=0, y=y - 12, width=WIDTH, height=24, class_="row-hit"),
        label(text.short(f.name, 27), x(0) - 10, y, anchor="end"),
        el("line", x1=x(0), x2=x(f.shift_sd), y1=y, y2=y, class_="stem", stroke=colour),
        el("circle", cx=x(f.shift_sd), cy=y, r=5.5, fill=colour),
    ]
    words = text.fixed(f.shift_sd)
    if known:
        low, high = x(max(f.shift_low, 0.0)), x(min(f.shift_high, limit))
        ends = f"M{low:.1f},{y - 5:.1f}v10M{low:.1f},{y:.1f}H{high:.1f}M{high:.1f},{y - 5:.1f}v10"
        parts.append(el("path", d=ends, class_="whisker"))
        words += f" {text.bracket(text.fixed_range(f.shift_low, f.shift_high))}"
    parts.append(label(words, GENES_FROM + 18, y, class_="value"))
    parts.append(label(STATE_SHORT.get(f.state, f.state), GENES_FROM + 136, y, class_="tick"))
    if genes:
        parts.append(label(text.short(genes, 30), GENES_FROM + LED_BY, y, class_="genes"))
    return el("g", tip(hover), *parts, class_="mark row", data_s=f.index)


def gene_map(results: Results) -> Figure | None:
    """Genes by subpopulations: change of expression, shared genes first."""
    unit, meaning = results.change_of_genes
    genes = results.tables["genes"]
    genes = genes.loc[np.isfinite(genes["log2_change"])]
    if genes.empty:
        return None
    columns = [s for s in results.subpopulations if s.name in set(genes["name"])]
    wide = _leading_changes(genes, per_column=4 if len(columns) <= 15 else 2)
    limit = max(float(np.nanpercentile(np.abs(wide.to_numpy(dtype=float)), 95)), 1.0)
    tested = bool(np.isfinite(genes["de_q"]).any())
    shown = wide.iloc[:MOST_GENES]
    cell_w = float(np.clip(680 / len(columns), 13, 54))
    names = [text.short(s.name, 20) for s in columns]
    top = min(30 + rise(cell_w, names, 11.5), 150)
    grid = Grid(110.0, top, cell_w, 17.0, n_rows=len(shown), n_columns=len(columns))
    parts = [
        *grid.column_names([(n, s.index) for n, s in zip(names, columns, strict=True)], 11.5),
        *grid.background(),
    ]
    for i, gene in enumerate(shown.index):
        y = grid.top + grid.height * (i + 0.5)
        parts.append(
            label(text.short(str(gene), 14), grid.left - 8, y, anchor="end", class_="gene")
        )
        for j, sub in enumerate(columns):
            value = float(shown.loc[gene].get(sub.name, np.nan))
            if np.isfinite(value):
                hover = f"{gene} in {sub.name}: {unit} {text.fixed(value)}"
                parts.append(_gene_cell(grid, i, j, hover, value, limit, sub.index))
    return Figure(
        key="gene-map",
        title="The genes behind the shifts",
        svg=drawing(
            [*parts, *_scale(grid.left, grid.bottom + 26, limit, unit)],
            width=grid.right + 90,
            height=grid.bottom + 48,
            title="Gene changes by subpopulation",
            text=f"Rows are genes, columns subpopulations, colour and number the {unit} of "
            "average expression. The gene table below has the values.",
            key="gene-map",
        ),
        reading=(
            f"Orange: higher in {results.target}; blue: lower. Genes are sorted by the number of "
            "subpopulations in which they lead: a shared response at the top, what is specific to "
            "a few further down. "
            f"Numbers are the {unit}; {meaning}. They compare the cells of a subpopulation in "
            f"{results.source} with the cells in {results.target} that came from it, and are "
            f"sizes, not tests{': the gene table has these' if tested else ''}."
        ),
    )


def _leading_changes(genes: pd.DataFrame, per_column: int) -> pd.DataFrame:
    """Take the leading genes of all subpopulations: their changes, genes x names, shared first."""
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
    """Legend of the colours, from -`limit` to `limit`."""
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
