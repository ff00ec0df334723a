"""The page that compares the comparisons."""

from __future__ import annotations

import json
import re

import pytest

from cgmm.report import build_index
from tests.report.numbers import (
    ratio,
    tsv,
)
from tests.report.pages import read, rows, said


def test_index_without_comparisons(tmp_path):
    out = build_index([], [], tmp_path / "index.html")
    assert "No comparison has been run yet." in said(out)


def test_the_index_compares(made, tmp_path):
    pairs = [made("donors"), made("none"), made("two")]
    out = build_index([p[0] for p in pairs], [p[1] for p in pairs], tmp_path / "index.html")
    page = read(out)
    overview = rows(page, "t-overview")
    assert len(overview) == 3
    for (folder, _), row in zip(pairs, overview, strict=True):
        meta = json.loads((folder / "report.json").read_text())
        assert row["Cells"][1] == sum(meta["n_cells"].values())
        assert row["Groups"][1] == len(tsv(folder, "factors"))
    across = {r["Population"][0]: list(r.values()) for r in rows(page, "t-across")}
    # rows of found populations mean nothing in another comparison, whatever their names
    labelled = [pairs[0], pairs[2]]
    tables = [tsv(folder, "factors").set_index("name") for folder, _ in labelled]
    assert across
    for name, cells in across.items():
        assert sum(shown != "not there" for shown, _ in cells[1:]) >= 2
        for table, (shown, value) in zip(tables, cells[1:], strict=True):
            if name not in table.index:
                assert shown in {"not there", "no counterpart", "new"}
            elif table.loc[name, "status"] == "gone":
                assert shown == "gone"
            else:
                assert value == pytest.approx(table.loc[name, "log2_net"])
                assert shown.startswith(f"×{ratio(value)}")
    assert page.heads["t-across"][1:] == [f"ctrl → stim ({f.name})" for f, _ in labelled]
    alone = read(build_index([pairs[0][0]], [pairs[0][1]], tmp_path / "one.html"))
    assert "t-overview" not in alone.tables
    assert re.search("1 comparison ", alone.sections["header"] + " ")
