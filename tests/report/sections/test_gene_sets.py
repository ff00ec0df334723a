"""Gene sets on the page: figure, table, claims, and a sentence where there are none."""

from __future__ import annotations

import json
from dataclasses import replace

from cgmm.report.claims.claims import make_claims
from cgmm.report.claims.document import findings_document
from cgmm.report.page import text
from cgmm.report.sections.gene_sets import gene_set_parts
from cgmm.results.read import read_results
from tests.report.pages import read, rows


def test_figure_and_table_show_the_sets_of_every_population(made) -> None:
    folder, html = made("paired")
    page = read(html)
    names = set(read_results(folder).gene_sets["name"])
    listed = rows(page, "t-gene-sets")
    assert {row["Population"][0] for row in listed} == names
    first = listed[0]
    assert first["Gene set"][0] == "response to interferon"
    assert first["q"] == (f"<1e{text.MINUS}10", 3e-14)
    assert first["Leading genes"][0] == "ISG15, IFI6, MX1"
    source = html.read_text(encoding="utf-8")
    figure = source[source.index('id="fig-gene-sets"') :].split("</figure>")[0]
    assert "<b>translation" not in figure
    assert figure.count("response to interferon in ") == len(names)
    assert "2 have q below 0.05 in some population" in figure
    assert "too long that it has" not in figure  # it changes nowhere and is not drawn
    assert "competitive test" in page.sections["methods"]


def test_claims_have_the_sets_that_changed(made) -> None:
    results = read_results(made("paired")[0])
    claims = [
        c for c in findings_document(make_claims(results))["claims"] if c["kind"] == "gene set"
    ]
    assert {c["about"] for c in claims} == {"response to interferon", "<b>translation</b>"}
    lower = next(c for c in claims if c["state"] == "lower")
    assert lower["population"] == results.gene_sets["name"].iloc[0]
    assert lower["estimate"] == -0.42
    assert "genes of <b>translation</b> lower than other genes" in lower["sentence"]


def test_without_sets_a_sentence_says_how_to_give_them_or_why_none_was_tested(made) -> None:
    results = read_results(made("donors")[0])
    (said,) = gene_set_parts(results)
    assert "gene_sets: my_sets.gmt" in said.text
    given = replace(results, meta=results.meta | {"gene_sets": {"file": "go.gmt", "n_sets": 3}})
    (said,) = gene_set_parts(given)
    assert said.text.startswith("Of the gene sets of go.gmt none could be tested.")
    config = json.loads(json.dumps(results.meta.get("config") or {})) | {"modality": "cytometry"}
    (said,) = gene_set_parts(replace(results, meta=results.meta | {"config": config}))
    assert "markers of cytometry" in said.text
