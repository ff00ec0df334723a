"""Several targets: how the numbers were made, and the files."""

from __future__ import annotations

import json

from cgmm.report.claims.targets import TargetClaims
from cgmm.report.sections.downloads import as_download
from cgmm.report.sections.section import Paragraph, Section
from cgmm.tables import OF_TARGETS


def section(claims: TargetClaims) -> Section:
    """Return the section on methods."""
    results = claims.results
    found = (
        "Populations are the labels of the annotation."
        if results.meta.get("annotated")
        else "Populations were found in one graph of the cells of all conditions: nearest "
        "neighbours within each condition, and the origins of target cells among the source cells."
    )
    texts = [
        f"One coupled fit was made for every target. The fit of {results.targets[0]} found the "
        f"components of {results.source}; the other fits use the same components. {found}",
        "Factor, interval and q of a target are those of its own report: a moderated t-test of the "
        "log-odds of the share in every donor, q over the populations of the target.",
    ]
    if results.scores:
        texts.append(
            "The trend is the slope of the log-odds on the number of the condition, with variances "
            "moderated over populations. q is over the populations."
        )
    commit = results.meta.get("git_commit")
    version = f"commit {commit} of cgmm" if commit else "a copy of cgmm without git"
    texts.append(f"Made by {version}. Settings and versions are in the report of each target.")
    return Section(key="methods", title="How this was done", parts=[Paragraph(t) for t in texts])


def downloads(claims: TargetClaims) -> Section:
    """Return the section with the files of the comparison."""
    results = claims.results
    folder = results.folder.name
    made = [
        as_download(folder, table.file, table.meaning, results.raw[table.file])
        for table in OF_TARGETS.values()
        if table.file in results.raw
    ]
    content = (json.dumps(results.meta, indent=1) + "\n").encode()
    made.append(as_download(folder, "targets.json", "targets, order, donors, settings", content))
    return Section(key="downloads", title="Downloads", template="downloads.html.j2", data=made)
