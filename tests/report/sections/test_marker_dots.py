"""The dot plot of the report: one dot per gene and population, in the order of the populations."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from cgmm._utils.markers import leading_markers
from cgmm.report.sections.marker_dots import marker_figure
from cgmm.results.read import read_results
from tests.report.folders import make_folder


def test_dots_say_what_the_table_says(tmp_path: Path) -> None:
    results = read_results(make_folder(tmp_path / "drug", new_and_gone=False))
    figure = marker_figure(results)
    assert figure is not None
    table = results.tables["markers"]
    row = table[(table["gene"] == "MARK2A") & (table["name"] == "B")].iloc[0]
    said = re.search(r"MARK2A in B: mean ([\d.]+), ([\d.]+)% of cells", figure.svg)
    assert said is not None
    assert float(said[1]) == round(row["mean"], 2)
    assert abs(float(said[2]) - 100 * row["fraction"]) <= 0.5
    assert figure.svg.count("<circle") == 12 * 48 + 3
    assert "Size: the fraction of cells" in figure.reading


def test_cytometry_has_dots_of_one_size_and_calls_them_markers(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "cyt", k=4)
    meta = json.loads((folder / "report.json").read_text())
    meta["config"]["modality"] = "cytometry"
    (folder / "report.json").write_text(json.dumps(meta))
    results = read_results(folder)
    results.tables["markers"]["fraction"] = np.nan
    figure = marker_figure(results)
    assert figure is not None
    assert len(set(re.findall(r' r="([\d.]+)"', figure.svg))) == 1
    assert "gene" not in figure.reading + figure.title
    assert "Size" not in figure.reading


def test_without_markers_there_is_no_figure(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "old")
    (folder / "markers.tsv").unlink()
    assert marker_figure(read_results(folder)) is None


def test_a_gene_of_two_populations_stands_once(tmp_path: Path) -> None:
    table = read_results(make_folder(tmp_path / "drug")).tables["markers"]
    twice = table.copy()
    twice.loc[twice["marker_of"] == "B", "gene"] = "MARK1A"
    chosen = leading_markers(twice, ["CD14 Mono", "B"], 5)
    assert [gene for _, gene in chosen] == [f"MARK1{c}" for c in "ABCDE"]
