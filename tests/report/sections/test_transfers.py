"""Transfers in numbers."""

from __future__ import annotations

import re

import pytest

from cgmm._utils.labels import breadth
from cgmm.report.sections.transfers import HEAD_LETTER, heatmap_figure
from cgmm.results.read import read_results
from tests.report.folders import make_folder
from tests.report.numbers import change_report, tsv
from tests.report.pages import read, rows


def test_rows_and_columns_of_the_table_add_up_to_one(made) -> None:
    folder, html = made("paired")
    found = rows(read(html), "t-transfers")
    transfers = tsv(folder, "transfers")
    for side, column in (("From", "Of ctrl"), ("To", "Of stim")):
        totals: dict[str, float] = {}
        for row in found:
            totals[row[side][0]] = totals.get(row[side][0], 0.0) + row[column][1]
        assert totals
        for total in totals.values():
            assert total == pytest.approx(1.0, abs=0.02)
    listed = sum(row["Of all"][1] for row in found)
    assert listed == pytest.approx(transfers["mass"].sum(), abs=0.01)


@pytest.mark.parametrize("condition", ["ctrl", "unstimulated", "MMMMMMMMMMMM"])
def test_the_head_of_the_rows_begins_inside_the_drawing(tmp_path, condition: str) -> None:
    folder = make_folder(tmp_path / "a", k=3)
    change_report(folder, source=condition)
    results = read_results(folder)
    for svg in (heatmap_figure(results).svg, heatmap_figure(results).narrow):
        x, words = re.search(
            r'<text x="([\d.]+)"[^>]*class="head"[^>]*>([^<]* ↓)<', str(svg)
        ).groups()
        assert words[0] == condition[0]
        assert breadth(words) * HEAD_LETTER <= float(x) + 8
