"""Alerts where the leading genes point to the handling of the tissue, or to the donors."""

from __future__ import annotations

from pathlib import Path

from cgmm.report.claims.claims import make_claims
from cgmm.results.read import read_results
from tests.report.folders import COMMON, make_folder
from tests.report.numbers import tsv, write_tsv


def _alerts(folder: Path, rename: dict[str, str], only: str | None = None) -> dict[str, str]:
    table = tsv(folder, "genes")
    rows = table["name"] == only if only else table["gene"] != ""
    table.loc[rows, "gene"] = table.loc[rows, "gene"].replace(rename)
    if only:
        table.loc[rows, ["scope", "n_subpopulations"]] = ["specific", 1]
    write_tsv(folder, "genes", table)
    return {a.title: f"{a.text} {a.advice}" for a in make_claims(read_results(folder)).alerts}


def test_a_shared_response_of_dissociation_is_named(tmp_path):
    folder = make_folder(tmp_path / "a", k=6)
    rename = dict(zip(COMMON, ("FOS", "JUN", "DUSP1"), strict=False))
    found = _alerts(folder, rename)
    title = "The shared response is led by genes that dissociation of a tissue switches on"
    assert found[title].startswith("Among its first 10 genes: FOS, JUN and DUSP1.")
    assert not any(other.startswith("Changes led by") for other in found)


def test_a_gene_of_one_sex_is_enough_and_the_donors_say_what_to_do(tmp_path):
    for paired, words in ((False, "the sex of the donors"), (True, "swapped samples")):
        folder = make_folder(tmp_path / f"{paired}", k=6, paired=paired)
        found = _alerts(folder, {COMMON[0]: "Xist"})
        assert words in found["The shared response is led by genes of one sex"]


def test_a_gene_that_carriers_can_change_is_not_called_unchangeable(tmp_path):
    folder = make_folder(tmp_path / "a", k=6, paired=True)
    found = _alerts(folder, {COMMON[0]: "HLA-DRB5"})
    advice = found["The shared response is led by genes that not every person carries"]
    assert "can be an effect of the condition" in advice
    assert "who carries these genes cannot differ" in advice


def test_the_genes_of_one_population_are_a_note(tmp_path):
    folder = make_folder(tmp_path / "a", k=6)
    name = tsv(folder, "factors")["name"].iloc[0]
    rename = dict(zip(COMMON, ("HSPA1A", "HSPA1B", "DNAJB1"), strict=False))
    found = _alerts(folder, rename, only=name)
    assert found["Changes led by genes of heat shock"].startswith(
        f"Among the first 10 genes of {name} (HSPA1A, HSPA1B and DNAJB1)."
    )


def test_the_usual_response_raises_no_alert(tmp_path):
    assert not any("led by" in title for title in _alerts(make_folder(tmp_path / "a"), {}))
