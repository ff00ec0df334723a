"""Parquet files hold what the text files hold."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from cgmm.results.parquet import parquet_name, write_parquet
from cgmm.results.read import read_results
from cgmm.tables import TABLES
from tests.report.folders import make_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("parquet") / "a"
    return make_folder(where, k=8, n_cells=400, nasty=True, intervals=True)


def test_every_table_is_the_text_file(folder: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    made = write_parquet(folder, tmp_path)
    assert {path.name for path in made} >= {"factors.parquet", "cells.parquet", "genes.parquet"}
    results = read_results(folder)
    for name, table in TABLES.items():
        if not (folder / table.file).exists():
            continue
        found = parquet.read_table(tmp_path / parquet_name(table)).to_pydict()
        text = results.tables[name]
        for column in table.columns:
            if column.name not in found or name == "donors":
                continue
            values = found[column.name]
            if column.kind == "text":
                assert values == text[column.name].to_list(), (name, column.name)
            elif column.kind == "number":
                numbers = np.array([np.nan if v is None else v for v in values], dtype=float)
                np.testing.assert_allclose(numbers, text[column.name].to_numpy(float), rtol=1e-12)
    cells = parquet.read_table(tmp_path / "cells.parquet")
    assert str(cells.schema.field("obs_plate").type) == "string"
    assert str(cells.schema.field("pct_mt").type) == "double"


def test_without_pyarrow_a_sentence_says_how_to_get_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(ModuleNotFoundError, match=r"need pyarrow: pip install 'pyarrow>=17'"):
        write_parquet(folder, tmp_path)
    assert list(tmp_path.iterdir()) == []
