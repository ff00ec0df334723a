"""Formulas as MathML, which browsers draw by themselves: no script, no font, nothing to fetch."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx

# what the converter does not know
REPLACED = (
    (r"\\tag\{(.*?)\}", r"\\qquad (\\mathrm{\1})"),
    (r"\\textstyle\b", ""),
    (r"\\operatorname\{(.*?)\}", r"\\mathrm{\1}\\,"),
    (r"\\(min|max)_\{([^{}]*)\}", r"\\underset{\2}{\\mathrm{\1}}\\;"),
)


def to_mathml(latex: str, display: str) -> str:
    """Convert one formula; ``display`` is "inline" or "block"."""
    for pattern, by in REPLACED:
        latex = re.sub(pattern, by, latex)
    return convert(" ".join(latex.split()), display=display)


def inline(writer: Any, node: nodes.math) -> None:
    """Write a formula within a line."""
    writer.body.append(to_mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def block(writer: Any, node: nodes.math_block) -> None:
    """Write a formula of its own."""
    writer.body.append(f'<div class="formula">{to_mathml(node.astext(), "block")}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer and choose it."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
