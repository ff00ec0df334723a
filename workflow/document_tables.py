"""Write the documentation of the result tables: ``python workflow/document_tables.py``.

The declarations in ``cgmm/tables.py`` give the columns in docs/results.md and the captions of
Snakemake's own report in workflow/report/tables.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from cgmm.tables import LONG, OF_TARGETS, TABLES, Table  # noqa: E402

PAGE = ROOT / "docs" / "results.md"
CAPTIONS = ROOT / "workflow" / "report" / "tables"
BEGIN, END = "<!-- columns of tables: begin -->", "<!-- columns of tables: end -->"
KINDS = {"text": "text", "whole": "whole number", "number": "number", "flag": "True or False"}


def caption(table: Table) -> str:
    """Return the caption of a table in Snakemake's own report."""
    wildcard = "family" if table.name in OF_TARGETS else "comparison"
    name = "{{ snakemake.wildcards." + wildcard + " }}"
    lines = [f"Comparison **{name}**: {table.meaning}.", ""]
    for column in table.columns:
        lines += [f"``{column.name}``", f"    {column.meaning}"]
    return "\n".join(lines) + "\n"


def columns() -> str:
    """Return the columns of every table in Markdown."""
    parts = []
    for table in (*TABLES.values(), *LONG, *OF_TARGETS.values()):
        lines = [f"**{table.file}**: {table.meaning}.", "", "| column | type | meaning |"]
        lines.append("|---|---|---|")
        lines += [f"| `{c.name}` | {KINDS[c.kind]} | {c.meaning} |" for c in table.columns]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def filled(text: str) -> str:
    """Return the text of the page with the columns as they are declared."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{columns()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    for each in (*TABLES.values(), *OF_TARGETS.values()):
        (CAPTIONS / f"{each.name}.rst").write_text(caption(each), encoding="utf-8")
