"""Who became whom by the match and by the count of cells."""

from __future__ import annotations

import numpy as np
import pytest

from cgmm.report import build
from cgmm.report.claims.cell_counts import counted, disagreements, unlisted
from cgmm.results.read import read_results
from tests.report.folders import make_folder
from tests.report.numbers import (
    tsv,
    write_tsv,
)
from tests.report.pages import read


@pytest.fixture
def folder(tmp_path):
    return make_folder(
        tmp_path / "a", k=4, n_cells=4000, new_and_gone=False, donors=0, sensitivity=False
    )


def test_parts_of_what_a_population_became_add_up(folder):
    results = read_results(folder)
    parts = counted(results).groupby("source")["counted_share"].sum()
    np.testing.assert_allclose(parts, 1.0, rtol=1e-9)
    assert unlisted(results) == pytest.approx(0.0, abs=1e-12)
    assert disagreements(results) == []


def test_a_count_that_contradicts_the_match_is_told(folder, tmp_path):
    table, arrivals = tsv(folder, "transfers"), tsv(folder, "arrivals")
    factors = tsv(folder, "factors")
    first, second = factors["name"].iloc[:2]
    # most cells of the second target population came from the first of the source
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
    write_tsv(folder, "transfers", table)
    write_tsv(folder, "factors", factors)
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
    table = tsv(folder, "transfers")
    share = tsv(folder, "arrivals").set_index("name")["share_target"]
    pair = table["share_of_target"].idxmin()
    largest = table.loc[table["source"] == table["target"]].index[0]
    missing = table.loc[largest, "share_of_target"] * share[table.loc[largest, "target"]]
    write_tsv(folder, "transfers", table.drop(index=largest))
    assert unlisted(read_results(folder)) == pytest.approx(missing)
    said = read(build(folder, tmp_path / "a.html")).sections["flow"]
    assert f"{100 * missing:.0f}% of the cells in stim came by pairs too small" in said
    write_tsv(folder, "transfers", table.drop(index=pair))
    assert (
        "too small for the table" not in read(build(folder, tmp_path / "b.html")).sections["flow"]
    )
