"""Where names come from: in the opening, in the table of subpopulations and in the methods."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cgmm.report import build
from tests.report.folders import make_folder
from tests.report.numbers import tsv
from tests.report.pages import read, rows, said


@pytest.fixture
def page_with(tmp_path: Path) -> Callable[..., Path]:
    """Build the page of a folder whose components have other columns."""

    def make(**columns: object) -> Path:
        folder = make_folder(tmp_path / "results", k=3, n_cells=300, annotated=False)
        table = tsv(folder, "components").assign(**columns)
        table.to_csv(folder / "components.tsv", sep="\t", index=False)
        return build(folder, tmp_path / "page.html")

    return make


def test_names_of_a_marker_table_come_with_their_evidence(page_with: Callable[..., Path]) -> None:
    html = page_with(
        cell_type=["CD14 Mono", "mixed A/B", "", "CD14 Mono", "mixed A/B", ""],
        cell_type_purity=None,
        named_from=["marker table", "mixed", "unclear"] * 2,
        best_type="CD14 Mono",
        score=21.34,
        runner_up="NK cell",
        runner_up_score=-1.5,
        raised="2 of 3: LYZ, CD14",
    )
    words = said(html)
    assert "the cell type whose markers in the marker table stand out" in words
    assert "“Mixed” stands before two types" in words
    assert "Where the markers of no type stand out, two marker genes are the name" in words
    assert "named by a table of marker genes" in read(html).sections["methods"]
    assert "decoupleR" in read(html).sections["methods"]
    shown = [{k: v[0] for k, v in row.items()} for row in rows(read(html), "t-components")]
    assert [row["Name from"] for row in shown[:3]] == ["marker table", "mixed", "unclear"]
    assert {row["Best type"] for row in shown} == {"CD14 Mono (21.34)"}
    assert {row["Second type"] for row in shown} == {"NK cell (−1.50)"}
    assert {row["Raised"] for row in shown} == {"2 of 3: LYZ, CD14"}
    assert "Purity" not in shown[0]


def test_marker_genes_as_names_are_said_to_be_so(page_with: Callable[..., Path]) -> None:
    html = page_with(named_from="marker genes", cell_type="", cell_type_purity=None)
    assert "each name consists of the strongest markers" in said(html)
    assert "Cell type" not in rows(read(html), "t-components")[0]
    assert "named by" not in read(html).sections["methods"]
