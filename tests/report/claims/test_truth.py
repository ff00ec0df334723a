"""Estimates against the truth of simulated data."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cgmm.report import build
from tests.report.folders import make_folder
from tests.report.numbers import (
    tsv,
)
from tests.report.pages import read, rows, said


def test_truth_error_is_recomputed(made):
    folder, html = made("donors")
    truth = json.loads((folder / "report.json").read_text())["truth"]
    factors = tsv(folder, "factors")
    error = np.sqrt(np.mean((factors["log2_net"] - np.array(truth["log2_net"])) ** 2))
    assert f"is {error:.2f} on the log2 scale" in said(html)


def test_pieces_of_a_simulated_population_are_pooled(tmp_path):
    folder = make_folder(tmp_path / "a", k=6, n_cells=3000, truth=True, new_and_gone=False)
    components = tsv(folder, "components").astype({"cell_type": object})
    names = tsv(folder, "factors")["name"].tolist()
    components["cell_type"] = components["cell_type"].replace({names[1]: names[0]})
    components.to_csv(folder / "components.tsv", sep="\t", index=False)
    factors = tsv(folder, "factors")
    two = factors.iloc[:2]
    pooled = np.log2(two["share_target"].sum() / two["share_source"].sum())
    page = read(build(folder, tmp_path / "a.html"))
    row = {r["Population"][0]: r for r in rows(page, "t-truth")}[names[0]]
    assert row["Found"][1] == pytest.approx(pooled)
    assert row["Pieces"][1] == 2
    assert f"pooled here: {names[0]}" in page.sections["truth"]
    truth = dict(
        zip(*(json.loads((folder / "report.json").read_text())["truth"][k]
              for k in ("names", "log2_net")), strict=True)
    )  # fmt: skip
    found = dict(zip(factors["name"], factors["log2_net"], strict=True)) | {names[0]: pooled}
    both = [n for n in truth if n != names[1]]
    error = np.sqrt(np.mean([(found[n] - truth[n]) ** 2 for n in both]))
    assert f"is {error:.2f} on the log2 scale" in page.sections["truth"]
    assert f"typically off by {2**error:.2f}-fold" in page.sections["truth"]
