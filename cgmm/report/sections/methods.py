"""Methods text for a paper, from the parameters really used, and its references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cgmm.report.claims.claims import Claims
from cgmm.report.sections.methods_data import data_paragraph, version
from cgmm.report.sections.methods_effects import effects_paragraph
from cgmm.report.sections.methods_model import model_paragraph
from cgmm.report.sections.methods_names import names_paragraph
from cgmm.report.sections.references import Citations, Reference
from cgmm.report.sections.section import Section
from cgmm.results.read import Results


@dataclass(frozen=True)
class Methods:
    """Paragraphs and the references they cite, in order of first mention."""

    paragraphs: list[str]
    references: list[Reference]


def section(claims: Claims) -> Section:
    """Return the section with the methods text."""
    return Section(
        key="methods",
        title="Methods text",
        template="methods.html.j2",
        data=make_methods(claims.results, tested=claims.verdict.tested),
        questions=[("methods", "What do I write in the methods?")],
    )


def make_methods(results: Results, *, tested: bool) -> Methods:
    """Write the methods paragraphs.

    Parameters
    ----------
    results
        A checked results folder.
    tested
        Whether any interval over donors was computed.
    """
    citations = Citations()
    paragraphs = [
        data_paragraph(results, citations),
        model_paragraph(results, citations),
        effects_paragraph(results, citations, tested=tested),
    ]
    if names := names_paragraph(results, citations):
        paragraphs.append(names)
    paragraphs.append(
        f"The workflow was run with Snakemake{version(results, 'snakemake')} "
        f"{citations.cite('moelder2021')}; all parameters, versions and SHA-256 checksums "
        "of the input files are listed with the results."
    )
    references = citations.references()
    source = results.meta.get("data_source")
    if isinstance(source, Mapping) and source.get("citation"):
        references.append(Reference("Data", str(source["citation"])))
    return Methods(paragraphs, references)
