"""Docstrings whose "Returns" is prose: "None, or the copy. Sets the following fields ...".

Napoleon takes the first line of that section for a type. Here all of it is text.
"""

from __future__ import annotations

from sphinx.application import Sphinx
from sphinx.ext.napoleon.docstring import NumpyDocstring


def prose(self: NumpyDocstring, section: str) -> list[str]:
    """Turn the section into one field."""
    lines = self._dedent(self._consume_to_next_section())
    return self._format_block(":returns: ", lines)


def setup(app: Sphinx) -> dict[str, bool]:
    """Replace the parser of the section."""
    NumpyDocstring._parse_returns_section = prose  # type: ignore[method-assign]
    return {"parallel_read_safe": True, "parallel_write_safe": True}
