"""Section on the annotated populations: how prevalent each became, by its labels."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from cgmm.report.claims.claims import Claims
from cgmm.report.claims.populations import Population, Populations
from cgmm.report.claims.states import Prevalence
from cgmm.report.page import text
from cgmm.report.page.forest import fold_axis_marks, fold_mark
from cgmm.report.page.svg import (
    STEP,
    WIDTH,
    Figure,
    FoldAxis,
    about,
    drawing,
    el,
    label,
    names_width,
    tip,
)
from cgmm.report.page.table import Column, Row, Table, interval, number, words
from cgmm.report.sections.section import Paragraph, Section, present
from cgmm.results.read import Results
from cgmm.tables import DIFFERS, NO_COMPONENT


def section(claims: Claims) -> Section | None:
    """Return the section on annotated populations; None without an annotation."""
    populations = claims.populations
    if not populations.all:
        return None
    return Section(
        key="populations",
        title="Your populations: what became more or less common",
        link="Your populations",
        parts=present(
            _opening(),
            forest_figure(claims.results, populations),
            *_notices(populations),
            populations_table(claims.results, populations),
        ),
        questions=[("populations", "Which cell types grew or shrank, and how sure?")],
    )


def _opening() -> Paragraph:
    return Paragraph(
        "Rows are the labels of your annotation. Each factor is computed from these labels alone, "
        "per donor where donors are given, without the fitted model. Changes of state within a "
        "population are in the sections below."
    )


def _notices(populations: Populations) -> list[Paragraph]:
    """Write where fit and labels disagree, and what follows."""
    made = []
    if unseen := populations.saying(NO_COMPONENT):
        names = text.join_some([p.name for p in unseen])
        made.append(
            Paragraph(
                f"No subpopulation of its own: {names}. Below, transfers, shifts and genes of "
                "these cells are part of the numbers of neighbouring subpopulations.",
                "notice",
            )
        )
    if other := populations.saying(DIFFERS):
        pairs = [
            f"{p.name} ({text.fold(p.log2_net)} by labels, {text.fold(p.log2_net_fit)} by the fit)"
            for p in other
        ]
        made.append(
            Paragraph(
                f"Labels and fit differ more than 1.5-fold: {text.join(pairs)}. In the fit, a "
                "target cell counts for the source cells that it resembles, whatever its label. "
                "Look at these populations on the map before you quote either number.",
                "notice",
            )
        )
    return made


def forest_figure(results: Results, populations: Populations) -> Figure:
    """Draw the factor of every population with its interval over donors."""
    rows = sorted(populations.all, key=lambda p: -p.log2_net)
    left = names_width([p.name for p in rows]) + 10
    ends = [abs(v) for p in rows for v in (p.log2_net, p.ci_low, p.ci_high) if np.isfinite(v)]
    limit = float(np.clip(np.ceil(max(ends, default=1.0) * 2) / 2, 1.0, 5.0))
    x = FoldAxis(left, WIDTH - 190.0, limit)
    top, bottom = 44.0, 44.0 + STEP * len(rows)
    parts = fold_axis_marks(x, top, bottom)
    parts += [_row(p, top + STEP * (i + 0.5), x) for i, p in enumerate(rows)]
    how_sure = (
        "The line is the 95% interval over donors. Filled dots in colour have q under 0.05. Grey "
        "dots: no clear change, or one condition lacks the population. Hollow: no interval. "
        if populations.tested
        else "Dots are hollow because no interval over donors is available. "
    )
    return Figure(
        key="populations-forest",
        title="How much more or less common each population became",
        svg=drawing(
            parts,
            width=WIDTH,
            height=bottom + 34,
            title="Factors of annotated populations",
            text="One dot per label on a log scale, with 95% intervals where donors allow. The "
            "table below has every value.",
            key="populations-forest",
        ),
        reading=(
            "Each dot is the typical share of a population in a donor of "
            f"{results.target}, divided by that in {results.source}; ×2 is twice the share. The "
            f"grey band is within 1.5-fold. {how_sure}Factors are relative: all shares add up to "
            "100%."
        ),
    )


def _row(p: Population, y: float, x: FoldAxis) -> Markup:
    hover = f"{p.name}: {p.prevalence.words}, {p.number}"
    if p.reason:
        hover += f". {p.reason}"
    return el(
        "g",
        tip(hover),
        el("rect", x=0, y=y - 12, width=WIDTH, height=24, class_="row-hit"),
        label(text.short(p.name, 27), x.start - 10, y, anchor="end"),
        *fold_mark(
            p.log2_net,
            (p.ci_low, p.ci_high) if p.has_interval else None,
            y,
            x,
            kind=p.prevalence.direction,
            words=_number(p),
        ),
        class_="mark row",
        **about(p.parts),
    )


def _number(p: Population) -> str:
    number = text.fold(p.log2_net)
    if p.has_interval:
        number += f" {text.bracket(text.fold_range(p.ci_low, p.ci_high))}"
    one_sided = p.prevalence in {Prevalence.GONE, Prevalence.NEW}
    return f"{p.prevalence.words} ({number})" if one_sided else number


def populations_table(results: Results, populations: Populations) -> Table:
    """List every population with its factor, interval and test, and the factor by the fit."""
    rows = [
        Row(
            [
                words(p.name),
                words(p.prevalence.brief),
                number(p.log2_net, text.fold),
                interval(p.ci_low, p.ci_high, text.fold_range, p.reason or "not estimated"),
                number(p.q, text.probability, "not tested"),
                number(p.share_source, text.percent),
                number(p.share_target, text.percent),
                number(p.n_cells, text.count),
                number(p.n_cells_target, text.count),
                number(p.log2_net_fit, text.fold, "no component"),
                words(_fit_words(p)),
            ],
            p.parts,
        )
        for p in sorted(populations.all, key=lambda p: -p.share_source)
    ]
    return Table(
        key="t-populations",
        caption="Every population of your annotation",
        columns=[
            Column("Population", number=False),
            Column("Change", "A change needs q under 0.05", number=False),
            Column("Factor", "Typical share in the target over that in the source"),
            Column("95% interval", "Over donors; leaves out ×1 exactly where p is under 0.05"),
            Column("q", "Benjamini-Hochberg over the populations that are tested"),
            Column(f"Share in {results.source}", "Typical share of a donor"),
            Column(f"Share in {results.target}", "Typical share of a donor"),
            Column(f"Cells in {results.source}"),
            Column(f"Cells in {results.target}"),
            Column("Factor by the fit", "By the fitted model, which does not see the labels"),
            Column("Fit and labels", number=False),
        ],
        rows=rows,
        file="populations.tsv",
    )


def _fit_words(p: Population) -> str:
    if p.fit_says == NO_COMPONENT:
        return "no subpopulation of its own"
    return "differ more than 1.5-fold" if p.fit_says == DIFFERS else "agree"
