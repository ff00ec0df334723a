"""Which factors hold under other choices of the fit."""

from __future__ import annotations

import numpy as np

from cgmm.report.claims.sensitivity import moved_by, sensitivity_sentence, settled, unsettled
from cgmm.report.claims.verdict import make_verdict
from cgmm.results.read import read_results
from tests.report.folders import make_folder
from tests.report.numbers import tsv, write_tsv


def test_a_factor_that_was_not_examined_is_neither_settled_nor_not(tmp_path):
    folder = make_folder(tmp_path / "a", k=4, n_cells=400, donors=0)
    table = tsv(folder, "factors").astype({"settled": object})
    names = table["name"].tolist()
    table["settled"] = [True, False, "", True]
    write_tsv(folder, "factors", table)
    results = read_results(folder)
    assert settled(results) == {names[0]: True, names[1]: False, names[3]: True}
    assert unsettled(results) == [names[1]]
    assert "2 of 3 factors stay within 1.5-fold" in sensitivity_sentence(results)
    by_name = {f.name: f.settled for f in make_verdict(results).findings}
    assert [by_name[n] for n in names] == [True, False, None, True]


def test_the_choices_that_move_a_factor_are_named(tmp_path):
    folder = make_folder(tmp_path / "a", k=4, n_cells=400, donors=0, flat=True)
    name = tsv(folder, "factors")["name"].iloc[0]
    assert moved_by(read_results(folder), [name]) == ""
    table = tsv(folder, "sensitivity")
    far = (table["name"] == name) & (table["parameter"] == "seed")
    table["log2_net"] = np.where(far, table["log2_net"] + 3, table["log2_net"])
    write_tsv(folder, "sensitivity", table)
    assert moved_by(read_results(folder), [name]) == "the seed of the search"


def test_without_other_choices_nothing_is_said(tmp_path):
    folder = make_folder(tmp_path / "a", k=3, n_cells=300, donors=0, sensitivity=False)
    assert sensitivity_sentence(read_results(folder)) == ""
