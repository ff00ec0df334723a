"""Several targets: a row per population and a column per target, as figure and tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from cgmm.report.claims.states import Prevalence
from cgmm.report.claims.targets import CHANGED, TargetClaims
from cgmm.report.page import text
from cgmm.report.page.grid import Grid, rise
from cgmm.report.page.svg import WIDTH, Figure, drawing, el, label, names_width, tip
from cgmm.report.page.table import Cell, Column, Row, Table, words
from cgmm.report.sections.section import Paragraph, Section, present
from cgmm.results.read_targets import SharedPopulation
from cgmm.thresholds import MAX_LOG2_NET

HEIGHT, SIZE = 26.0, 12.0


def section(claims: TargetClaims) -> Section:
    """Return the section with the factors of all targets."""
    return Section(
        key="factors",
        title="Every population in every target",
        link="Populations by target",
        parts=[matrix_figure(claims), factors_table(claims)],
    )


def states(claims: TargetClaims) -> Section | None:
    """Return the section with the shifts of all targets; None where nothing was measured."""
    table = shifts_table(claims)
    if table is None:
        return None
    return Section(
        key="shifts",
        title="Change of state in every target",
        link="Change of state",
        parts=[
            Paragraph(
                "How far the mean cell of a population lies from the mean cell of the same "
                f"population in {claims.results.source}, less what noise adds to any distance. 1 "
                "SD is the typical distance of a cell from the mean of its population."
            ),
            *present(table),
        ],
    )


def matrix_figure(claims: TargetClaims) -> Figure:
    """Draw the factor of every population in every target."""
    results = claims.results
    names = [text.short(p.name, 27) for p in results.populations]
    targets = [text.short(target, 20) for target in results.targets]
    left = names_width(names) + 12
    width = float(np.clip((WIDTH - left - 40) / len(targets), 46, 110))
    top = 16 + rise(width, targets, SIZE)
    grid = Grid(left, top, width, HEIGHT, len(names), len(targets))
    parts: list[Markup] = [
        *grid.row_names(
            [(n, p.index) for n, p in zip(names, results.populations, strict=True)], SIZE
        ),
        *_column_names(grid, targets),
        *grid.background(),
    ]
    rows = [results.rows_of(target) for target in results.targets]
    for i, population in enumerate(results.populations):
        for t, own in enumerate(rows):
            parts.append(_cell(claims, grid, (i, t), population, own))
    tested = (
        "A cell with a frame has q under 0.05 and an interval over donors without ×1. "
        if claims.tested
        else "No cell has a frame, because nothing is tested. "
    )
    return Figure(
        key="targets-matrix",
        title=f"Net factors against {text.short(results.source, 30)}",
        svg=drawing(
            parts,
            width=max(grid.right + 40, 420.0),
            height=grid.bottom + 14,
            title="Net factor of every population in every target",
            text="One row per population, one column per target. The table below has every value.",
            key="targets-matrix",
        ),
        reading=(
            f"How many times as common a population is in a target as in {results.source}: orange "
            f"is more common, blue is rarer, the stronger the more. {tested}Factors are relative: "
            "all shares of a condition add up to 100%."
        ),
    )


def _column_names(grid: Grid, names: list[str]) -> list[Markup]:
    """Write the targets above the columns; slanted, because they may be long."""
    return [
        el(
            "text",
            name,
            transform=f"translate({grid.left + grid.width * (t + 0.4):.1f},{grid.top - 8:.1f}) "
            "rotate(-40)",
            class_="head",
            font_size=SIZE,
        )
        for t, name in enumerate(names)
    ]


def _cell(
    claims: TargetClaims,
    grid: Grid,
    place: tuple[int, int],
    population: SharedPopulation,
    rows: pd.DataFrame,
) -> Markup:
    i, t = place
    finding = claims.finding(population.name, t)
    middle = grid.middle(i, t)
    if population.name not in rows.index or finding is None:
        return label("not there", *middle, anchor="middle", class_="tick")
    row: Any = rows.loc[population.name]
    value = float(row["log2_net"])
    shown = _shown(finding.prevalence, value)
    strength = min(abs(value) / _limit(claims), 1.0) if np.isfinite(value) else 0.0
    hover = f"{population.name}, {claims.results.targets[t]}: {factor_words(row)}"
    marks = [
        tip(hover),
        grid.square(
            i, t, "fill up" if value > 0 else "fill down", corner=3, strength=0.6 * strength
        ),
    ]
    if finding.prevalence in CHANGED:
        marks.append(grid.square(i, t, "whisker", corner=3, inset=2))
    marks.append(label(shown, *middle, anchor="middle", class_="value", font_size=SIZE))
    return el("g", *marks, class_="mark cell", data_s=population.index)


def _limit(claims: TargetClaims) -> float:
    """Return the log2 factor of the strongest colour: the largest, from twofold to 16-fold."""
    sizes = claims.results.tables["targets"]["log2_net"].abs()
    finite = sizes[np.isfinite(sizes)]
    return float(np.clip(finite.max() if len(finite) else 1.0, 1.0, MAX_LOG2_NET))


def _shown(prevalence: Prevalence, value: float) -> str:
    if prevalence in {Prevalence.NEW, Prevalence.GONE}:
        return str(prevalence)
    return text.fold(value) if np.isfinite(value) else "unknown"


def factor_words(row: Any) -> str:
    """Return factor, interval and q of a row of the table of targets."""
    if not np.isfinite(row["log2_net"]):
        return "no factor"
    shown = text.fold(row["log2_net"])
    if np.isfinite(row["ci_low"]) and np.isfinite(row["ci_high"]):
        shown += f" {text.bracket(text.fold_range(row['ci_low'], row['ci_high']))}"
    if np.isfinite(row["q"]):
        shown += f", q {text.probability(row['q'])}"
    return shown


def factors_table(claims: TargetClaims) -> Table:
    """Tabulate factor, interval and q of every population in every target."""
    results = claims.results
    per_target = [results.rows_of(target) for target in results.targets]
    rows = [
        Row([words(p.name), *(_factor(own, p.name) for own in per_target)], (p.index,))
        for p in results.populations
    ]
    reasons = list(dict.fromkeys(r for r in results.tables["targets"]["reason"] if r))
    return Table(
        key="t-target-factors",
        caption="Net factor [95% interval over donors] and q in every target",
        columns=[
            Column("Population", number=False),
            *(
                Column(target, f"Factor against {results.source}, interval, q over populations")
                for target in results.targets
            ),
        ],
        rows=rows,
        file="factors_by_target",
        notes=[f"Where an interval is missing: {' '.join(reasons)}"] if reasons else [],
    )


def _factor(rows: pd.DataFrame, name: str) -> Cell:
    if name not in rows.index:
        return Cell("not there", None, note=True)
    row: Any = rows.loc[name]
    if row["status"]:
        return Cell(f"{row['status']}, {factor_words(row)}", float(row["log2_net"]), number=True)
    if not np.isfinite(row["log2_net"]):
        return Cell("no factor", None, note=True)
    return Cell(factor_words(row), float(row["log2_net"]), number=True)


def shifts_table(claims: TargetClaims) -> Table | None:
    """Tabulate length, interval and q of every shift in every target."""
    results = claims.results
    per_target = [results.rows_of(target) for target in results.targets]
    if not any(np.isfinite(own["shift_sd"]).any() for own in per_target):
        return None
    rows = [
        Row([words(p.name), *(_shift(own, p.name) for own in per_target)], (p.index,))
        for p in results.populations
    ]
    return Table(
        key="t-target-shifts",
        caption="Shift (SD) [95% interval over donors] and q in every target",
        columns=[
            Column("Population", number=False),
            *(Column(target, "Length in SD, interval, q") for target in results.targets),
        ],
        rows=rows,
        file="shifts_by_target",
    )


def _shift(rows: pd.DataFrame, name: str) -> Cell:
    row: Any = rows.loc[name] if name in rows.index else None
    if row is None or not np.isfinite(row["shift_sd"]):
        return Cell("too few cells", None, note=True)
    shown = text.fixed(row["shift_sd"])
    if np.isfinite(row["shift_low"]) and np.isfinite(row["shift_high"]):
        shown += f" {text.bracket(text.fixed_range(row['shift_low'], row['shift_high']))}"
    if np.isfinite(row["shift_q"]):
        shown += f", q {text.probability(row['shift_q'])}"
    return Cell(shown, float(row["shift_sd"]), number=True)
