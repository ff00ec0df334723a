"""The page as a whole: what must always stand on it, and what must never."""

from __future__ import annotations

import json
import re

import pytest

from cgmm.report import build, build_index
from tests.report.conftest import CASES
from tests.report.folders import NASTY, make_folder
from tests.report.pages import parse, said


def test_names_are_text_never_markup(made):
    _folder, html = made("nasty")
    parser = parse(html)
    tags = [t for t, _ in parser.tags]
    assert tags.count("script") == 7
    assert not {"b", "i"} & set(tags)
    assert not any(k.startswith("on") for _, attrs in parser.tags for k in attrs)
    words = " ".join(parser.parts)
    for name in NASTY:
        assert name in words
    assert "49" not in [p.strip() for p in parser.parts]
    island = re.search(
        r'<script type="application/json" id="island">(.*?)</script>',
        html.read_text(encoding="utf-8"),
        re.DOTALL,
    ).group(1)
    assert "<" not in island
    names = json.loads(island)["names"]
    assert set(NASTY) <= set(names)


def test_no_address_but_references(made):
    for case in CASES:
        for tag, attrs in parse(made(case)[1]).tags:
            for key in ("src", "href", "xlink:href", "srcset", "action"):
                value = attrs.get(key) or ""
                if value.startswith(("#", "data:")) or not value:
                    continue
                assert (tag, key) == ("a", "href")
                assert value.startswith(("https://doi.org/", "https://arxiv.org/"))


def test_size_budget(made):
    for case in CASES:
        size = made(case)[1].stat().st_size
        assert size < (5e6 if case in {"thirty", "sixty"} else 2.5e6), (case, size)


def test_same_input_same_file(made, tmp_path):
    folder, html = made("donors")
    again = build(folder, tmp_path / "again.html")
    assert again.read_bytes() == html.read_bytes()


def test_missing_numbers_say_why(made):
    for case in CASES:
        _, html = made(case)
        words = said(html)
        assert not re.search(r"\b(nan|None|NaN|inf)\b", words), case
        source = html.read_text(encoding="utf-8")
        assert not re.search(r"<t[dh][^>]*>\s*</t[dh]>", source), case
    _folder, html = made("few")
    assert "Fewer than 3 donors in a condition: no interval." in said(html)
    assert "Too few donors for intervals" in said(html)
    assert "Seen in fewer than 2 donors of a side: no interval." in said(made("donors")[1])


def test_words_for_absent_things(made):
    words = said(made("none")[1])
    assert "No donor column was given" in words
    assert "not tested" in words
    assert "95% intervals with the donor as the unit" not in words
    assert "No intervals or tests are reported for prevalence." in words
    words = said(made("two")[1])
    assert "Genes behind the shifts were not computed" in words
    words = said(made("flat")[1])
    assert "Nothing clear changed between ctrl and stim." in words
    words = said(made("empty")[1])
    assert "No population has enough cells in both conditions" in words
    assert "The fit did not converge" in words
    assert "No mass was matched" in words


def test_statements_that_must_always_stand(made):
    for case in CASES:
        words = said(made(case)[1])
        assert "factors are relative" in words.lower()
        assert "counted over cells" in words
        assert "Delon" in words
        assert "Chizat" in words
        assert "snakemake --cores 2" in words
        assert "ab" * 32 in words
        assert "How to read this." in words
    assert "the donor as the unit" in said(made("donors")[1])


def test_broken_folders_are_refused_with_a_sentence(tmp_path):
    folder = make_folder(tmp_path / "a", k=3, n_cells=300)
    (folder / "cells.tsv.gz").unlink()
    build(folder, tmp_path / "no_cells.html")
    assert "no coordinates to draw" in said(tmp_path / "no_cells.html")
    factors = (folder / "factors.tsv").read_text()
    (folder / "factors.tsv").write_text(factors.replace("log2_net", "lfc"))
    with pytest.raises(ValueError, match=r"factors.tsv lacks the column 'log2_net'"):
        build(folder, tmp_path / "x.html")
    (folder / "factors.tsv").write_text(factors.replace("CD4 Naive T", "CD14 Mono"))
    with pytest.raises(ValueError, match="stands for two components"):
        build(folder, tmp_path / "x.html")
    (folder / "factors.tsv").write_text(factors.replace("CD4 Naive T", "other"))
    (folder / "arrivals.tsv").write_text(
        (folder / "arrivals.tsv").read_text().replace("CD4 Naive T", "other")
    )
    with pytest.raises(ValueError, match="the tables come from different fits"):
        build(folder, tmp_path / "x.html")
    (folder / "report.json").write_text("{")
    with pytest.raises(ValueError, match="not valid JSON"):
        build(folder, tmp_path / "x.html")
    (folder / "report.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"no report\.json"):
        build(folder, tmp_path / "x.html")
    assert not (tmp_path / "x.html").exists()
    with pytest.raises(ValueError, match="give one report each"):
        build_index([folder], [], tmp_path / "index.html")
