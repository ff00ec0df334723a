"""The files of a comparison as ``data:`` links, so that a report can be sent alone."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass, replace

from cgmm._utils.strict_json import dumps
from cgmm.report.claims.claims import Claims
from cgmm.report.claims.document import findings_document
from cgmm.report.sections.section import Section
from cgmm.tables import LONG, TABLES

KEY = "downloads"
LEFT = "too large to carry along"
EMBED_LIMIT = 900_000
PLAIN_LIMIT = 60_000
MAX_PAGE = 5_000_000  # bytes of a page; one that would be larger leaves its largest files behind


@dataclass(frozen=True)
class Download:
    """A file carried inside the report, or the reason why it is not."""

    name: str
    what: str
    href: str = ""
    size: str = ""
    instead: str = ""
    path: str = ""


WHAT = {table.file: table.meaning for table in (*TABLES.values(), *LONG)} | {
    "findings.json": "every claim of this page with its numbers, for programs",
    "report.json": "parameters, versions, quality control",
    "recipe.json": "config, sample sheet, checksums, versions: with the input files, all that is "
    "needed to run it again",
}


def downloads(claims: Claims) -> list[Download]:
    """Return all tables as ``data:`` links; large ones compressed, very large ones only named."""
    results = claims.results
    files = dict(results.raw)
    files["findings.json"] = (dumps(findings_document(claims), indent=1) + "\n").encode()
    files["report.json"] = (results.folder / "report.json").read_bytes()
    if "recipe" in results.meta:
        files["recipe.json"] = json.dumps(results.meta["recipe"], indent=1).encode()
    found = []
    for name, what in WHAT.items():
        if name not in files:
            continue
        found.append(as_download(results.folder.name, name, what, files[name]))
    return found


def as_download(folder: str, name: str, what: str, content: bytes) -> Download:
    """Return a file as a link; a large one compressed, a very large one only named.

    Parameters
    ----------
    folder
        Name of the results folder.
    name, what, content
        Name, meaning and content of the file.
    """
    stem = f"{folder}_{name}"
    kind = "application/json" if name.endswith(".json") else "text/tab-separated-values"
    if name.endswith(".gz"):
        kind = "application/gzip"
    elif len(content) > PLAIN_LIMIT:
        content = gzip.compress(content, mtime=0)
        kind, stem = "application/gzip", f"{stem}.gz"
    path = f"results/{folder}/{name}"
    if len(content) > EMBED_LIMIT:
        size = f"{len(content) / 1e6:.1f} MB"
        return Download(name, what, instead=f"{LEFT} ({size}): {path}")
    coded = base64.b64encode(content).decode("ascii")
    kilobytes = len(content) / 1000
    return Download(
        stem,
        what,
        href=f"data:{kind};base64,{coded}",
        size=f"{kilobytes:.0f} kB" if kilobytes >= 1 else "under 1 kB",
        path=path,
    )


def lighter(section: Section, over: int) -> Section:
    """Return the section without its largest files, which are named only.

    Parameters
    ----------
    section
        What `section` made; another section is returned as it is.
    over
        Bytes by which the page must become smaller; where the files have fewer, none is carried.
    """
    if section.key != KEY:
        return section
    files = list(section.data)
    for i in sorted(range(len(files)), key=lambda i: len(files[i].href), reverse=True):
        one = files[i]
        if over <= 0 or not one.href:
            break
        instead = f"{LEFT} ({one.size}): {one.path}"
        files[i] = replace(one, name=one.path.rpartition("/")[2], href="", size="", instead=instead)
        over -= len(one.href) - 2 * len(instead)
    return replace(section, data=files)


def section(claims: Claims) -> Section:
    """Return the section with the files of the comparison."""
    return Section(
        key=KEY,
        title="Downloads",
        template="downloads.html.j2",
        data=downloads(claims),
    )
