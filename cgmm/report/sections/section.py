"""A section of the page: a heading, and below it figures, tables and sentences in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol


class Part(Protocol):
    """A figure, a table or a paragraph; `macro` of templates/macros.html.j2 writes it."""

    macro: ClassVar[str]


@dataclass(frozen=True)
class Paragraph:
    """A paragraph, its class in the style sheet ("absent", "notice", ...), and its anchor."""

    macro: ClassVar[str] = "paragraph"
    text: str
    kind: str = ""
    anchor: str = ""


@dataclass(frozen=True)
class Section:
    """One section of the page.

    Attributes
    ----------
    key
        Anchor of the section.
    title
        Heading.
    link
        Words in the list of sections beside the page; the title where they are empty.
    parts
        Figures, tables and paragraphs in the order of the page.
    template, data
        For a layout of its own: a file of templates/sections, and what it reads as
        ``section.data``. The parts follow it.
    questions
        Questions that the section answers: the anchor of the answer, and the question.
    island
        What the script of the page must know of the section.
    """

    key: str
    title: str
    link: str = ""
    parts: Sequence[Part] = ()
    template: str = ""
    data: Any = None
    questions: Sequence[tuple[str, str]] = ()
    island: Mapping[str, object] = field(default_factory=dict)


def present(*parts: Part | None) -> list[Part]:
    """Return the parts that are not None, in their order."""
    return [part for part in parts if part is not None]
