"""The index page: all comparisons beside each other, with links to their reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cgmm.report.claims.alert import Alert
from cgmm.report.claims.claims import Claims, make_claims
from cgmm.report.claims.finding import Finding
from cgmm.report.claims.states import Level, Prevalence
from cgmm.report.claims.targets import TargetClaims
from cgmm.report.page import text
from cgmm.report.page.render import environment, write
from cgmm.report.page.table import Cell, Column, Row, Table, number, words
from cgmm.report.targets import link
from cgmm.results.read import read_results
from cgmm.results.read_targets import read_target_results


@dataclass(frozen=True)
class Entry:
    """One comparison on the index page."""

    claims: Claims
    href: str
    title: str


def _entry(folder: Path, report: Path, out: Path, title: str | None) -> Entry:
    claims = make_claims(read_results(folder, title=title))
    return Entry(claims, link(report, out), claims.results.title)


def _distinct(entries: list[Entry]) -> list[Entry]:
    """Add the name of the comparison where two have the same title."""
    times = Counter(e.title for e in entries)
    return [
        replace(e, title=f"{e.title} ({e.claims.results.name})") if times[e.title] > 1 else e
        for e in entries
    ]


def _to_read(entry: Entry) -> list[Alert]:
    """Pick the alerts that must be read before trusting the numbers."""
    return [a for a in entry.claims.alerts if a.level is not Level.NOTE]


def _card(entry: Entry) -> dict[str, Any]:
    results, verdict = entry.claims.results, entry.claims.verdict
    return {
        "title": entry.title,
        "name": results.name,
        "conditions": f"{results.source} → {results.target}",
        "href": entry.href,
        "headline": verdict.headline,
        "answers": verdict.answers,
        "tested": verdict.tested,
        "cells": results.n_cells,
        "populations": len(results.tables["factors"]),
        "donors": results.donors_per_side(),
        "alerts": _to_read(entry),
        "simulated": results.meta.get("truth") is not None,
    }


def _donors(per_side: tuple[int, int], *, tested: bool) -> str:
    if not any(per_side):
        return ""
    return f"{per_side[0]} + {per_side[1]}" + ("" if tested else ", untested")


def _so_many(group: list[Finding], *, tested: bool) -> Cell:
    """Return the cell of a number of populations, which says when nothing was tested."""
    n = len(group)
    return Cell(f"{n}" if tested or not n else f"{n} differ, untested", float(n), number=True)


def _overview(entries: list[Entry]) -> Table:
    rows = []
    for e in entries:
        results, verdict = e.claims.results, e.claims.verdict
        groups, donors = verdict.groups, results.donors_per_side()
        cells = [
            Cell(e.title, e.title.lower(), href=e.href),
            number(results.n_cells, text.count),
            words(_donors(donors, tested=verdict.tested), "none given, untested"),
            number(len(results.tables["factors"]), text.count),
            _so_many(groups.more, tested=groups.tested),
            _so_many(groups.less, tested=groups.tested),
            _so_many(groups.moved, tested=groups.state_tested),
            _so_many([*groups.new, *groups.gone], tested=groups.tested),
            number(len(_to_read(e)), text.count),
        ]
        rows.append(Row(cells))
    return Table(
        key="t-overview",
        caption="All comparisons side by side",
        columns=[
            Column("Comparison", number=False),
            Column("Cells"),
            Column("Donors", number=False),
            Column("Groups", "Populations of the first condition"),
            Column("More common"),
            Column("Rarer"),
            Column("Changed state"),
            Column("New or gone"),
            Column("Warnings", "Alerts that must be read before trusting the numbers"),
        ],
        rows=rows,
        file="comparisons",
    )


def rows_of(entry: Entry) -> tuple[str, str] | None:
    """Return what the rows of a comparison are, to compare rows that mean the same.

    Rows mean the same where populations are labels of one annotation, or were found for several
    targets together. Populations that were found for one comparison alone are not compared, even
    where they happen to have a name in common.
    """
    meta = entry.claims.results.meta
    if meta.get("annotated"):
        return "annotation", str(meta.get("annotation_key") or "")
    return ("family", str(meta["family"])) if meta.get("family") else None


def _across(entries: list[Entry]) -> list[Table]:
    """Tabulate factors and shifts of the same populations in several comparisons."""
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        kind = rows_of(entry)
        if kind is not None:
            groups.setdefault(kind, []).append(entry)
    made = (
        _side_by_side(own, kind, n) for n, (kind, own) in enumerate(groups.items()) if len(own) > 1
    )
    return [table for table in made if table is not None]


def _side_by_side(entries: list[Entry], kind: tuple[str, str], n: int) -> Table | None:
    """Tabulate the populations that several comparisons of one kind of rows have."""
    by_name: dict[str, dict[int, Finding]] = {}
    for i, e in enumerate(entries):
        for f in e.claims.verdict.findings:
            by_name.setdefault(f.name, {})[i] = f
    shared = {n: found for n, found in by_name.items() if len(found) > 1}
    if not shared:
        return None
    order = sorted(shared, key=lambda n: (-len(shared[n]), n))
    rows = [Row([words(n), *(_both(shared[n].get(i)) for i in range(len(entries)))]) for n in order]
    why = "labels of one annotation" if kind[0] == "annotation" else "found together"
    named = f" ({kind[1]})" if kind[1] else ""
    return Table(
        key="t-across" if n == 0 else f"t-across-{n + 1}",
        caption=f"The same population in several comparisons: {why}{named}",
        columns=[
            Column("Population", number=False),
            *(
                Column(e.title, "Net factor (95% interval over donors), then state shift")
                for e in entries
            ),
        ],
        rows=rows,
        file="across" if n == 0 else f"across-{n + 1}",
    )


def _both(finding: Finding | None) -> Cell:
    if finding is None:
        return Cell("not there", None, note=True)
    if finding.prevalence in {Prevalence.GONE, Prevalence.NEW}:
        return Cell(finding.prevalence, None, note=True)
    if not text.is_number(finding.log2_net):
        return Cell("no counterpart", None, note=True)
    shown = text.fold(finding.log2_net)
    if finding.has_interval:
        shown += f" {text.bracket(text.fold_range(finding.ci_low, finding.ci_high))}"
    if text.is_number(finding.shift_sd):
        shown += f"; {text.fixed(finding.shift_sd)} SD"
    return Cell(shown, finding.log2_net, number=True)


def _family(folder: Path, report: Path, entries: list[Entry], out: Path) -> dict[str, Any]:
    """Return what the card of a comparison with several targets shows."""
    results = read_target_results(folder)
    by_name = {e.claims.results.name: e for e in entries}
    missing = [name for name in results.members if name not in by_name]
    if missing:
        msg = f"{folder} needs the results folder of {missing[0]!r}, which was not given"
        raise ValueError(msg)
    own = [by_name[name] for name in results.members]
    claims = TargetClaims(results, [e.claims for e in own], [e.href for e in own])
    return {
        "title": results.title,
        "name": results.name,
        "conditions": f"{results.source} → {', '.join(results.targets)}",
        "href": link(report, out),
        "headline": claims.sentences(),
        "members": results.members,
        "links": [(t, e.href) for t, e in zip(results.targets, own, strict=True)],
        "alerts": [alert for alert, _ in claims.alerts()],
        "populations": len(results.populations),
    }


def build_index(
    folders: list[Path],
    reports: list[Path],
    out: Path,
    *,
    titles: Sequence[str | None] | None = None,
    of_targets: Sequence[Path] = (),
    reports_of_targets: Sequence[Path] = (),
) -> Path:
    """Write the index page of several comparisons.

    Parameters
    ----------
    folders
        Results folders, one per comparison.
    reports
        Their HTML reports, in the same order; linked relative to `out`.
    out
        HTML file to write.
    titles
        Headings of the reports, in the same order; None: as report.json says.
    of_targets, reports_of_targets
        Results folders of comparisons with several targets, and their common reports. The folders
        of their single targets are among ``folders``.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    ValueError
        When the lists differ in length.
    """
    if len(folders) != len(reports):
        msg = f"{len(folders)} results folders but {len(reports)} reports: give one report each"
        raise ValueError(msg)
    out, titles = Path(out), titles or [None] * len(folders)
    triples = zip(folders, reports, titles, strict=True)
    entries = _distinct([_entry(Path(f), Path(r), out, title) for f, r, title in triples])
    families = [
        _family(Path(folder), Path(report), entries, out)
        for folder, report in zip(of_targets, reports_of_targets, strict=True)
    ]
    in_family = {name for family in families for name in family["members"]}
    context = {
        "families": families,
        "cards": [_card(e) for e in entries if e.claims.results.name not in in_family],
        "overview": _overview(entries) if len(entries) > 1 else None,
        "across": _across(entries),
        "several": len(entries) > 1,
        "n": len(entries),
    }
    return write(out, environment().get_template("index.html.j2").render(context))
