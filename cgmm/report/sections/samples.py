"""Section on samples and quality control."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cgmm.report.claims.claims import Claims
from cgmm.report.page import text
from cgmm.report.page.table import IDENTITY, Cell, Column, Row, Table, number, shown_value, words
from cgmm.report.sections.section import Paragraph, Section
from cgmm.results.read import Results

MEASURES = {
    "median_genes": "Median genes",
    "median_counts": "Median counts",
    "pct_mt": "% mitochondrial",
    "median_pct_mt": "% mitochondrial",
}


def section(claims: Claims) -> Section:
    """Return the section on samples and quality control."""
    return Section(
        key="qc",
        title="Samples and quality control",
        link="Samples",
        parts=[
            samples_table(claims.results)
            or Paragraph("No samples are listed in report.json.", "absent")
        ],
    )


def _measure(value: Any) -> Cell:
    if not text.is_number(value):
        return words(shown_value(value))
    return number(value, lambda v: text.count(v) if abs(v) >= 100 else f"{v:.3g}")


def _measures(results: Results) -> dict[str, Mapping[str, Any]]:
    """Return the measures of each sample, from a list or a mapping."""
    qc = results.meta.get("qc") or {}
    if isinstance(qc, list):
        qc = {str(q.get("sample")): q for q in qc if isinstance(q, Mapping)}
    if not isinstance(qc, Mapping):
        return {}
    return {str(k): v for k, v in qc.items() if isinstance(v, Mapping)}


def samples_table(results: Results) -> Table | None:
    """List the samples: identity from the block `samples`, measures from the block `qc`."""
    listed = [s for s in results.meta.get("samples") or [] if isinstance(s, Mapping)]
    if not listed:
        return None
    measured = _measures(results)
    found = [key for s in listed for key in measured.get(str(s.get("sample")), {})]
    extra = [key for key in dict.fromkeys(found) if key not in IDENTITY]
    rows = []
    for s in listed:
        own = measured.get(str(s.get("sample")), {})
        read, kept = s.get("n_cells_read"), s.get("n_cells_kept")
        ratio = kept / read if text.is_number(read) and text.is_number(kept) and read else None
        cells = [
            *(words(shown_value(s.get(key))) for key in ("sample", "condition", "donor", "batch")),
            number(read, text.count),
            number(kept, text.count),
            number(ratio, text.percent),
            *(_measure(own.get(key)) for key in extra),
        ]
        rows.append(Row(cells))
    return Table(
        key="t-samples",
        caption="Samples and quality control",
        columns=[
            Column("Sample", number=False),
            Column("Condition", number=False),
            Column("Donor", number=False),
            Column("Batch", number=False),
            Column("Cells read"),
            Column("Cells kept", "Cells that passed quality control"),
            Column("Kept"),
            *(Column(MEASURES.get(key, key.replace("_", " "))) for key in extra),
        ],
        rows=rows,
        file="samples",
    )
