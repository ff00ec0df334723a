"""Assemble the report of one comparison from its parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cgmm.report import tables, text
from cgmm.report.alerts import make_alerts
from cgmm.report.counted import disagreements
from cgmm.report.data import Results, read_results
from cgmm.report.downloads import downloads
from cgmm.report.figures import effects, flow, people, small, space
from cgmm.report.figures.sensitivity import sensitivity
from cgmm.report.glossary import glossary
from cgmm.report.influence import Influence, donor_sentences, driven_by_one, influences
from cgmm.report.maps import map_figures, views
from cgmm.report.methods import make_methods
from cgmm.report.provenance import make_provenance
from cgmm.report.render import environment, json_island, write
from cgmm.report.settled import sensitivity_sentence
from cgmm.report.truth import truth_sentence
from cgmm.report.verdict import Verdict, make_verdict

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
        "flow": flow.flow(results),
        "heatmap": flow.heatmap(results),
        "forest": effects.forest(results, verdict),
        "shifts": effects.shifts(results, verdict),
        "genes": effects.gene_map(results),
        "donors": people.donors(results, verdict),
        "positions": people.positions(results, verdict),
        "truth": small.truth(results),
        "sensitivity": sensitivity(results, verdict),
        "convergence": small.convergence(results),
    }


def _tables(results: Results, verdict: Verdict, found: list[Influence]) -> dict[str, Any]:
    return {
        "factors": tables.factors(results, verdict),
        "more_factors": tables.more_factors(results, verdict),
        "arrivals": tables.arrivals(results),
        "transfers": tables.transfers(results),
        "shifts": tables.shifts(results),
        "genes": tables.genes(results),
        "components": tables.components(results),
        "donors": tables.donors(results),
        "positions": tables.positions(results),
        "influence": tables.influence(found),
        "sensitivity": tables.sensitivity(results),
        "truth": tables.truth(results),
        "samples": tables.samples(results),
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
        "cells": space.island(results, found),
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
        When files are absent or contradict each other (see `cgmm.report.data`).
    """
    results = read_results(Path(folder))
    context = _context(results, make_verdict(results), title)
    return write(Path(out), environment().get_template("report.html.j2").render(context))
