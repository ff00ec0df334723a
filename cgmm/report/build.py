"""Assemble the report of one comparison from its parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cgmm.report.claims.alerts import make_alerts
from cgmm.report.claims.cell_counts import disagreements
from cgmm.report.claims.influence import Influence, donor_sentences, driven_by_one, influences
from cgmm.report.claims.settled import sensitivity_sentence
from cgmm.report.claims.truth import truth_sentence
from cgmm.report.claims.verdict import Verdict, make_verdict
from cgmm.report.page import text
from cgmm.report.page.render import environment, json_island, write
from cgmm.report.sections import donors, flow, map_panels
from cgmm.report.sections.components import components_table
from cgmm.report.sections.donors import donors_table, influence_table, positions_table
from cgmm.report.sections.downloads import downloads
from cgmm.report.sections.factors import factors_table, forest_figure, more_factors_table
from cgmm.report.sections.fit import convergence_figure
from cgmm.report.sections.flow import arrivals_table, transfers_table
from cgmm.report.sections.genes import gene_map_figure, genes_table
from cgmm.report.sections.glossary import glossary
from cgmm.report.sections.maps import map_figures, views
from cgmm.report.sections.methods import make_methods
from cgmm.report.sections.provenance import make_provenance
from cgmm.report.sections.samples import samples_table
from cgmm.report.sections.sensitivity import sensitivity_figure, sensitivity_table
from cgmm.report.sections.shifts import shifts_figure, shifts_table
from cgmm.report.sections.truth import truth_figure, truth_table
from cgmm.results.read import Results, read_results

QUESTIONS = (
    ("factors", "Which grew or shrank most, and how sure?"),
    ("fig-gene-map", "Which genes?"),
    ("t-components", "What is each subpopulation?"),
    ("donors", "Which donor disagrees?"),
    ("sensitivity", "Would other settings say the same?"),
    ("methods", "What do I write in the methods?"),
)


def _facts(results: Results) -> list[tuple[str, str]]:
    """Count what went in, for the head of the page."""
    counts = results.meta.get("n_cells") or {}
    n0, n1 = results.donors_per_side()
    n_samples = len([s for s in results.meta.get("samples") or [] if isinstance(s, dict)])
    facts = [
        (text.count(counts[key]), f"cells in {name}")
        for key, name in (("source", results.source), ("target", results.target))
        if text.is_number(counts.get(key))
    ]
    if n_samples:
        facts.append((str(n_samples), "sample" if n_samples == 1 else "samples"))
    if not (n0 or n1):
        facts.append(("no", "donors given"))
    elif len(results.shared_donors()) == n0 == n1:
        facts.append((f"{n0}", "donors, each in both"))
    else:
        facts.append((f"{n0} + {n1}", "donors"))
    k0, k1 = len(results.tables["factors"]), len(results.tables["arrivals"])
    facts.append((f"{k0}" if k0 == k1 else f"{k0} → {k1}", "subpopulations"))
    return facts


def _no_donor_sentence(results: Results) -> str:
    return (
        "No donor column was given, so there is nothing to show per donor, and a change between "
        f"{results.source} and {results.target} cannot be told from a difference between the "
        "people sampled. Add a donor column to config/samples.tsv (at least three donors per "
        "condition) to get intervals over donors and tests."
    )


def _caveats(
    results: Results, verdict: Verdict, entries: list[Influence]
) -> dict[int, list[tuple[str, str]]]:
    """Collect what weakens a finding: the section that shows it, and the words."""
    found: dict[int, list[tuple[str, str]]] = {
        f.index: [("sensitivity", "not settled")] for f in verdict.findings if not f.settled
    }
    for entry in driven_by_one(entries, verdict):
        found.setdefault(entry.index, []).append(("donors", f"rests on {entry.donor}"))
    for other in disagreements(results):
        words = f"counted cell by cell, mainly {other.counted}"
        found.setdefault(results.index_of(other.name), []).append(("alerts", words))
    return found


def _figures(results: Results, verdict: Verdict) -> dict[str, Any]:
    return {
        "flow": flow.flow_figure(results),
        "heatmap": flow.heatmap_figure(results),
        "forest": forest_figure(results, verdict),
        "shifts": shifts_figure(results, verdict),
        "genes": gene_map_figure(results),
        "donors": donors.donors_figure(results, verdict),
        "positions": donors.positions_figure(results, verdict),
        "truth": truth_figure(results),
        "sensitivity": sensitivity_figure(results, verdict),
        "convergence": convergence_figure(results),
    }


def _tables(results: Results, verdict: Verdict, found: list[Influence]) -> dict[str, Any]:
    return {
        "factors": factors_table(results, verdict),
        "more_factors": more_factors_table(results, verdict),
        "arrivals": arrivals_table(results),
        "transfers": transfers_table(results),
        "shifts": shifts_table(results),
        "genes": genes_table(results),
        "components": components_table(results),
        "donors": donors_table(results),
        "positions": positions_table(results),
        "influence": influence_table(found),
        "sensitivity": sensitivity_table(results),
        "truth": truth_table(results),
        "samples": samples_table(results),
    }


def _context(results: Results, verdict: Verdict, title: str | None) -> dict[str, Any]:
    found = views(results)
    entries = influences(results, verdict)
    figures = _figures(results, verdict)
    data = {
        "names": [s.name for s in results.subpopulations],
        "colours": [s.colour for s in results.subpopulations],
        "sentences": [f.sentence for f in verdict.findings],
        "stem": results.folder.name,
        "cells": map_panels.island(results, found),
    }
    made = _tables(results, verdict, entries)
    alerts = make_alerts(results, verdict, entries)
    present = {"fig-gene-map": figures["genes"], "t-components": made["components"]}
    return {
        "title": title or results.title,
        "results": results,
        "facts": _facts(results),
        "verdict": verdict,
        "alerts": alerts,
        "warnings": [a for a in alerts if a.level == "warning"],
        "questions": [(key, words) for key, words in QUESTIONS if present.get(key, True)],
        "figures": figures,
        "maps": map_figures(results, found),
        "tables": made,
        "no_donors": _no_donor_sentence(results),
        "caveats": _caveats(results, verdict, entries),
        "donor_sentences": donor_sentences(entries, verdict),
        "donor_notices": results.donor_notices,
        "sensitivity_sentence": sensitivity_sentence(results),
        "truth_sentence": truth_sentence(results),
        "methods": make_methods(results, tested=verdict.tested),
        "provenance": make_provenance(results),
        "downloads": downloads(results),
        "glossary": glossary(results),
        "island": json_island(data),
        "recipe": json_island(results.meta["recipe"]) if "recipe" in results.meta else None,
    }


def build(folder: Path, out: Path, *, title: str | None = None) -> Path:
    """Write the report of one comparison.

    Parameters
    ----------
    folder
        ``results/{comparison}``: the tables, ``cells.tsv.gz`` and ``report.json``.
    out
        HTML file to write; its folder is created.
    title
        Heading; default: the title of report.json, else "source → target".

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    FileNotFoundError, ValueError
        When files are absent or contradict each other (see `cgmm.results.read`).
    """
    results = read_results(Path(folder))
    context = _context(results, make_verdict(results), title)
    return write(Path(out), environment().get_template("report.html.j2").render(context))
