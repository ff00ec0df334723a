"""Methods text, part on names: where the names of populations come from."""

from __future__ import annotations

from cgmm.report.sections.references import Citations
from cgmm.results.read import Results
from cgmm.tables import ANNOTATION, MARKER_TABLE, MIXED, UNCLEAR


def names_paragraph(results: Results, citations: Citations) -> str:
    """Write how populations were named; empty when only marker genes or numbers name them."""
    components = results.tables["components"]
    basis = set(components["named_from"].astype(str))
    sentences = []
    if ANNOTATION in basis:
        sentences.append("Populations are the labels of the annotation.")
    if basis & {MARKER_TABLE, MIXED, UNCLEAR}:
        sentences.append(
            "Populations were named by a table of marker genes: a univariate linear model of their "
            "mean log-expression, less that of all cells, on the signs of the markers of each cell "
            f"type {citations.cite('badiaimompel2022')}. The type with the "
            "largest t-value gave the name when at least half of its markers were raised; a second "
            "type with more than 0.7 of the t-value was named too (“mixed”)."
        )
    return " ".join(sentences)
