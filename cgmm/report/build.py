"""Assemble the report of one comparison from its sections."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cgmm.report.claims.claims import Claims, make_claims
from cgmm.report.page import text
from cgmm.report.page.render import environment, json_island, write
from cgmm.report.sections import (
    alerts,
    donors,
    downloads,
    factors,
    fit,
    flow,
    genes,
    glossary,
    maps,
    methods,
    provenance,
    samples,
    sensitivity,
    shifts,
    states,
    truth,
    verdict,
)
from cgmm.report.sections.section import Section
from cgmm.results.read import Results, read_results
from cgmm.results.runtimes import runtimes

# sections from the top of the page to the bottom; a new section is added here
SECTIONS: tuple[Callable[[Claims], Section | None], ...] = (
    verdict.section,
    alerts.section,
    factors.section,
    shifts.section,
    genes.section,
    states.section,
    flow.section,
    maps.section,
    donors.section,
    sensitivity.section,
    truth.section,
    fit.section,
    samples.section,
    methods.section,
    provenance.section,
    downloads.section,
    glossary.section,
)


def _facts(results: Results) -> list[tuple[str, str]]:
    """Return numbers of cells, samples and donors, for the head of the page."""
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
        facts.append((f"{n0}", "donor, in both" if n0 == 1 else "donors, each in both"))
    else:
        facts.append((f"{n0} + {n1}", "donors"))
    k0, k1 = len(results.tables["factors"]), len(results.tables["arrivals"])
    facts.append(
        (
            f"{k0}" if k0 == k1 else f"{k0} → {k1}",
            "population" if k0 == k1 == 1 else "populations",
        )
    )
    return facts


def _island(claims: Claims, sections: list[Section]) -> dict[str, object]:
    """Collect the data that the script of the page needs."""
    populations = claims.results.populations
    data: dict[str, object] = {
        "names": [s.name for s in populations],
        "colours": [s.colour for s in populations],
        "sentences": [f.sentence for f in claims.verdict.findings],
        "stem": claims.results.folder.name,
    }
    for section in sections:
        data |= section.island
    return data


def _context(claims: Claims) -> dict[str, Any]:
    results = claims.results
    made = (section(claims) for section in SECTIONS)
    sections = [section for section in made if section is not None]
    return {
        "title": results.title,
        "kicker": "population changes between two conditions",
        "results": results,
        "facts": _facts(results),
        "sections": sections,
        "questions": [question for section in sections for question in section.questions],
        "island": json_island(_island(claims, sections)),
        "recipe": json_island(results.meta["recipe"]) if "recipe" in results.meta else None,
    }


def build(
    folder: Path, out: Path, *, title: str | None = None, benchmarks: Path | None = None
) -> Path:
    """Write the report of one comparison.

    Parameters
    ----------
    folder
        ``results/{comparison}``: the tables, ``cells.tsv.gz`` and ``report.json``.
    out
        HTML file to write; its folder is created.
    title
        Heading; default: the title of report.json, else "source → target".
    benchmarks
        Folder with the run times of the workflow; None: the page has no run times.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    FileNotFoundError, ValueError
        When files are absent or contradict each other (see `cgmm.results.read`).
    """
    results = read_results(Path(folder), title=title)
    if benchmarks is not None:
        dataset = str(results.meta.get("dataset"))
        results.meta["runtime"] = runtimes(
            benchmarks, dataset=dataset, comparison=results.folder.name
        )
    context = _context(make_claims(results))
    page = environment().get_template("report.html.j2")
    html = page.render(context)
    over = len(html.encode()) - downloads.MAX_PAGE
    if over > 0:
        context["sections"] = [downloads.lighter(one, over) for one in context["sections"]]
        html = page.render(context)
    return write(Path(out), html)
