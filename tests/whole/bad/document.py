"""Write the catalogue as the table in docs/input.md: python -m tests.whole.bad.document."""

from __future__ import annotations

from pathlib import Path

from tests.whole.bad import arrays, commands, files, objects, pages, settings, steps
from tests.whole.bad.cases import Case

PAGE = Path(__file__).resolve().parents[3] / "docs" / "input.md"
BEGIN, END = "<!-- catalogue: begin -->", "<!-- catalogue: end -->"

AREAS: list[tuple] = [
    ("config.yaml", settings.CONFIG),
    ("The sample sheet", settings.SHEET),
    ("h5ad files", files.FILES),
    ("cgmm.tl.fit, annotate, fit_targets", objects.FIT),
    ("cgmm.tl.donors, genes; cgmm.get; cgmm.pl", objects.AFTER),
    ("cgmm.fit_coupled", arrays.FIT),
    ("cgmm.transport_cost, GaussianMixture", arrays.COST, arrays.MIXTURE),
    ("cgmm.pp", steps.STEPS),
    ("cgmm.simulate", arrays.SIMULATE),
    ("cgmm rerun", pages.PAGES),
    ("cgmm init; the code that is imported", commands.COMMANDS),
]


def table(cases: list[Case]) -> str:
    """Markdown table of some cases."""
    lines = ["| mistake | what is said |", "|---|---|"]
    for case in cases:
        says = case.says.replace("|", r"\|").replace("``", "")
        fence = "``" if "`" in says else "`"
        space = " " if fence == "``" else ""
        lines.append(f"| {case.mistake} | {fence}{space}{says}{space}{fence} |")
    return "\n".join(lines)


def filled(text: str) -> str:
    """Return the page with the catalogue of today."""
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    parts = [
        f"### {title}\n\n{table([case for one in tables for case in one])}"
        for title, *tables in AREAS
    ]
    return f"{before}{BEGIN}\n\n" + "\n\n".join(parts) + f"\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
