"""The sections of the page."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from cgmm.report import targets
from cgmm.report.build import SECTIONS
from cgmm.report.claims.claims import make_claims
from cgmm.report.page.render import environment
from cgmm.report.sections import section as module
from cgmm.report.sections.section import Paragraph, Section, present
from cgmm.results.read import read_results

FOLDER = Path(module.__file__).parent


def test_every_file_with_a_section_is_on_a_page():
    files = {f.stem for f in FOLDER.glob("*.py") if "\ndef section(" in f.read_text("utf-8")}
    shown = {section.__module__.rpartition(".")[2] for section in (*SECTIONS, *targets.SECTIONS)}
    assert files == shown


@pytest.mark.parametrize("case", ["donors", "none", "empty"])
def test_sections_stand_on_the_page_in_their_order(made, case):
    folder, html = made(case)
    text = html.read_text(encoding="utf-8")
    claims = make_claims(read_results(folder))
    sections = [s for s in (section(claims) for section in SECTIONS) if s is not None]
    keys = [s.key for s in sections]
    assert re.findall(r'<section id="([\w-]+)">', text) == keys
    assert re.findall(r'<li><a href="#([\w-]+)">', text) == keys
    for section in sections:
        for anchor, _ in section.questions:
            assert f'id="{anchor}"' in text


def test_sections_without_content_are_left_out(made):
    claims = make_claims(read_results(made("flat")[0]))
    keys = {s.key for s in (section(claims) for section in SECTIONS) if s is not None}
    assert "truth" not in keys
    assert {"verdict", "flow", "glossary"} <= keys


def test_absent_parts_are_dropped():
    first, last = Paragraph("a"), Paragraph("b")
    assert present(None, first, None, last) == [first, last]


def test_every_part_has_a_macro(made):
    macros = environment().get_template("macros.html.j2").module
    claims = make_claims(read_results(made("donors")[0]))
    for section in SECTIONS:
        made_section = section(claims)
        for part in made_section.parts if made_section else ():
            assert callable(getattr(macros, part.macro))


def test_a_new_section_needs_a_function_and_a_place_in_the_list(made, tmp_path, monkeypatch):
    def section(claims):
        return Section(
            key="weather",
            title="The weather",
            parts=[Paragraph(f"It rained in {claims.results.source} & <b>elsewhere</b>.")],
            questions=[("weather", "Did it rain?")],
        )

    page = importlib.import_module("cgmm.report.build")
    monkeypatch.setattr(page, "SECTIONS", (*SECTIONS, section))
    text = page.build(made("two")[0], tmp_path / "a.html").read_text(encoding="utf-8")
    assert "<p>It rained in ctrl &amp; &lt;b&gt;elsewhere&lt;/b&gt;.</p>" in text
    assert '<a href="#weather">The weather</a>' in text
    assert '<a href="#weather">Did it rain?</a>' in text
