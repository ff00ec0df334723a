"""The bibliography, and the works that a text cites.

``cgmm/report/references.bib`` lists every work that the package, the report and the documentation
cite. It lies in the package, so an installed copy and a clone read the same file.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from pathlib import Path

BIBLIOGRAPHY = Path(__file__).parents[1] / "references.bib"
REQUIRED = {
    "article": ("author", "title", "journal", "volume", "pages", "year", "doi"),
    "book": ("author", "title", "publisher", "address", "year", "doi"),
    "misc": ("author", "title", "eprint", "archiveprefix", "year"),
}
OTHERS = "others"  # "and others" at the end of a list of authors

_HEAD = re.compile(r"@(\w+)\{([\w-]+),")
_FIELD = re.compile(r"  (\w+) = \{(.*)\},")


@dataclass(frozen=True)
class Reference:
    """One entry of a reference list.

    Attributes
    ----------
    label
        How a text cites it: "Delon & Desolneux 2020".
    citation
        Authors, title, place and year.
    link
        Address of the work; empty when there is none.
    """

    label: str
    citation: str
    link: str = ""


def parse(text: str) -> dict[str, dict[str, str]]:
    """Read the entries of a bibliography, with their fields and their ``type``, by key.

    Parameters
    ----------
    text
        BibTeX with one field a line and the closing brace of an entry on a line of its own.

    Raises
    ------
    ValueError
        At a line that is none of these, a key that stands twice, or a field that an entry lacks.
    """
    entries: dict[str, dict[str, str]] = {}
    entry: dict[str, str] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        head, value = _HEAD.fullmatch(line), _FIELD.fullmatch(line)
        if entry is None and head and head[2] not in entries:
            entry = entries[head[2]] = {"type": head[1]}
        elif entry is not None and value:
            entry[value[1]] = value[2]
        elif entry is not None and line == "}":
            entry = None
        elif entry is not None or (line.strip() and not line.startswith("%")):
            msg = f"line {number} of the bibliography cannot be read: {line!r}"
            raise ValueError(msg)
    for key, fields in entries.items():
        missing = [name for name in REQUIRED.get(fields["type"], ("type",)) if name not in fields]
        if missing or fields["type"] not in REQUIRED:
            msg = (
                f"the entry {key} of the bibliography lacks {', '.join(missing) or 'a known type'}"
            )
            raise ValueError(msg)
    return entries


def _authors(value: str) -> list[tuple[str, str]]:
    """Split authors into surname and initials: "van Eck, N. J." is ("van Eck", "NJ")."""
    pairs = (name.partition(", ") for name in value.split(" and "))
    return [(surname, re.sub(r"[. ]", "", initials)) for surname, _, initials in pairs]


def _label(authors: list[tuple[str, str]], year: str) -> str:
    first = authors[0][0]
    if len(authors) == 2 and authors[1][0] != OTHERS:
        return f"{first} & {authors[1][0]} {year}"
    return f"{first} {year}" if len(authors) == 1 else f"{first} et al. {year}"


def _place(fields: dict[str, str]) -> str:
    if fields["type"] == "misc":
        return f"{fields['archiveprefix']}:{fields['eprint']}"
    if fields["type"] == "book":
        return f"{fields['publisher']}, {fields['address']}"
    number = f"({fields['number']})" if "number" in fields else ""
    pages = fields["pages"].replace("--", "–")
    return f"{fields['journal']} {fields['volume']}{number}:{pages}"


def _reference(fields: dict[str, str]) -> Reference:
    authors = _authors(fields["author"])
    names = ["et al" if surname == OTHERS else f"{surname} {first}" for surname, first in authors]
    title = re.sub(r"[{}]", "", fields["title"])
    link = f"https://arxiv.org/abs/{fields['eprint']}" if "eprint" in fields else ""
    return Reference(
        label=_label(authors, fields["year"]),
        citation=f"{', '.join(names)}. {title}. {_place(fields)}, {fields['year']}.",
        link=f"https://doi.org/{fields['doi']}" if "doi" in fields else link,
    )


@functools.cache
def bibliography() -> dict[str, Reference]:
    """Return all works of the bibliography by key."""
    entries = parse(BIBLIOGRAPHY.read_text(encoding="utf-8"))
    return {key: _reference(fields) for key, fields in entries.items()}


@dataclass
class Citations:
    """The works that a text cites, in the order of first mention."""

    keys: list[str] = field(default_factory=list)

    def cite(self, *keys: str) -> str:
        """Return "[Smyth 2004; Phipson et al. 2022]" and take the works into the list."""
        self.keys += [key for key in keys if key not in self.keys]
        return f"[{'; '.join(bibliography()[key].label for key in keys)}]"

    def references(self) -> list[Reference]:
        """Return the works cited so far."""
        return [bibliography()[key] for key in self.keys]
