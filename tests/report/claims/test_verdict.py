"""The opening of the report."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cgmm.report import build
from cgmm.report.claims.claims import make_claims
from cgmm.report.claims.document import findings_document
from cgmm.report.claims.finding_words import prevalence_text
from cgmm.report.claims.verdict import make_verdict
from cgmm.report.sections import flow
from cgmm.results.read import read_results
from tests.report.folders import COMMON, make_folder
from tests.report.numbers import (
    percent,
    ratio,
    tsv,
)
from tests.report.pages import read, said


@pytest.mark.parametrize("case", ["donors", "paired", "none"])
def test_counts_of_the_opening_are_recomputed(made, case):
    folder, html = made(case)
    factors, shifts = tsv(folder, "factors"), tsv(folder, "shifts")
    alive = factors.loc[factors["status"] != "gone"]
    if case == "none":
        up = (alive["log2_net"] >= np.log2(1.5)).sum()
        down = (alive["log2_net"] <= -np.log2(1.5)).sum()
    else:
        sure = alive.loc[alive["q"] < 0.05]
        up = (sure["ci_low"] + sure["ci_high"] > 0).sum()
        down = (sure["ci_low"] + sure["ci_high"] < 0).sum()
    length = shifts["unbiased_shift_sd" if "unbiased_shift_sd" in shifts else "mean_shift_sd"]
    moved = shifts.loc[shifts["source"].isin(alive["name"]) & (length >= 0.5)]
    groups = make_verdict(read_results(folder)).groups
    assert len(groups.more) == up
    assert len(groups.less) == down
    assert {f.name for f in groups.moved} == set(moved["source"])
    page = said(html)
    kinds = ("larger share", "smaller share", "differ in state")
    if case != "none":
        state = "changed state" if case == "paired" else "differ in state"
        kinds = ("more common", "rarer", state)
    for n, kind in zip((up, down, len(moved)), kinds, strict=True):
        if n:
            assert re.search(rf"\b{n} [a-z ]*{kind}", page)


def test_common_genes_are_named(made):
    folder, _ = made("donors")
    verdict = make_verdict(read_results(folder))
    assert {g for g, _, _ in verdict.common_genes} == set(COMMON)


@pytest.mark.parametrize("case", ["donors", "paired", "none"])
def test_the_largest_changes_of_the_opening(made, case):
    folder, html = made(case)
    page = read(html).sections["verdict"]
    factors = tsv(folder, "factors")
    factors = factors.loc[factors["status"] != "gone"]
    if case == "none":
        up = factors.loc[factors["log2_net"] >= np.log2(1.5)]
    else:
        up = factors.loc[(factors["q"] < 0.05) & (factors["ci_low"] + factors["ci_high"] > 0)]
    top = up.loc[up["log2_net"].idxmax()]
    start = "Most above in stim" if case == "none" else "Largest growth"
    words = f"{start}: {top['name']}, ×{ratio(top['log2_net'])} "
    if case != "none":
        words += f"[{ratio(top['ci_low'])}–{ratio(top['ci_high'])}] "
    words += f"({percent(top['share_source'])} to {percent(top['share_target'])} of cells"
    assert words in page


def test_the_first_page_answers_four_questions(made):
    folder, html = made("paired")
    answers = dict(make_verdict(read_results(folder)).answers)
    assert list(answers) == ["More or less common", "Changed state", "Who became whom", "How sure"]
    words = read(html).sections["verdict"]
    for answer in answers.values():
        assert " ".join(answer.split()) in words
    transfers, factors = tsv(folder, "transfers"), tsv(folder, "factors")
    alive = factors.loc[factors["status"] != "gone", "name"]
    main = transfers.loc[transfers.groupby("source")["share_of_source"].idxmax()]
    main = main.loc[main["source"].isin(alive)]
    own = (main["source"] == main["target"]).sum()
    many = "All" if own == len(main) else f"{own} of"
    assert answers["Who became whom"].startswith(f"{many} {len(main)} populations")
    assert "95% intervals over donors (8, each in both conditions)" in answers["How sure"]
    assert (
        "No donors were given"
        in dict(make_verdict(read_results(made("none")[0])).answers)["How sure"]
    )


def test_an_untestable_difference_is_not_counted_as_a_result(tmp_path):
    folder = make_folder(tmp_path / "a", k=4, n_cells=400, new_and_gone=False)
    table = pd.read_csv(folder / "factors.tsv", sep="\t", keep_default_na=False)
    table = table.astype(
        dict.fromkeys(("log2_net", "ci_low", "ci_high", "p", "q", "reason"), object)
    )
    table.loc[0, ["log2_net", "ci_low", "ci_high", "p", "q"]] = [2.0, "", "", "", ""]
    table.loc[0, "reason"] = "Fewer than 20 cells in a side: no interval."
    table.to_csv(folder / "factors.tsv", sep="\t", index=False)
    verdict = make_verdict(read_results(folder))
    name = table.loc[0, "name"]
    assert verdict.tested
    assert name not in {f.name for f in verdict.groups.more}
    assert [f.name for f in verdict.groups.untested] == [name]
    words = said(build(folder, tmp_path / "a.html"))
    assert f"not testable: {name}." in words
    assert "Fewer than 20 cells in a side: no interval." in words


@pytest.mark.parametrize("donors", [0, 1, 2, 3])
def test_one_degree_of_certainty_in_headline_tiles_titles_and_lines(tmp_path, donors):
    """Up to two donors a condition nothing is called a change; things differ."""
    folder = make_folder(tmp_path / "a", k=8, n_cells=3000, donors=donors, intervals=donors > 2)
    page = read(build(folder, tmp_path / "a.html"))
    words = " ".join(page.sections[name] for name in ("verdict", "factors", "shifts"))
    changes = ("became", "more common", "rarer", "changed state", "What changed", "grew", "gone")
    changes += ("growth", "seems", "moderate state shift", "strong state shift")
    found = [word for word in changes if re.search(rf"\b{word}\b", words)]
    if donors > 2:
        assert {"became", "What changed", "changed state"} <= set(found)
        assert "nothing is tested" not in words
    else:
        assert found == []
        assert "nothing is tested: these are differences between the samples at hand" in words
        assert "larger share" in words
        assert "differ in state" in words
    start = "Who became whom" if donors > 2 else "Who corresponds to whom"
    assert page.sections["flow"].startswith(start)
    claims = findings_document(make_claims(read_results(folder)))["claims"]
    own = [c for c in claims if c["kind"] in {"prevalence", "state"}]
    own = [c for c in own if c["state"] not in {"new", "gone"}]
    assert any(c["reported_as_change"] for c in own) == (donors > 2)


def test_what_is_hardly_left_without_a_test_is_called_so_everywhere(tmp_path):
    verdict = make_claims(read_results(make_folder(tmp_path / "drug"))).verdict
    (gone,) = verdict.groups.gone
    assert np.isnan(gone.q)
    assert gone.prevalence_text.startswith("hardly any cells left")
    assert "1 has hardly any cells left (not tested)" in verdict.headline[0]
    assert verdict.one_sided == "new, gone or hardly any left"
    tested = replace(gone, q=0.01)
    sure = replace(verdict, groups=replace(verdict.groups, gone=[tested]))
    (new,) = verdict.groups.new
    assert new.prevalence_text.startswith("in this condition only: ")
    assert new.prevalence_text.endswith(", not tested")
    assert "new there" not in " ".join(verdict.headline)
    assert sure.one_sided == "in one condition only"
    found = replace(sure.groups, new=[replace(new, q=0.01)])
    assert replace(sure, groups=found).one_sided == "new or gone"
    assert "; q 0.010)" in prevalence_text(tested)
    assert prevalence_text(tested).startswith("gone or nearly so")


def test_nothing_became_anything_where_nothing_was_tested(tmp_path):
    claims = make_claims(read_results(make_folder(tmp_path / "few", donors=2, n_cells=2000)))
    made = flow.section(claims)
    said = " ".join(
        str(getattr(part, name, "")) for part in made.parts for name in ("text", "reading", "svg")
    )
    assert "corresponds" in said
    for word in ("became", "came from", "changed"):
        assert word not in said
