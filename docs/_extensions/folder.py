"""The directive ``folder``: what every module of a folder computes, from its docstring."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[2]


class Folder(SphinxDirective):
    """List the modules of a folder, the one with the entry point first."""

    required_arguments = 1
    option_spec: ClassVar = {"first": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """Write a heading and an ``automodule`` for each module."""
        folder = self.arguments[0]
        paths = ROOT.joinpath(*folder.split(".")).glob("*.py")
        names = sorted(path.stem for path in paths if path.stem != "__init__")
        first = self.options.get("first")
        if first is not None and first not in names:
            raise self.error(f"{folder} has no module {first}")
        names.sort(key=lambda name: name != first)
        lines = []
        for name in names:
            module = f"{folder}.{name}"
            lines += [
                f".. rubric:: {module}",
                "",
                f".. automodule:: {module}",
                "   :no-members:",
                "",
            ]
        found = nodes.container()
        self.state.nested_parse(StringList(lines, self.get_location()), self.content_offset, found)
        return found.children


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("folder", Folder)
    return {"parallel_read_safe": True}
