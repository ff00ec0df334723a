"""One declaration per result table holds for frames, files, documentation and captions."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import anndata as ad
import pandas as pd
import pytest

import cgmm as cg
from cgmm.report.sections.downloads import WHAT
from cgmm.tables import BY_LEVEL, CELLS, OF_TARGETS, TABLES, Table
from workflow import document_tables

ROOT = Path(__file__).resolve().parents[1]
DTYPES = {"text": "object", "whole": "int64", "number": "float64", "flag": "bool"}
OF_DONORS = {"donor_shifts"}  # only after cgmm.tl.donors
EVERY = [*TABLES.values(), CELLS, *OF_TARGETS.values(), *BY_LEVEL.values()]
FILES = TABLES | OF_TARGETS


def check_types(frame: pd.DataFrame, table: Table) -> None:
    assert tuple(frame.columns) == table.names
    assert [str(frame[c.name].dtype) for c in table.columns] == [
        DTYPES[c.kind] for c in table.columns
    ]
    assert all(isinstance(v, str) for name in table.of_kind("text") for v in frame[name])


@pytest.mark.parametrize("table", EVERY, ids=lambda t: f"{t.name}-{len(t.columns)}")
def test_every_column_has_a_meaning_of_one_line(table: Table) -> None:
    assert len(set(table.names)) == len(table.names)
    assert not table.meaning.endswith(".")
    for column in table.columns:
        assert re.fullmatch(r"[^\n|`]{8,120}\.", column.meaning), column


@pytest.mark.parametrize("name", [name for name in TABLES if name not in OF_DONORS])
def test_frames_have_the_columns_and_types_of_their_table(fitted: ad.AnnData, name: str) -> None:
    frame = getattr(cg.get, name)(fitted)
    check_types(frame, TABLES[name])
    assert isinstance(frame.index, pd.RangeIndex)
    # a frame that was handed out can be changed without changing the object
    frame.iloc[:, 0] = frame.iloc[::-1, 0].to_numpy()
    pd.testing.assert_frame_equal(
        getattr(cg.get, name)(fitted), getattr(cg.get, name)(fitted.copy())
    )


@pytest.mark.parametrize("name", BY_LEVEL)
def test_sums_have_the_columns_and_types_of_their_table(fitted: ad.AnnData, name: str) -> None:
    check_types(getattr(cg.get, name)(fitted, by="cell_type"), BY_LEVEL[name])


def test_a_table_without_some_columns_keeps_the_others() -> None:
    part = TABLES["factors"].with_columns(("q", "name"))
    assert part.names == ("q", "name")
    assert part.required == ("name",)
    assert part.file == "factors.tsv"
    with pytest.raises(KeyError, match="no_such"):
        part.with_columns(("no_such",))


def test_declarations_load_no_package() -> None:
    code = "import sys, cgmm.tables; print({'numpy', 'pandas', 'jax'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_report_offers_every_table() -> None:
    for table in (*TABLES.values(), CELLS):
        assert WHAT[table.file] == table.meaning


def test_the_page_on_results_explains_every_column() -> None:
    text = document_tables.PAGE.read_text(encoding="utf-8")
    assert document_tables.filled(text) == text, "run: python workflow/document_tables.py"
    prose = text.split(document_tables.BEGIN)[0]
    words = set(re.findall(r"`([^`]+)`", prose))
    known = {"component", "name", "source", "target", "source_component", "target_component"}
    known |= {"side", "condition", "donor", "gene", "markers", "cell_type", "cell_type_purity"}
    for table in FILES.values():
        assert set(table.names) <= words | known, table.name


@pytest.mark.parametrize("name", FILES)
def test_captions_are_made_of_the_declarations(name: str) -> None:
    path = document_tables.CAPTIONS / f"{name}.rst"
    expected = document_tables.caption(FILES[name])
    assert path.read_text(encoding="utf-8") == expected, "run: python workflow/document_tables.py"


def test_no_caption_is_left_over() -> None:
    assert {path.stem for path in document_tables.CAPTIONS.glob("*.rst")} == set(FILES)
