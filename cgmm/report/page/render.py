"""The template environment, JSON inside a page, and writing a page whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cgmm._utils.files import atomic
from cgmm.report.page import text

_STATIC = Path(__file__).parents[1] / "static"


def _static(name: str) -> Markup:
    return Markup((_STATIC / name).read_text(encoding="utf-8"))


def environment() -> Environment:
    """Return the template environment.

    Escaping is on, an undefined name is an error, and the static files are globals.
    """
    made = Environment(
        loader=PackageLoader("cgmm.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["css"] = _static("report.css")
    made.globals["chart_css"] = _static("chart.css")
    made.globals["page_js"] = _static("page.js")
    made.globals["report_js"] = _static("report.js")
    made.globals["colours_js"] = _static("colours.js")
    made.globals["genes_js"] = _static("genes.js")
    made.filters["percent"] = text.percent
    made.filters["count"] = text.count
    made.filters["sentence"] = text.sentence
    return made


def json_island(data: Any) -> Markup:
    """Return JSON that cannot end its script element or start a comment."""
    plain = json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for bad, safe in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        plain = plain.replace(bad, safe)
    return Markup(plain)


def write(out: Path, html: str) -> Path:
    """Write a page under a temporary name, then rename it."""
    with atomic(out) as temporary:
        temporary.write_text(html, encoding="utf-8")
    return out
