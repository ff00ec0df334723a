"""Assemble the report and the index from their parts."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cgmm.report import tables, text
from cgmm.report.alerts import make_alerts
from cgmm.report.data import Results, read_results
from cgmm.report.figures import effects, flow, small, space
from cgmm.report.glossary import GLOSSARY
from cgmm.report.methods import make_methods
from cgmm.report.verdict import Verdict, make_verdict

_STATIC = Path(__file__).parent / "static"


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("cgmm.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["css"] = Markup((_STATIC / "report.css").read_text(encoding="utf-8"))
    environment.globals["chart_css"] = Markup((_STATIC / "chart.css").read_text(encoding="utf-8"))
    environment.globals["js"] = Markup((_STATIC / "report.js").read_text(encoding="utf-8"))
    environment.filters["percent"] = text.percent
    environment.filters["count"] = text.count
    environment.filters["sentence"] = text.sentence
    return environment


def _json_island(data: Any) -> Markup:
    """JSON that cannot end its script element or start a comment."""
    plain = json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for bad, safe in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        plain = plain.replace(bad, safe)
    return Markup(plain)


def _views(results: Results) -> list[space.Map]:
    made = (space.make_map(results, key) for key in ("UMAP", "PC"))
    return [m for m in made if m is not None]


def _maps(results: Results, views: list[space.Map]) -> list[dict[str, Any]]:
    sections = []
    drawn, total = len(results.cells), results.n_cells_total
    shown = (
        f"{text.count(drawn)} of {text.count(total)} cells drawn, chosen at random. "
        if drawn < total
        else ""
    )
    for view in views:
        is_umap = view.key == "UMAP"
        panels, left_out = space.cell_panels(results, view, ellipses=not is_umap)
        note = shown
        if left_out:
            note += (
                f"{text.plural(left_out, 'name')} left out for lack of room: choose one in the "
                "list above, or hover."
            )
        if is_umap:
            reading = (
                f"Each dot is a cell, placed so that similar cells are near each other; left "
                f"{results.source}, right {results.target}, the other condition in grey behind. "
                "Colour is the subpopulation. Distances on a UMAP are only a sketch; nothing is "
                "computed from it."
            )
            title = "Where the cells are (UMAP)"
        else:
            reading = (
                "The two main axes of the space in which the fit was made. Ellipses are the fitted "
                "subpopulations; each holds about half of its cells on these axes. The other axes "
                "are not visible, so ellipses that overlap here may be apart there."
            )
            title = "Where the fit sees them (first two axes)"
        sections.append(
            {
                "key": f"map-{view.key.lower()}",
                "title": title,
                "panels": panels,
                "reading": reading,
                "note": note,
            }
        )
        if is_umap:
            change = space.change_panels(results, view)
            if change:
                sections.append(
                    {
                        "key": "map-change",
                        "title": "The same cells, coloured by what changed",
                        "panels": change,
                        "reading": (
                            "Left: how much more or less common cells like this one became. Right: "
                            "how far cells like this one moved. Both follow the subpopulations a "
                            "cell belongs to."
                        ),
                        "note": shown,
                    }
                )
        else:
            moved = space.movement_panel(results, view)
            if moved is not None:
                sections.append(
                    {
                        "key": "map-moves",
                        "title": "How the subpopulations moved",
                        "panels": [moved],
                        "reading": (
                            "Dashed ellipses: source; solid: target. Arrows lead from where a "
                            "subpopulation was to where its counterpart is (transfers of at least "
                            "10%). No arrow: it did not move visibly on these axes."
                        ),
                        "note": "",
                    }
                )
    return sections


def _header(results: Results) -> dict[str, Any]:
    counts = results.meta.get("n_cells") or {}
    n0, n1 = results.donors_per_side()
    samples = [s for s in results.meta.get("samples") or [] if isinstance(s, dict)]
    facts = []
    for key, name in (("source", results.source), ("target", results.target)):
        if text.is_number(counts.get(key)):
            facts.append((text.count(counts[key]), f"cells in {name}"))
    if samples:
        facts.append((str(len(samples)), "sample" if len(samples) == 1 else "samples"))
    if n0 or n1:
        shared = len(results.shared_donors())
        donors = f"{n0}" if shared == n0 == n1 else f"{n0} + {n1}"
        facts.append((donors, "donors, each in both" if shared == n0 == n1 else "donors"))
    else:
        facts.append(("no", "donors given"))
    k0, k1 = len(results.tables["factors"]), len(results.tables["arrivals"])
    facts.append((f"{k0}" if k0 == k1 else f"{k0} → {k1}", "subpopulations"))
    return {"facts": facts}


def _no_donor_sentence(results: Results) -> str:
    return (
        "No donor column was given, so there is nothing to show per donor. Cells of one donor are "
        "not independent of each other; without donors a change between "
        f"{results.source} and {results.target} cannot be told from a difference between the "
        "people sampled. Add a donor column to config/samples.tsv (at least three donors per "
        "condition) to get intervals and tests."
    )


def _truth_sentence(results: Results) -> str:
    both = small.truth_table(results)
    if both is None:
        return ""
    both = both.dropna(subset=["truth", "log2_net"])
    if both.empty:
        return (
            "The data are simulated, but no subpopulation carries the name of a simulated one, so "
            "estimate and truth cannot be set side by side."
        )
    error = float(np.sqrt(np.mean((both["log2_net"] - both["truth"]) ** 2)))
    return (
        f"Over {text.plural(len(both), 'subpopulation')}, the typical error of the factor is "
        f"{text.fixed(error)} on the log2 scale (a ratio of {text.ratio(2**error)})."
    )


def _provenance(results: Results) -> dict[str, Any]:
    meta = results.meta
    reasons = meta.get("reasons") or {}
    parameters = [
        (name, value, str(reasons.get(name) or "as configured, or the default"))
        for name, value in tables.key_values(meta.get("parameters") or {})
        if not name.startswith("reasons.")
    ]
    seconds = meta.get("runtime") or {}
    runtime = [
        (str(rule), f"{s:.1f} s" if s < 90 else f"{s / 60:.1f} min")
        for rule, s in seconds.items()
        if text.is_number(s)
    ]
    checksums = [
        (
            str(s.get("sample")),
            str(s.get("path") or "not given"),
            str(s.get("sha256") or "not given"),
        )
        for s in meta.get("samples") or []
        if isinstance(s, dict)
    ]
    return {
        "parameters": parameters,
        "config": tables.key_values(meta.get("config") or {}),
        "versions": tables.key_values(meta.get("versions") or {}),
        "runtime": runtime,
        "checksums": checksums,
        "command": str(meta.get("command") or "not recorded"),
        "commit": str(meta.get("git_commit") or "not recorded"),
    }


def _context(results: Results, verdict: Verdict, title: str | None) -> dict[str, Any]:
    views = _views(results)
    figures = {
        "flow": flow.flow(results),
        "heatmap": flow.heatmap(results),
        "forest": effects.forest(results, verdict),
        "shifts": effects.shifts(results, verdict),
        "genes": effects.gene_map(results),
        "donors": small.donors(results, verdict),
        "truth": small.truth(results),
        "convergence": small.convergence(results),
    }
    data = {
        "names": [s.name for s in results.subpopulations],
        "colours": [s.colour for s in results.subpopulations],
        "sentences": [f.sentence for f in verdict.findings],
        "stem": results.folder.name,
        "cells": space.island(results, views),
    }
    return {
        "title": title or str(results.meta.get("title") or f"{results.source} → {results.target}"),
        "results": results,
        "header": _header(results),
        "verdict": verdict,
        "alerts": make_alerts(results),
        "figures": figures,
        "maps": _maps(results, views),
        "tables": {
            "factors": tables.factors(results, verdict),
            "arrivals": tables.arrivals(results),
            "transfers": tables.transfers(results),
            "shifts": tables.shifts(results),
            "genes": tables.genes(results),
            "components": tables.components(results),
            "donors": tables.donors(results),
            "truth": tables.truth(results),
            "samples": tables.samples(results),
        },
        "no_donors": _no_donor_sentence(results),
        "truth_sentence": _truth_sentence(results),
        "methods": make_methods(results, tested=verdict.tested),
        "provenance": _provenance(results),
        "downloads": tables.downloads(results),
        "glossary": GLOSSARY,
        "island": _json_island(data),
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
    return _write(Path(out), _environment().get_template("report.html.j2").render(context))


def _card(folder: Path, report: Path, out: Path) -> dict[str, Any]:
    results = read_results(folder)
    verdict = make_verdict(results)
    groups = verdict.groups
    href = os.path.relpath(report, out.parent).replace(os.sep, "/")
    alerts = [a for a in make_alerts(results) if a.level != "info"]
    counts = results.meta.get("n_cells") or {}
    cells = sum(counts[k] for k in ("source", "target") if text.is_number(counts.get(k)))
    return {
        "title": str(results.meta.get("title") or f"{results.source} → {results.target}"),
        "name": results.name,
        "href": "/".join(quote(part) for part in href.split("/")),
        "sentences": verdict.sentences,
        "numbers": [
            ("more common", len(groups["more"])),
            ("rarer", len(groups["less"])),
            ("changed state", len(groups["moved"])),
            ("new or gone", len(groups["new"]) + len(groups["gone"])),
        ],
        "tested": verdict.tested,
        "cells": cells,
        "subpopulations": len(results.tables["factors"]),
        "donors": results.donors_per_side(),
        "alerts": alerts,
        "simulated": results.meta.get("truth") is not None,
    }


def build_index(folders: list[Path], reports: list[Path], out: Path) -> Path:
    """Write the page that compares the comparisons.

    Parameters
    ----------
    folders
        Results folders, one per comparison.
    reports
        Their HTML reports, in the same order; linked relative to `out`.
    out
        HTML file to write.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    ValueError
        When the two lists differ in length.
    """
    if len(folders) != len(reports):
        msg = f"{len(folders)} results folders but {len(reports)} reports: give one report each"
        raise ValueError(msg)
    out = Path(out)
    cards = [_card(Path(f), Path(r), out) for f, r in zip(folders, reports, strict=True)]
    return _write(out, _environment().get_template("index.html.j2").render({"cards": cards}))


def _write(out: Path, html: str) -> Path:
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f"{out.name}.part")
    part.write_text(html, encoding="utf-8")
    part.replace(out)
    return out
