"""Who became whom by the match and by the count of cells, and what is said where they differ."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from cgmm.report import build
from cgmm.report.claims.cell_counts import counted, disagreements, unlisted
from cgmm.report.claims.verdict import make_verdict
from cgmm.results.read import read_results
from tests.report.folders import make_folder
from tests.report.pages import read, rows

RIBBON = re.compile(r'<path d="([^"]+)"[^>]*class="ribbon mark" data-s="(\d+)"')


def _tsv(folder, name):
    return pd.read_csv(folder / f"{name}.tsv", sep="\t", keep_default_na=False, na_values=[""])


def _write(folder, name, table):
    table.to_csv(folder / f"{name}.tsv", sep="\t", index=False)


@pytest.fixture
def folder(tmp_path):
    return make_folder(
        tmp_path / "a", k=4, n_cells=4000, new_and_gone=False, donors=0, sensitivity=False
    )


def test_parts_of_what_a_subpopulation_became_add_up(folder):
    results = read_results(folder)
    parts = counted(results).groupby("source")["counted_share"].sum()
    np.testing.assert_allclose(parts, 1.0, rtol=1e-9)
    assert unlisted(results) == pytest.approx(0.0, abs=1e-12)
    assert disagreements(results) == []


def test_ribbons_of_a_subpopulation_widen_by_its_factor(folder, tmp_path):
    html = build(folder, tmp_path / "a.html").read_text(encoding="utf-8")
    ends = {}
    for path, index in RIBBON.findall(html):
        v = [float(x) for x in re.findall(r"[\d.]+", path)]
        before, after = ends.get(int(index), (0.0, 0.0))
        ends[int(index)] = (before + v[15] - v[1], after + v[9] - v[7])
    factors = _tsv(folder, "factors").set_index("name")["log2_net"]
    subs = read_results(folder).subpopulations
    assert sorted(ends) == [s.index for s in subs]
    for sub in subs:
        before, after = ends[sub.index]
        assert after / before == pytest.approx(2 ** factors[sub.name], rel=0.03)


def test_the_table_of_transfers_has_the_numbers_of_the_ribbons(made):
    folder, html = made("paired")
    table = counted(read_results(folder)).set_index(["source", "target"])["counted_share"]
    found = rows(read(html), "t-transfers")
    assert found
    for row in found:
        wanted = table[row["From"][0], row["To"][0]]
        assert row["Counted, of ctrl"][1] == pytest.approx(wanted, rel=1e-9)
    assert "Counted, of ctrl" not in read(made("none")[1]).heads["t-transfers"]


def test_a_count_that_contradicts_the_match_is_told(folder, tmp_path):
    table, arrivals = _tsv(folder, "transfers"), _tsv(folder, "arrivals")
    factors = _tsv(folder, "factors")
    first, second = factors["name"].iloc[:2]
    # most cells of the second target subpopulation came from the first of the source
    into = table["target"] == second
    other = np.where(table["source"] == second, 0.05, 0.0)
    table["share_of_target"] = table["share_of_target"].where(
        ~into, np.where(table["source"] == first, 0.95, other)
    )
    own = (table["source"] == first) & (table["target"] == first)
    table.loc[own, "share_of_target"] = 0.1
    share = arrivals.set_index("name")["share_target"]
    became = (table["share_of_target"] * table["target"].map(share)).groupby(table["source"]).sum()
    factors["share_target"] = factors["name"].map(became)
    factors["log2_net"] = np.log2(factors["share_target"] / factors["share_source"])
    _write(folder, "transfers", table)
    _write(folder, "factors", factors)
    (found,) = disagreements(read_results(folder))
    assert (found.name, found.matched, found.counted) == (first, first, second)
    assert found.counted_share == pytest.approx(0.95 * share[second] / became[first])
    page = read(build(folder, tmp_path / "a.html"))
    assert "Two readings of who became whom disagree" in page.sections["alerts"]
    percent = f"{100 * found.counted_share:.0f}%"
    assert f"{first} is matched to {first}" in page.sections["alerts"]
    assert f"{percent} lie in {second}" in page.sections["alerts"]
    assert f"Counted cell by cell, mainly {second}." in page.sections["verdict"]


def test_pairs_that_the_table_leaves_out_are_told(folder, tmp_path):
    table = _tsv(folder, "transfers")
    share = _tsv(folder, "arrivals").set_index("name")["share_target"]
    pair = table["share_of_target"].idxmin()
    largest = table.loc[table["source"] == table["target"]].index[0]
    missing = table.loc[largest, "share_of_target"] * share[table.loc[largest, "target"]]
    _write(folder, "transfers", table.drop(index=largest))
    assert unlisted(read_results(folder)) == pytest.approx(missing)
    said = read(build(folder, tmp_path / "a.html")).sections["flow"]
    assert f"{100 * missing:.0f}% of the cells in stim came by pairs too small" in said
    _write(folder, "transfers", table.drop(index=pair))
    assert (
        "too small for the table" not in read(build(folder, tmp_path / "b.html")).sections["flow"]
    )


def test_a_shift_whose_interval_reaches_zero_is_not_called_one(tmp_path):
    folder = make_folder(
        tmp_path / "a", k=4, n_cells=2000, new_and_gone=False, intervals=True, paired=True
    )
    name = _tsv(folder, "factors")["name"].iloc[0]
    assert name in {f.name for f in make_verdict(read_results(folder)).groups.moved}
    shifts = _tsv(folder, "shifts")
    shifts.loc[shifts["source"] == name, "ci_low"] = 0.0
    _write(folder, "shifts", shifts)
    verdict = make_verdict(read_results(folder))
    assert name not in {f.name for f in verdict.groups.moved}
    finding = next(f for f in verdict.findings if f.name == name)
    assert finding.state_text.startswith("no clear state shift (")
    assert "led by" not in finding.state_text
    said = read(build(folder, tmp_path / "a.html")).sections["shifts"]
    assert "not clear" in said


def test_the_first_page_answers_four_questions(made):
    folder, html = made("paired")
    answers = dict(make_verdict(read_results(folder)).answers)
    assert list(answers) == ["More or less common", "Changed state", "Who became whom", "How sure"]
    said = read(html).sections["verdict"]
    for answer in answers.values():
        assert " ".join(answer.split()) in said
    transfers, factors = _tsv(folder, "transfers"), _tsv(folder, "factors")
    alive = factors.loc[factors["status"] != "gone", "name"]
    main = transfers.loc[transfers.groupby("source")["share_of_source"].idxmax()]
    main = main.loc[main["source"].isin(alive)]
    own = (main["source"] == main["target"]).sum()
    many = "All" if own == len(main) else f"{own} of"
    assert answers["Who became whom"].startswith(f"{many} {len(main)} subpopulations")
    assert "95% intervals over donors (8, each in both conditions)" in answers["How sure"]
    assert (
        "No donors were given"
        in dict(make_verdict(read_results(made("none")[0])).answers)["How sure"]
    )
