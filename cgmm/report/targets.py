"""The common report of several targets: one page with a row per population."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote

from cgmm.report.claims.claims import make_claims
from cgmm.report.claims.targets import TargetClaims
from cgmm.report.page import text
from cgmm.report.page.render import environment, json_island, write
from cgmm.report.sections import (
    target_matrix,
    target_methods,
    target_overview,
    target_sets,
    target_trends,
)
from cgmm.report.sections.section import Section
from cgmm.results.read import read_results
from cgmm.results.read_targets import read_target_results

# sections from the top of the page to the bottom
SECTIONS: tuple[Callable[[TargetClaims], Section | None], ...] = (
    target_overview.section,
    target_overview.alerts,
    target_matrix.section,
    target_sets.section,
    target_trends.section,
    target_matrix.states,
    target_trends.pairs,
    target_methods.section,
    target_methods.downloads,
)


def make_target_claims(
    folder: Path, members: Sequence[Path], pages: Sequence[Path], out: Path
) -> TargetClaims:
    """Derive what the common report states.

    Parameters
    ----------
    folder
        Results folder of the comparison with several targets.
    members, pages
        Results folder and report of every target.
    out
        The page from which reports are linked.

    Raises
    ------
    ValueError
        When the folders are not those of the targets.
    """
    results = read_target_results(Path(folder))
    read = [make_claims(read_results(Path(member))) for member in members]
    if [one.results.target for one in read] != results.targets:
        msg = (
            f"{folder} has the targets {', '.join(results.targets)}, but the folders given are of "
            f"{', '.join(one.results.target for one in read)}: give one folder per target, in order"
        )
        raise ValueError(msg)
    return TargetClaims(results, read, [link(Path(page), Path(out)) for page in pages])


def link(page: Path, out: Path) -> str:
    """Return the relative address of a page from another."""
    href = os.path.relpath(page, out.parent).replace(os.sep, "/")
    return "/".join(quote(part) for part in href.split("/"))


def build_targets(
    folder: Path,
    members: Sequence[Path],
    pages: Sequence[Path],
    out: Path,
    *,
    title: str | None = None,
) -> Path:
    """Write the common report of several targets.

    Parameters
    ----------
    folder
        ``results/{name}``: ``targets.json`` and the tables of :data:`cgmm.tables.OF_TARGETS`.
    members, pages
        Results folder of every target, and its report, in the order of the targets.
    out
        HTML file to write.
    title
        Heading; default: the title of ``targets.json``, else the conditions.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    FileNotFoundError, ValueError
        When files are absent or contradict each other.
    """
    claims = make_target_claims(folder, members, pages, out)
    results = claims.results
    made = (section(claims) for section in SECTIONS)
    sections = [section for section in made if section is not None]
    recipe = results.meta.get("recipe")
    context = {
        "title": title or results.title,
        "kicker": "one source and several targets",
        "results": results,
        "facts": _facts(claims),
        "sections": sections,
        "questions": [],
        "island": json_island(
            {
                "names": [p.name for p in results.populations],
                "colours": [p.colour for p in results.populations],
                "sentences": [_sentence(claims, p.name) for p in results.populations],
                "cells": {},
                "stem": results.folder.name,
            }
        ),
        "recipe": json_island(recipe) if isinstance(recipe, dict) else None,
    }
    return write(Path(out), environment().get_template("report.html.j2").render(context))


def _sentence(claims: TargetClaims, name: str) -> str:
    """Return the factors of a population in all targets, in one line."""
    parts = []
    for t, target in enumerate(claims.results.targets):
        finding = claims.finding(name, t)
        if finding is not None:
            parts.append(f"{finding.prevalence_text} in {target}")
    return "; ".join(parts)


def _facts(claims: TargetClaims) -> list[tuple[str, str]]:
    """Return numbers of cells, targets and donors, for the head of the page."""
    results = claims.results
    counts = results.meta.get("n_cells") or {}
    total = sum(n for n in counts.values() if text.is_number(n))
    donors = results.meta.get("donors") or {}
    made = [(text.count(total), "cells"), (str(len(results.targets)), "targets")]
    if donors.get("n_donors"):
        several = int(donors.get("n_in_several") or 0)
        words = f"donors, {several} of them in several conditions" if several else "donors"
        made.append((str(donors["n_donors"]), words))
    else:
        made.append(("no", "donors given"))
    made.append((str(len(results.populations)), "populations"))
    return made
