"""Alerts where the leading genes point to handling of the tissue, or to who the donors are."""

from __future__ import annotations

from cgmm.genes.suspects import FIRST, HANDLING, suspects
from cgmm.report.claims.alert import Alert
from cgmm.report.claims.findings import leading_genes
from cgmm.report.claims.states import Level
from cgmm.report.claims.verdict import Verdict
from cgmm.report.page import text
from cgmm.results.read import Results

_OF = {
    "dissociation": "genes that dissociation of a tissue switches on",
    "stress": "genes of heat shock",
    "mitochondrial": "genes of mitochondria",
    "sex": "genes of one sex",
    "genotype": "genes that not every person carries",
}
_HANDLED = (
    "Check whether both conditions were dissociated, stored and run in the same way and by the "
    "same clock. Where they were not, these genes, and shifts that they lead, are no evidence of "
    "an effect of the condition."
)
_DAMAGED = (
    "Damaged cells lose other RNA first, so these genes rise and fall with the quality of the "
    "cells. Compare the percentage of mitochondrial counts of the samples in the section Samples. "
    "Where it differs between the conditions, run again with a limit (qc: max_pct_mt in "
    "config/config.yaml), and see whether the change stays."
)
_PEOPLE = (
    "Compare the sex of the donors of both conditions; put it into the design "
    "(donors: design in config/config.yaml) where donors allow, and do not report these genes as "
    "an effect of the condition."
)
_SAME_SEX = (
    "The donors are the same in both conditions, so which of these genes they carry cannot differ, "
    "and the condition seldom changes how much is made of them. A clear change points to swapped "
    "samples, or to a donor who gives most cells of one condition."
)
_SAME_GENOTYPE = (
    "The donors are the same in both conditions, so who carries these genes cannot differ. Their "
    "expression in carriers can: interferon raises HLA genes, for instance. Look at every donor: a "
    "gene that is on in one condition only points to swapped samples; a gene that changes in all "
    "carriers can be an effect of the condition."
)
_SAME_DONORS = {"sex": _SAME_SEX, "genotype": _SAME_GENOTYPE}


def suspect_alerts(results: Results, verdict: Verdict) -> list[Alert]:
    """Return alerts on the genes that lead the shared response, or the shift of a population.

    Parameters
    ----------
    results
        A checked results folder.
    verdict
        Its findings and its shared genes.
    """
    shared = suspects([gene for gene, _, _ in verdict.common_genes])
    alerts = [
        Alert(
            Level.WARNING,
            f"The shared response is led by {_OF[found.list]}",
            f"Among its first {FIRST} genes: {text.join(found.genes)}.",
            _advice(results, found.list),
        )
        for found in shared
    ]
    return alerts + _of_populations(results, verdict, {found.list for found in shared})


def _of_populations(results: Results, verdict: Verdict, known: set[str]) -> list[Alert]:
    """Name the populations whose own first genes are of a list that the shared ones are not of."""
    where: dict[str, list[str]] = {}
    for finding in verdict.findings:
        genes = [gene for gene, _ in leading_genes(results, finding.name, FIRST)]
        for found in suspects(genes):
            if found.list not in known:
                said = f"{finding.name} ({text.join_some(found.genes, 3)})"
                where.setdefault(found.list, []).append(said)
    return [
        Alert(
            Level.WARNING if 2 * len(said) > len(verdict.findings) else Level.NOTE,
            f"Changes led by {_OF[name]}",
            f"Among the first {FIRST} genes of {text.join_some(said, 4)}.",
            _advice(results, name),
        )
        for name, said in where.items()
    ]


def _advice(results: Results, name: str) -> str:
    if name in HANDLING:
        return _DAMAGED if name == "mitochondrial" else _HANDLED
    n0, n1 = results.donors_per_side()
    paired = n0 and len(results.shared_donors()) == n0 == n1
    return _SAME_DONORS[name] if paired else _PEOPLE
