"""The claims as values: the schema holds, and they say what the page says."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import cgmm.report
from cgmm.report import build_twins
from cgmm.report.claims.claims import make_claims
from cgmm.report.claims.document import findings_document
from cgmm.results.read import read_results
from tests.report.conftest import CASES
from tests.report.pages import said

SCHEMA = Path(cgmm.report.__file__).parent / "findings.schema.json"


def _document(folder: Path) -> dict:
    return findings_document(make_claims(read_results(folder)))


@pytest.mark.parametrize("case", CASES)
def test_every_document_follows_the_schema(made, case):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    document = json.loads(json.dumps(_document(made(case)[0]), allow_nan=False))
    jsonschema.Draft202012Validator(schema).validate(document)


def test_the_schema_refuses_a_claim_without_its_entries(made):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    document = _document(made("donors")[0])
    del document["claims"][0]["sentence"]
    with pytest.raises(jsonschema.ValidationError, match="sentence"):
        jsonschema.Draft202012Validator(schema).validate(document)


@pytest.mark.parametrize("case", ["donors", "paired", "none", "few", "nasty"])
def test_the_page_says_every_sentence(made, case):
    folder, html = made(case)
    page, document = " ".join(said(html).split()), _document(folder)
    for sentence in (*document["headline"], *document["notes"]):
        assert " ".join(sentence.split()) in page
    for answer in document["answers"]:
        assert " ".join(answer["answer"].split()) in page
    for claim in document["claims"]:
        if claim["kind"] in {"prevalence", "state", "donors", "sensitivity"}:
            words = claim["sentence"].rstrip(".")
            if claim["population"]:
                words = words.removeprefix(f"{claim['population']}: ")
            assert " ".join(words.split()) in page, claim


def test_numbers_are_those_of_the_tables(made):
    folder, _ = made("paired")
    claims = _document(folder)["claims"]
    factors = pd.read_csv(folder / "factors.tsv", sep="\t").set_index("name")
    shifts = pd.read_csv(folder / "shifts.tsv", sep="\t").set_index("source")
    prevalence = [c for c in claims if c["kind"] == "prevalence"]
    assert {c["population"] for c in prevalence} >= set(factors.index)
    with_interval = 0
    for claim in prevalence:
        if claim["population"] not in factors.index:
            continue
        row = factors.loc[claim["population"]]
        if claim["interval"]:
            with_interval += 1
            assert claim["estimate"] == pytest.approx(row["log2_net"], rel=1e-5)
            assert claim["interval"] == pytest.approx([row["ci_low"], row["ci_high"]], rel=1e-5)
            assert claim["p"] == pytest.approx(row["p"], rel=1e-5)
        else:
            assert claim["reason"]
    assert with_interval > 3
    states = [c for c in claims if c["kind"] == "state"]
    assert states
    for claim in states:
        row = shifts.loc[claim["population"]]
        assert claim["estimate"] == pytest.approx(row["unbiased_shift_sd"], rel=1e-5)
        assert claim["q"] == pytest.approx(row["q"], rel=1e-5)


def test_a_title_reaches_page_claims_and_recipe(made, tmp_path):
    folder, _ = made("donors")
    build_twins(folder, tmp_path / "f.json", tmp_path / "c_mqc.json", title="Another heading")
    document = json.loads((tmp_path / "f.json").read_text(encoding="utf-8"))
    assert document["comparison"]["title"] == "Another heading"
    assert document["text"].startswith("Another heading\n")


def test_the_row_for_multiqc_counts_what_the_report_counts(made, tmp_path):
    folder, _ = made("donors")
    build_twins(folder, tmp_path / "f.json", tmp_path / "c_mqc.json")
    content = json.loads((tmp_path / "c_mqc.json").read_text(encoding="utf-8"))
    row = content["data"]["donors"]
    assert set(row) == set(content["headers"])
    groups = make_claims(read_results(folder)).verdict.groups
    assert (row["more"], row["less"]) == (len(groups.more), len(groups.less))
    assert row["more"] + row["less"] > 0
