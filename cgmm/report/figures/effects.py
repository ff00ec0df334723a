"""How much and how far: factors (forest), state shifts, and the genes behind them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from markupsafe import Markup

from cgmm.report import text
from cgmm.report.data import Results, row_of
from cgmm.report.figures.svg import Figure, checkers, drawing, el, label, ticks, tip
from cgmm.report.findings import FOLD_LIMIT, GENE_LIMIT, PREVALENCE_WORDS, Finding, leading_genes
from cgmm.report.verdict import Verdict

WIDTH = 860
NAMES = 200.0
INTERVAL_WORDS = {
    False: "The grey line over it is the 95% interval over donors. ",
    True: "The grey line over it is a 95% interval from drawing cells: too narrow, no donors. ",
}
STATE_SHORT = {"none": "not visible", "small": "small", "moderate": "moderate", "strong": "strong"}
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
    limit = _axis_limit(rows)
    step, top = 26.0, 44.0
    left, right = NAMES + 10, WIDTH - 190.0
    height = top + step * (len(rows) + len(others)) + 34
    bottom = top + step * (len(rows) + len(others))

    def x(value: float) -> float:
        return left + (np.clip(value, -limit, limit) + limit) / (2 * limit) * (right - left)

    parts: list[Markup] = [
        el(
            "rect",
            x=x(-FOLD_LIMIT),
            y=top - 4,
            width=x(FOLD_LIMIT) - x(-FOLD_LIMIT),
            height=bottom - top + 8,
            class_="band",
        ),
        label("← rarer", x(0) - 14, 12, anchor="end", class_="down-text head"),
        label("more common →", x(0) + 14, 12, class_="up-text head"),
        label("factor (95% interval)", right + 24, 12, class_="head"),
    ]
    whole = range(-int(limit), int(limit) + 1)
    for value in whole:
        parts.append(
            el(
                "line",
                x1=x(value),
                x2=x(value),
                y1=top - 4,
                y2=bottom + 4,
                class_="zero" if value == 0 else "grid",
            )
        )
        name = f"×{2**value}" if value >= 0 else f"×1/{2**-value}"
        for y in (32.0, bottom + 16):
            parts.append(label(name, x(value), y, anchor="middle", class_="tick"))
    for i, f in enumerate((*rows, *others)):
        y = top + step * (i + 0.5)
        parts.append(_forest_row(f, y, x, limit, right))
    tested = verdict.tested
    reading = (
        f"Each dot is how much more (right, orange) or less (left, blue) common a subpopulation is "
        f"in {results.target} than in {results.source}; ×2 is twice the share of cells. "
        "The grey band is within 1.5-fold. "
    )
    reading += (
        "The line is the 95% interval over donors: a line that crosses ×1 fits with no change. "
        "Hollow dots have no interval. "
        if tested
        else "Dots are hollow because no interval over donors is available. "
    )
    reading += "Factors are relative: all shares add up to 100%."
    return Figure(
        key="factors-forest",
        title="Factor of every subpopulation",
        svg=drawing(
            parts,
            width=WIDTH,
            height=height,
            title="Net prevalence factors",
            text="One dot per subpopulation on a log scale, with 95% intervals where donors allow. "
            "The factor table below has every value.",
            key="factors-forest",
        ),
        reading=reading,
    )


def _forest_row(
    f: Finding, y: float, x: Callable[[float], float], limit: float, right: float
) -> Markup:
    children: list[Markup] = [
        el("rect", x=0, y=y - 12, width=WIDTH, height=24, class_="row-hit"),
        label(text.short(f.name, 27), NAMES, y, anchor="end"),
    ]
    if not np.isfinite(f.log2_net):
        words = f"{PREVALENCE_WORDS[f.prevalence]} ({text.percent(f.share_target)} of target)"
        if f.prevalence == "unknown":
            words = f"{text.percent(f.share_target)} of target"
        children += [
            label(
                "no counterpart of its own in the source",
                x(0),
                y,
                anchor="middle",
                class_="tick halo",
            ),
            label(words, right + 24, y),
        ]
    else:
        kind = CLASS.get(f.prevalence, "flat")
        if f.has_interval:
            children.append(
                el("line", x1=x(f.ci_low), x2=x(f.ci_high), y1=y, y2=y, class_=f"ci {kind}")
            )
            for value, side in ((f.ci_low, -1), (f.ci_high, 1)):
                if abs(value) > limit and np.sign(value) == side:
                    at = x(value)
                    children.append(
                        el(
                            "path",
                            d=f"M{at:.1f},{y - 4:.1f}l{side * 6},4l{-side * 6},4z",
                            class_=f"fill {kind}",
                        )
                    )
        beyond = abs(f.log2_net) > limit
        if beyond:
            side = int(np.sign(f.log2_net))
            children.append(
                el(
                    "path",
                    d=f"M{x(f.log2_net) - side * 4:.1f},{y - 6:.1f}l{side * 10},6l{-side * 10},6z",
                    class_=f"fill {kind}",
                )
            )
        else:
            children.append(
                el(
                    "circle",
                    cx=x(f.log2_net),
                    cy=y,
                    r=5,
                    class_=f"dot {kind}" + ("" if f.has_interval else " hollow"),
                )
            )
        words = text.fold(f.log2_net)
        if f.has_interval:
            words += f" ({text.fold_range(f.ci_low, f.ci_high)})"
        if f.prevalence == "gone":
            words = f"gone ({words})"
        children.append(label(words, right + 24, y, class_="value"))
    hover = f"{f.name}: {f.sentence}"
    if f.reason and not f.has_interval:
        hover += f". {f.reason}"
    return el("g", tip(hover), *children, class_="mark row", data_s=f.index)


def shifts(results: Results, verdict: Verdict) -> Figure | None:
    """Distance moved by every subpopulation, in units of the spread within a subpopulation."""
    rows = [f for f in verdict.findings if np.isfinite(f.shift_sd)]
    if not rows:
        return None
    rows = sorted(rows, key=lambda f: -f.shift_sd)
    table = results.tables["shifts"]
    step, top = 26.0, 40.0
    left, right = NAMES + 10, 480.0
    ends = [v for f in rows for v in (f.shift_sd, f.shift_high) if np.isfinite(v)]
    limit = max(1.2, max(ends) * 1.08)
    spread_known = any(np.isfinite(f.shift_high) for f in rows)
    bottom = top + step * len(rows)

    def x(value: float) -> float:
        return left + value / limit * (right - left)

    parts: list[Markup] = [
        label("distance moved (SD)", left, 12, class_="head"),
        label("led by", right + 128, 12, class_="head"),
    ]
    for value in ticks(0.0, limit, 5):
        parts.append(el("line", x1=x(value), x2=x(value), y1=top - 4, y2=bottom + 4, class_="grid"))
        parts.append(label(f"{value:g}", x(value), 30, anchor="middle", class_="tick"))
    for i, f in enumerate(rows):
        y = top + step * (i + 0.5)
        row = row_of(table.loc[table["source"] == f.name], f.goes_to, "target")
        hover = f"{f.name} → {f.goes_to}: moved {text.fixed(f.shift_sd)} SD"
        known = np.isfinite([f.shift_low, f.shift_high]).all()
        if known:
            hover += f", 95% interval {text.fixed_range(f.shift_low, f.shift_high)}"
        if np.isfinite(row["total_shift_sd"]):
            hover += f" (with change of shape {text.fixed(row['total_shift_sd'])} SD)"
        genes = "  ".join(
            f"{g}\u00a0{'↑' if c > 0 else '↓'}" for g, c in leading_genes(results, f.name, 4)
        )
        total = float(row["total_shift_sd"])
        parts.append(
            el(
                "g",
                tip(hover),
                el("rect", x=0, y=y - 12, width=WIDTH, height=24, class_="row-hit"),
                label(text.short(f.name, 27), NAMES, y, anchor="end"),
                el(
                    "line",
                    x1=x(0),
                    x2=x(f.shift_sd),
                    y1=y,
                    y2=y,
                    class_="stem",
                    stroke=results.subpopulations[f.index].colour,
                ),
                el(
                    "circle",
                    cx=x(f.shift_sd),
                    cy=y,
                    r=5.5,
                    fill=results.subpopulations[f.index].colour,
                ),
                el(
                    "path",
                    d=f"M{x(min(total, limit)):.1f},{y - 6:.1f}v12",
                    class_="total",
                )
                if np.isfinite(total)
                else Markup(""),
                el(
                    "line",
                    x1=x(max(f.shift_low, 0.0)),
                    x2=x(min(f.shift_high, limit)),
                    y1=y,
                    y2=y,
                    class_="ci flat",
                )
                if known
                else Markup(""),
                label(
                    f"{text.fixed(f.shift_sd)} {STATE_SHORT[f.state]}",
                    right + 18,
                    y,
                    class_="value",
                ),
                label(text.short(genes, 38), right + 128, y, class_="genes")
                if genes
                else Markup(""),
                class_="mark row",
                data_s=f.index,
            )
        )
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
            f"{INTERVAL_WORDS[results.cells_only] if spread_known else ''}"
            "The small upright tick adds the change in shape. Genes: the largest changes of "
            "average expression, ↑ higher and ↓ lower in "
            f"{results.target}."
        ),
    )


def gene_map(results: Results) -> Figure | None:
    """Genes by subpopulations: change of expression, shared genes first."""
    unit, meaning = results.change_of_genes
    genes = results.tables["genes"]
    genes = genes.loc[np.isfinite(genes["log2_change"])]
    if genes.empty:
        return None
    columns = [s for s in results.subpopulations if s.name in set(genes["name"])]
    top = genes.sort_values("rank", kind="stable")
    per = 4 if len(columns) <= 15 else 2
    clear = top.loc[top["log2_change"].abs() >= GENE_LIMIT]
    leading = clear if len(clear) else top
    wanted = set(leading.groupby("name", sort=True).head(per)["gene"])
    chosen = genes.loc[genes["gene"].isin(wanted)]
    order = (
        chosen.groupby("gene", sort=True)
        .agg(n=("n_subpopulations", "max"), size=("log2_change", lambda v: v.abs().max()))
        .sort_values(["n", "size"], ascending=False, kind="stable")
        .head(36)
    )
    wide = chosen.pivot_table(index="gene", columns="name", values="log2_change", aggfunc="first")
    limit = max(float(np.nanpercentile(np.abs(wide.to_numpy(dtype=float)), 95)), 1.0)
    cell_h, names = 17.0, 110.0
    cell_w = float(np.clip(680 / len(columns), 13, 54))
    longest = max(len(text.short(s.name, 20)) for s in columns)
    angle = 40 if cell_w >= 20 else 60
    rise = float(np.sin(np.radians(angle)))
    head = min(30 + longest * 11.5 * 0.56 * rise, 150)
    parts: list[Markup] = []
    for j, sub in enumerate(columns):
        at = names + cell_w * (j + 0.5)
        parts.append(
            el(
                "text",
                text.short(sub.name, 20),
                transform=f"translate({at:.1f},{head - 8:.1f}) rotate(-{angle})",
                class_="mark",
                data_s=sub.index,
                font_size=11.5,
            )
        )
    parts += checkers(names, head, cell_w, cell_h, len(columns), len(order))
    for i, gene in enumerate(order.index):
        y = head + cell_h * (i + 0.5)
        parts.append(label(text.short(str(gene), 14), names - 8, y, anchor="end", class_="gene"))
        for j, sub in enumerate(columns):
            value = wide.loc[gene].get(sub.name, np.nan)
            if not np.isfinite(value):
                continue
            hover = f"{gene} in {sub.name}: {unit} {text.fixed(value)}"
            parts.append(
                el(
                    "g",
                    tip(hover),
                    el(
                        "rect",
                        x=names + cell_w * j + 0.5,
                        y=y - cell_h / 2 + 0.5,
                        width=cell_w - 1,
                        height=cell_h - 1,
                        rx=1.5,
                        class_="fill up" if value > 0 else "fill down",
                        fill_opacity=round(min(abs(float(value)) / limit, 1.0), 3),
                    ),
                    label(
                        text.signed(float(value)),
                        names + cell_w * (j + 0.5),
                        y,
                        anchor="middle",
                        class_="heat-ink" if abs(value) / limit > 0.6 else "heat-text",
                        font_size=10,
                    )
                    if cell_w >= 34
                    else Markup(""),
                    class_="mark cell",
                    data_s=sub.index,
                )
            )
    width = names + cell_w * len(columns) + 90
    height = head + cell_h * len(order) + 40
    y = height - 14
    parts.append(el("rect", x=names, y=y - 8, width=220, height=10, class_="heat-bg"))
    for k, value in enumerate((-1.0, -0.5, 0.0, 0.5, 1.0)):
        parts.append(
            el(
                "rect",
                x=names + 44 * k,
                y=y - 8,
                width=44,
                height=10,
                class_="fill up" if value > 0 else "fill down",
                fill_opacity=abs(value),
            )
        )
        parts.append(
            label(
                text.fixed(value * limit, 1),
                names + 44 * k + 22,
                y + 9,
                anchor="middle",
                class_="tick",
            )
        )
    parts.append(label(unit, names + 44 * 5 + 8, y - 3, class_="tick"))
    return Figure(
        key="gene-map",
        title="The genes behind the shifts",
        svg=drawing(
            parts,
            width=width,
            height=height + 8,
            title="Gene changes by subpopulation",
            text=f"Rows are genes, columns subpopulations, colour and number the {unit} of "
            "average expression. The gene table below has the values.",
            key="gene-map",
        ),
        reading=(
            f"Orange: higher in {results.target}; blue: lower. Genes at the top change in most "
            "subpopulations (a shared response); genes further down are specific to a few. "
            f"Numbers are the {unit}; {meaning}."
        ),
    )
