"""A table is written with the same bytes every time; a map belongs to its cells."""

from __future__ import annotations

import gzip
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from cgmm.results.write import put_on_map, write_table


def test_a_table_is_text_with_six_digits_and_empty_fields(tmp_path: Path) -> None:
    table = pd.DataFrame({"name": ["a", "NA"], "x": [1 / 3, np.nan], "n": [1, 2]})
    write_table(table, tmp_path / "a.tsv")
    assert (tmp_path / "a.tsv").read_bytes() == b"name\tx\tn\na\t0.333333\t1\nNA\t\t2\n"


def test_a_compressed_table_has_no_time_in_it(tmp_path: Path) -> None:
    table = pd.DataFrame({"x": np.arange(100)})
    for name in ("a", "b"):
        write_table(table, tmp_path / f"{name}.tsv.gz")
    first, second = (tmp_path / f"{name}.tsv.gz" for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()
    assert gzip.decompress(first.read_bytes()).decode().splitlines()[1] == "0"


def test_a_map_is_put_on_its_own_cells_only(tmp_path: Path) -> None:
    names = pd.DataFrame(index=pd.Index(["a", "b", "c"], dtype=object))
    places = np.array([[0, 1], [np.nan, np.nan], [2, 3]], dtype=np.float32)
    ad.AnnData(obs=names, obsm={"X_umap": places}).write_h5ad(tmp_path / "map.h5ad")
    cells = ad.AnnData(obs=names)
    assert put_on_map(cells, tmp_path / "map.h5ad") == 2
    np.testing.assert_array_equal(cells.obsm["X_umap"], places)
    others = ad.AnnData(obs=names.rename({"c": "d"}))
    with pytest.raises(ValueError, match=r"map\.h5ad has other cells"):
        put_on_map(others, tmp_path / "map.h5ad")
