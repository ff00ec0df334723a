"""The bibliography and its reader."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import cgmm
from cgmm.report.sections.references import BIBLIOGRAPHY, Citations, bibliography, parse

PACKAGE = Path(cgmm.__file__).parent
ENTRY = """@article{smyth2004,
  author = {Smyth, G. K.},
  title = {Linear {Bayes} methods},
  journal = {A Journal},
  volume = {3},
  pages = {1--9},
  year = {2004},
  doi = {10.1/x},
}
"""
# Surname & Surname 2020; Surname, Surname & Surname 2020; Surname et al. 2020 (or: (2020, journal))
WORK = re.compile(
    r"((?:von |van )?[A-Z][^\W\d_A-Z][\w-]*)(?:,\s[A-Z][\w-]+)*(?:\s&\s[A-Z][\w-]+|\set\sal\.)\s\(?"
    r"((?:19|20)\d\d)"
)


def _cited_keys() -> set[str]:
    """Keys that the report hands to `Citations.cite`."""
    found = set()
    for file in sorted((PACKAGE / "report").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and "cite" in {
                getattr(node.func, "attr", ""), getattr(node.func, "id", ""),
            }:  # fmt: skip
                found |= {a.value for a in node.args if isinstance(a, ast.Constant)}
    return found


def test_every_cited_key_is_in_the_bibliography():
    keys = _cited_keys()
    assert len(keys) > 15
    assert keys <= set(bibliography())


def test_every_work_of_the_bibliography_has_an_address():
    works = bibliography().values()
    assert all(w.link.startswith(("https://doi.org/10.", "https://arxiv.org/abs/")) for w in works)
    assert len({w.label for w in works}) == len(works)


def test_every_work_that_the_package_and_its_documentation_cite_is_in_the_bibliography():
    root = PACKAGE.parent
    files = [*PACKAGE.rglob("*.py"), *(root / "docs").rglob("*.md"), root / "README.md"]
    entries = parse(BIBLIOGRAPHY.read_text(encoding="utf-8"))
    known = {(e["author"].partition(",")[0], e["year"]) for e in entries.values()}
    cited = {
        pair for f in files if f.exists() for pair in WORK.findall(f.read_text(encoding="utf-8"))
    }
    assert ("Delon", "2020") in cited
    assert cited <= known, cited - known


def test_a_reference_reads_as_in_a_paper():
    reference = bibliography()["traag2019"]
    assert reference.label == "Traag et al. 2019"
    assert reference.citation == (
        "Traag VA, Waltman L, van Eck NJ. From Louvain to Leiden: guaranteeing well-connected "
        "communities. Scientific Reports 9:5233, 2019."
    )
    assert reference.link == "https://doi.org/10.1038/s41598-019-41695-z"
    assert bibliography()["rubin1987"].citation.endswith("Wiley, New York, 1987.")
    assert bibliography()["mcinnes2018"].citation.endswith("arXiv:1802.03426, 2018.")
    assert bibliography()["moelder2021"].citation.startswith(
        "Mölder F, Jablonski KP, Letcher B, et al. Sustainable"
    )
    assert bibliography()["chizat2018"].citation.startswith(
        "Chizat L, Peyré G, Schmitzer B, Vialard F-X."
    )


def test_citations_are_listed_once_in_the_order_of_first_mention():
    citations = Citations()
    assert citations.cite("smyth2004", "phipson2022") == "[Smyth 2004; Phipson et al. 2022]"
    assert citations.cite("rao1988") == "[Rao & Wu 1988]"
    citations.cite("smyth2004")
    assert citations.keys == ["smyth2004", "phipson2022", "rao1988"]
    assert [r.label for r in citations.references()][-1] == "Rao & Wu 1988"


def test_the_reader_takes_one_field_a_line():
    assert parse(ENTRY)["smyth2004"]["pages"] == "1--9"


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (ENTRY.replace("  doi = {10.1/x},\n", ""), "smyth2004 of the bibliography lacks doi"),
        (ENTRY.replace("@article", "@poem"), "lacks a known type"),
        (ENTRY.replace("{2004}", "2004"), "line 7 of the bibliography cannot be read"),
        (ENTRY + ENTRY, "line 10 of the bibliography cannot be read"),
        (ENTRY + "words", "line 10 of the bibliography cannot be read: 'words'"),
    ],
)  # fmt: skip
def test_the_reader_names_what_is_wrong(broken, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        parse(broken)
