"""Methods text, part on names: where the names of subpopulations come from."""

from __future__ import annotations

from cgmm.report.sections.references import Citations
from cgmm.results.read import Results
from cgmm.tables import ANNOTATION, MARKER_TABLE, MIXED, POPULATION, UNCLEAR


def names_paragraph(results: Results, citations: Citations) -> str:
    """Write how subpopulations were named; empty when only marker genes or numbers name them."""
    components = results.tables["components"]
    basis = set(components["named_from"].astype(str))
    sentences = []
    if ANNOTATION in basis:
        sentences.append("Subpopulations were named by the annotation of most of their cells.")
    by_table = POPULATION in basis and bool((components["best_type"] != "").any())
    if by_table or basis & {MARKER_TABLE, MIXED, UNCLEAR}:
        whose = "Subpopulations without an annotation" if sentences else "Subpopulations"
        whose = "Populations" if by_table else whose
        sentences.append(
            f"{whose} were named by a table of marker genes: a univariate linear model of the mean "
            "log-expression of the cells, less that of all cells, on the signs of the "
            f"markers of each cell type {citations.cite('badiaimompel2022')}. The type with the "
            "largest t-value gave the name when at least half of its markers were raised; a second "
            "type with more than 0.7 of the t-value was named too (“mixed”)."
        )
    return " ".join(sentences)
