"""Section on factors: what became more or less common, and how sure that is."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from cgmm.report.claims.claims import Claims
from cgmm.report.claims.finding import Finding
from cgmm.report.claims.finding_words import brief
from cgmm.report.claims.states import Prevalence
from cgmm.report.claims.wording import Wording
from cgmm.report.page import text
from cgmm.report.page.forest import fold_axis_marks, fold_mark
from cgmm.report.page.svg import (
    NARROW,
    NARROW_STEP,
    STEP,
    WIDTH,
    Figure,
    FoldAxis,
    drawing,
    el,
    label,
    names_width,
    tip,
)
from cgmm.report.sections.effects import design_paragraphs, effects_table
from cgmm.report.sections.factor_tables import factors_table
from cgmm.report.sections.section import Paragraph, Section, present
from cgmm.results.read import Results, each
from cgmm.tables import DIFFERS, NO_COMPONENT


def section(claims: Claims) -> Section:
    """Return the section on factors."""
    return Section(
        key="factors",
        title=claims.verdict.words.factors_title,
        link=claims.verdict.words.prevalence,
        parts=[
            Paragraph(_what_they_are(claims.results)),
            *design_paragraphs(claims.results),
            forest_figure(claims),
            *_notices(claims.results),
            factors_table(claims),
            *present(effects_table(claims.results)),
        ],
        questions=[
            (
                "factors",
                "Which grew or shrank most, and how sure?"
                if claims.verdict.tested
                else "Which shares differ most?",
            )
        ],
    )


def _what_they_are(results: Results) -> str:
    """Write what a population of this report is."""
    if results.annotated:
        return (
            "Populations are the labels of your annotation. Each factor is counted from these "
            "labels, per donor where donors are given; the fit does not enter it."
        )
    return (
        "No annotation was used, so populations were found: groups of cells of both conditions "
        "that belong together once the change of state is allowed for, as fine as the change of "
        "prevalence can be told apart. Each factor is counted over these cells, per donor where "
        "donors are given."
    )


def _notices(results: Results) -> list[Paragraph]:
    """Write where the components of the fit say something else, and what follows."""
    made = []
    table = results.tables["factors"]
    unseen = table.loc[table["fit_says"] == NO_COMPONENT, "name"]
    if len(unseen):
        made.append(
            Paragraph(
                f"No component of its own: {text.join_some(list(unseen))}. The fit sees these "
                "cells as a part of their neighbours, so their states and who they became are "
                "less certain; their factor, which is counted over their cells, is not affected.",
                "notice",
            )
        )
    other = table.loc[table["fit_says"] == DIFFERS]
    if len(other):
        pairs = [
            f"{row.name} ({text.fold(row.log2_net)} by its cells, {text.fold(row.log2_net_fit)} "
            "by the fit)"
            for row in each(other)
        ]
        made.append(
            Paragraph(_two_factors(text.join(pairs), annotated=results.annotated), "notice")
        )
    return made


def _two_factors(pairs: str, *, annotated: bool) -> str:
    """Write that a target cell counts elsewhere in the fit, and what to do."""
    look = "Look at these populations on the map before you quote either number."
    if annotated:
        return (
            f"The components of the fit give another factor: {pairs}. In the fit a target cell "
            f"counts for the source cells that it resembles, whatever its label. {look}"
        )
    return (
        f"Two ways of counting disagree: {pairs}. In the fit a target cell counts for the "
        f"population of the source cell that it is assigned to. No change is reported here. {look}"
    )


def _axis_limit(findings: list[Finding]) -> float:
    """Return where the axis ends; what is gone, and the widest tenth of the ends, lie beyond."""
    there = [f for f in findings if f.prevalence is not Prevalence.GONE]
    values = [abs(f.log2_net) for f in there if np.isfinite(f.log2_net)]
    ends = [abs(v) for f in there if f.has_interval for v in (f.ci_low, f.ci_high)]
    values += [float(np.percentile(ends, 90))] if ends else []
    return float(np.clip(np.ceil(max(values, default=1.0) * 1.05 * 2) / 2, 1.0, 5.0))


def forest_figure(claims: Claims) -> Figure:
    """Draw the net factor of every source population with its interval over donors."""
    results, verdict = claims.results, claims.verdict
    rows = [f for f in verdict.findings if np.isfinite(f.log2_net)]
    rows = sorted(rows, key=lambda f: -f.log2_net)
    others = [f for f in verdict.findings if not np.isfinite(f.log2_net)]
    left = names_width([f.name for f in (*rows, *others)]) + 10
    x = FoldAxis(left, WIDTH - 190.0, _axis_limit(rows))
    top = 44.0
    bottom = top + STEP * (len(rows) + len(others))
    said = verdict.words
    parts = fold_axis_marks(x, top, bottom, ends=(said.rarer, said.commoner))
    for i, f in enumerate((*rows, *others)):
        parts.append(_forest_row(results, f, top + STEP * (i + 0.5), x))
    words = {
        "title": "Net prevalence factors",
        "text": "One dot per population on a log scale, with 95% intervals where donors allow. "
        "The factor table below has every value.",
        "key": "factors-forest",
    }
    intervals = (
        "The line is the 95% interval over donors: a line that crosses ×1 fits with no change. "
        "Hollow dots have no interval. "
        if verdict.tested
        else "Dots are hollow because no interval over donors is available. "
    )
    return Figure(
        key="factors-forest",
        title=said.forest_title,
        svg=drawing(parts, width=WIDTH, height=bottom + 34, **words),
        narrow=_narrow_forest(results, [*rows, *others], _axis_limit(rows), words, said),
        reading=(
            "Each dot is how much more (right, orange) or less (left, blue) common a "
            f"population is in {results.target} than in {results.source} (its net factor); ×2 "
            "is twice the share of cells. The grey band is within 1.5-fold. "
            f"{intervals}Factors are relative: all shares add up to 100%."
        ),
    )


def _narrow_forest(
    results: Results, rows: list[Finding], limit: float, words: dict[str, str], said: Wording
) -> Markup:
    """Draw the rows for a phone: name and number stand above the mark."""
    x, top = FoldAxis(10.0, NARROW - 10.0, limit), 44.0
    bottom = top + NARROW_STEP * len(rows)
    parts = fold_axis_marks(x, top, bottom, beside=False, ends=(said.rarer, said.commoner))
    for i, f in enumerate(rows):
        y = top + NARROW_STEP * (i + 0.5)
        above = (NARROW - 8.0, y - 10, "end")
        parts.append(
            el(
                "g",
                tip(_hover(f)),
                el("rect", x=0, y=y - 20, width=NARROW, height=40, class_="row-hit"),
                label(results.short(f.name, 27), 8, y - 10, class_="halo"),
                *(
                    _forest_mark(f, y + 9, x, above)
                    if np.isfinite(f.log2_net)
                    else [label(_without_counterpart(results, f), *above[:2], anchor="end")]
                ),
                class_="mark row",
                data_s=f.index,
            )
        )
    return drawing(parts, width=NARROW, height=bottom + 34, **words)


def _hover(f: Finding) -> str:
    hover = f"{f.name}: {f.sentence}"
    return f"{hover}. {f.reason}" if f.reason and not f.has_interval else hover


def _forest_row(results: Results, f: Finding, y: float, x: FoldAxis) -> Markup:
    hover = _hover(f)
    return el(
        "g",
        tip(hover),
        el("rect", x=0, y=y - 12, width=WIDTH, height=24, class_="row-hit"),
        label(results.short(f.name, 27), x.start - 10, y, anchor="end"),
        *(_forest_mark(f, y, x) if np.isfinite(f.log2_net) else _no_counterpart(results, f, y, x)),
        class_="mark row",
        data_s=f.index,
    )


def _without_counterpart(results: Results, f: Finding) -> str:
    words = f"{text.percent(f.share_target)} of {text.short(results.target, 14)}"
    if f.prevalence is Prevalence.UNKNOWN:
        return words
    start = "new" if results.tables["factors"]["q"].notna().any() else "only there"
    return f"{start} ({words})"


def _no_counterpart(results: Results, f: Finding, y: float, x: FoldAxis) -> list[Markup]:
    words = _without_counterpart(results, f)
    none = f"none of its own in {text.short(results.source, 20)}"
    return [
        label(none, x(0), y, anchor="middle", class_="tick halo"),
        label(words, x.end + 24, y),
    ]


def _forest_mark(
    f: Finding, y: float, x: FoldAxis, at: tuple[float, float, str] | None = None
) -> list[Markup]:
    words = text.fold(f.log2_net)
    if f.has_interval:
        words += f" {text.bracket(text.fold_range(f.ci_low, f.ci_high))}"
    if f.prevalence is Prevalence.GONE:
        words = f"{brief(f)} ({words})"
    ends = (f.ci_low, f.ci_high) if f.has_interval else None
    return fold_mark(f.log2_net, ends, y, x, kind=f.prevalence.direction, words=words, at=at)
