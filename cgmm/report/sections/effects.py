"""What the design of the donors estimates: adjusted changes, interactions, what could be seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from cgmm.report.claims.calibration import null_sentence, own_calibration
from cgmm.report.page import text
from cgmm.report.page.table import Column, Row, Table, any_finite, interval, number, without, words
from cgmm.report.sections.section import Paragraph
from cgmm.results.read import Results, each

MAX_ROWS = 500


def design_paragraphs(results: Results) -> list[Paragraph]:
    """Write what changes are adjusted for, and how many calls are made where nothing changed."""
    sentence = str(results.donor_settings.get("design_sentence") or "")
    made = [Paragraph(sentence)] if sentence else []
    sentences = [null_sentence(results), *own_calibration(results)]
    return made + [Paragraph(words) for words in sentences if words]


def effects_table(results: Results) -> Table | None:
    """List every change that the design estimates, and the smallest that could have been seen.

    None where nothing was tested: the table of factors has the reason.
    """
    table = results.tables["effects"]
    if not any_finite(table["ci_low"]) and not any_finite(table["log2_visible"]):
        return None
    n_rows, table = len(table), table.head(MAX_ROWS)
    several = table["contrast"].nunique() > 1
    if not several:  # as in the table above
        order = table["name"].map({p.name: p.index for p in results.populations})
        table = table.iloc[np.argsort(order.fillna(len(order)), kind="stable")]
    rows = [_row(r) for r in each(table)]
    made = Table(
        key="t-effects",
        caption="Every change that the design estimates, and what could have been seen"
        if several
        else "What could have been seen with these donors",
        columns=[
            Column("Change", number=False),
            Column("Population", number=False),
            Column(
                "Factor",
                "Of the share; for a difference of changes, how many times more than if the "
                "condition did the same in both",
            ),
            Column("95% interval", "Over donors"),
            Column("q", "Benjamini-Hochberg over the populations of a change"),
            Column("p by exchange", "Freedman-Lane: residuals exchanged within pairs or batches"),
            Column("Visible from", "Factor upwards that 80% of repeats of the study would find"),
            Column("Donors for ×2", "Per condition (or pairs): 80% of repeats find twofold"),
            Column("Absolute factor", "Of the number of cells, by counts_key"),
            Column("Absolute interval", "95%, over donors"),
            Column(
                "Shift",
                "Of the mean cell, in SD; for a difference of changes, how far the two "
                "displacements lie apart",
            ),
            Column("q of the shift", "Benjamini-Hochberg over the populations of a change"),
            Column("Factors that differ", number=False),
        ],
        rows=rows,
        file="effects.tsv",
        notes=[f"The first {MAX_ROWS} of {n_rows} rows."] if n_rows > MAX_ROWS else [],
    )
    hidden = [] if several else ["Change"]
    if not any_finite(table["log2_absolute"]):
        hidden += ["Absolute factor", "Absolute interval"]
    if not any_finite(table["p_permutation"]):
        hidden.append("p by exchange")
    if not any_finite(table["shift_sd"]):
        hidden += ["Shift", "q of the shift"]
    if not (table["kind"] == "interaction").any():
        hidden.append("Factors that differ")
    return without(made, *hidden)


def _row(r: Any) -> Row:
    """Return the cells of one change of one population."""
    return Row(
        [
            words(r.contrast),
            words(r.name),
            number(r.log2_change, text.fold),
            interval(r.ci_low, r.ci_high, text.fold_range, r.reason or "not estimated"),
            number(r.q, text.probability, "not tested"),
            number(r.p_permutation, text.probability, "too few exchanges"),
            number(r.log2_visible, text.fold, "not tested"),
            number(r.donors_for_twofold, text.count, _many(r.donors_for_twofold)),
            number(r.log2_absolute, text.fold, "no counts"),
            interval(r.absolute_low, r.absolute_high, text.fold_range, "no counts"),
            number(r.shift_sd, _sd, "not estimated"),
            number(r.shift_q, text.probability, r.shift_reason or "not tested"),
            words(r.words if r.kind == "interaction" else ""),
        ]
    )


def _sd(value: float) -> str:
    return f"{value:.2f}"


def _many(value: float) -> str:
    return "over 1000" if np.isposinf(value) else "not estimated"
