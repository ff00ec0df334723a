"""Ribbons of the alluvial figure."""

from __future__ import annotations

import re

import pytest

from cgmm.report import build
from cgmm.results.read import read_results
from tests.report.folders import make_folder
from tests.report.numbers import (
    tsv,
)

RIBBON = re.compile(r'<path d="([^"]+)"[^>]*class="ribbon mark" data-s="(\d+)"')


@pytest.fixture
def folder(tmp_path):
    return make_folder(
        tmp_path / "a", k=4, n_cells=4000, new_and_gone=False, donors=0, sensitivity=False
    )


def test_ribbons_of_a_population_widen_by_its_factor(folder, tmp_path):
    html = build(folder, tmp_path / "a.html").read_text(encoding="utf-8")
    ends = {}
    for path, index in RIBBON.findall(html):
        v = [float(x) for x in re.findall(r"[\d.]+", path)]
        before, after = ends.get(int(index), (0.0, 0.0))
        ends[int(index)] = (before + v[15] - v[1], after + v[9] - v[7])
    factors = tsv(folder, "factors").set_index("name")["log2_net"]
    subs = read_results(folder).populations
    assert sorted(ends) == [s.index for s in subs]
    for sub in subs:
        before, after = ends[sub.index]
        assert after / before == pytest.approx(2 ** factors[sub.name], rel=0.03)
