"""What the page says, for programs: ``findings.json``, and a row for MultiQC."""

from __future__ import annotations

from pathlib import Path

from cgmm._utils.strict_json import write_json
from cgmm.report.claims.claims import make_claims
from cgmm.report.claims.document import findings_document
from cgmm.report.multiqc import multiqc_content
from cgmm.results.read import read_results


def build_twins(folder: Path, findings: Path, multiqc: Path, *, title: str | None = None) -> None:
    """Write the claims of a report as JSON, and the row of the comparison for MultiQC.

    Parameters
    ----------
    folder
        ``results/{comparison}``, as for :func:`cgmm.report.build`.
    findings
        JSON file with every claim of the page; ``findings.schema.json`` describes it.
    multiqc
        JSON file for MultiQC; its name must end in ``_mqc.json``.
    title
        Heading of the report; default: the title of report.json, else "source → target".

    Raises
    ------
    FileNotFoundError, ValueError
        When files are absent or contradict each other (see `cgmm.results.read`).
    """
    claims = make_claims(read_results(Path(folder), title=title))
    made = {findings: findings_document(claims), multiqc: multiqc_content(claims)}
    for path, content in made.items():
        write_json(content, Path(path))
