"""Section on samples: what was read, kept and dropped, quality, composition, and who is alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cgmm.report.claims.claims import Claims
from cgmm.report.page import text
from cgmm.report.page.table import Column, Row, Table, any_finite, number, without, words
from cgmm.report.sections.composition import composition_figure
from cgmm.report.sections.methods_data import limits_of_cells
from cgmm.report.sections.quality_strips import HEADS, quality_figure
from cgmm.report.sections.sample_map import sample_map_figure
from cgmm.report.sections.section import Paragraph, Section, present
from cgmm.results.read import Results, each

NO_BATCHES = (
    "No batches were given (column batch of the sample sheet), so nothing here tells a difference "
    "between batches from a difference between the conditions."
)


def section(claims: Claims) -> Section:
    """Return the section on samples and quality control."""
    results = claims.results
    table = samples_table(results)
    return Section(
        key="qc",
        title="Samples and quality control",
        link="Samples",
        parts=present(
            table or Paragraph("The results folder has no table of samples.", "absent"),
            None if table is None or _has_batches(results) else Paragraph(NO_BATCHES),
            quality_figure(results)
            or Paragraph(
                "The cells have no numbers of genes and counts, so their quality is not shown.",
                "absent",
            ),
            quality_table(results),
            composition_figure(results),
            sample_map_figure(results),
        ),
        questions=[("qc", "Are the samples good?")] if table else [],
    )


def _has_batches(results: Results) -> bool:
    return bool((results.tables["samples"]["batch"] != "").any())


def samples_table(results: Results) -> Table | None:
    """List the samples: who they are, how many cells were read and kept, and why others were not.

    None without samples.
    """
    table = results.tables["samples"]
    if table.empty:
        return None
    rows = []
    for r in each(table):
        kept = r.n_cells / r.n_cells_read if r.n_cells_read > 0 else np.nan
        cells = [
            words(r.sample),
            words(r.condition),
            words(r.donor, "not given"),
            words(r.batch, "not given"),
            number(r.n_cells_read, text.count, "not known"),
            number(r.n_cells, text.count),
            number(kept, text.percent, "not known"),
            number(r.n_few_genes, text.count, "not known"),
            number(r.n_mitochondrial, text.count, "not known"),
        ]
        rows.append(Row(cells))
    limits = limits_of_cells(results)
    made = Table(
        key="t-samples",
        caption="Samples, and the cells that quality control dropped",
        columns=[
            Column("Sample", number=False),
            Column("Condition", number=False),
            Column("Donor", number=False),
            Column("Batch", number=False),
            Column("Cells read"),
            Column("Cells kept", "Cells that passed quality control"),
            Column("Kept"),
            Column("Few genes", f"Dropped: {_limit(limits, 'min_genes', 'fewer genes than')}"),
            Column("Mitochondrial", f"Dropped: {_limit(limits, 'max_pct_mt', 'percent above')}"),
        ],
        rows=rows,
        file="samples.tsv",
    )
    unused = {"Few genes": "n_few_genes", "Mitochondrial": "n_mitochondrial"}
    hidden = [head for head, name in unused.items() if not any_finite(table[name])]
    if not _has_batches(results):
        hidden.append("Batch")
    return without(made, *hidden)


def _limit(limits: Mapping[str, Any], name: str, words: str) -> str:
    """Write the limit that drops cells."""
    value = limits.get(name)
    return f"{words} {value:g}" if text.is_number(value) else "none, there is no limit"


def quality_table(results: Results) -> Table | None:
    """List the quantiles of every measure of every sample; None without measures."""
    table = results.tables["sample_quality"]
    if table.empty:
        return None
    columns = ("p5", "p25", "median", "p75", "p95")
    return Table(
        key="t-quality",
        caption="Quality of the cells of every sample",
        columns=[
            Column("Sample", number=False),
            Column("Condition", number=False),
            Column("Measure", number=False),
            Column("5%", "5% of the cells are below"),
            Column("25%", "A quarter of the cells are below"),
            Column("Median"),
            Column("75%", "Three quarters of the cells are below"),
            Column("95%", "95% of the cells are below"),
        ],
        rows=[
            Row(
                [
                    words(r.sample),
                    words(r.condition),
                    words(HEADS.get(r.measure, r.measure)),
                    *(number(getattr(r, c), _measure) for c in columns),
                ]
            )
            for r in each(table)
        ],
        file="sample_quality.tsv",
        open=False,
        notes=["Of the cells that were kept."],
    )


def _measure(value: float) -> str:
    return text.count(value) if abs(value) >= 100 else f"{value:.3g}"
