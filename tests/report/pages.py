"""Reads a report back: its words, and its tables with the values they sort by."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path


class Page(HTMLParser):
    """Text by section, and table cells as (shown, value) pairs."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, list[list[tuple[str, float | None]]]] = {}
        self.heads: dict[str, list[str]] = {}
        self.sections: dict[str, str] = {}
        self.skip = 0
        self.table = self.section = ""
        self.cell: list | None = None

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.skip += tag in {"script", "style"}
        if tag == "details" and given.get("class", "").startswith("tbl") and "id" in given:
            self.table = given["id"]
            self.tables[self.table], self.heads[self.table] = [], []
        if tag in {"section", "header"}:
            self.section = given.get("id", tag)
            self.sections[self.section] = ""
        if tag == "tr" and self.table:
            self.tables[self.table].append([])
        if tag in {"th", "td"} and self.table:
            self.cell = ["", given.get("data-v"), given.get("scope") == "col"]

    def handle_endtag(self, tag):
        self.skip -= tag in {"script", "style"}
        if tag == "details":
            self.table = ""
        if tag in {"th", "td"} and self.cell is not None:
            shown, value, head = self.cell
            if head:
                self.heads[self.table].append(shown.strip())
            else:
                self.tables[self.table][-1].append((shown.strip(), _number(value)))
            self.cell = None

    def handle_data(self, data):
        if self.skip:
            return
        if self.cell is not None:
            self.cell[0] += data
        if self.section:
            self.sections[self.section] += data + " "


def _number(value: str | None) -> float | None:
    try:
        return None if value is None else float(value)
    except ValueError:
        return None


def read(path: Path) -> Page:
    """Parse a report."""
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    page.sections = {k: re.sub(r"\s+", " ", v) for k, v in page.sections.items()}
    return page


def rows(page: Page, table: str) -> list[dict[str, tuple[str, float | None]]]:
    """Rows of a table as dicts by heading."""
    heads = page.heads[table]
    return [dict(zip(heads, cells, strict=True)) for cells in page.tables[table] if cells]


class Text(HTMLParser):
    """Words and tags of a page, without scripts and styles."""

    def __init__(self):
        super().__init__()
        self.parts, self.tags, self.skip = [], [], 0

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.skip += tag in {"script", "style"}

    def handle_endtag(self, tag):
        self.skip -= tag in {"script", "style"}

    def handle_data(self, data):
        if not self.skip:
            self.parts.append(data)


def parse(html: Path) -> Text:
    """Parse a page into its words and tags."""
    parser = Text()
    parser.feed(html.read_text(encoding="utf-8"))
    return parser


def said(html: Path) -> str:
    """All words of a page."""
    return re.sub(r"\s+", " ", " ".join(parse(html).parts))
