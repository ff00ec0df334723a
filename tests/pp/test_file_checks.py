"""Files that are damaged, or do not hold what a sample needs."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pytest

from cgmm.pp import (
    Sample,
    check_samples,
)
from tests.pp.made import problems, saved, small


@pytest.mark.parametrize("length", [0, 100, 3000])
def test_damaged_file(pair: list[Sample], length: int) -> None:
    path = Path(pair[1].path)
    path.write_bytes(path.read_bytes()[:length])
    text = problems(pair)
    assert str(path) in text
    assert "damaged" in text


def test_hdf5_without_tables(tmp_path: Path) -> None:
    path = tmp_path / "x.h5ad"
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros(3)
    assert "no `obs` table" in problems([Sample(sample="x", path=str(path), condition="c")])


def test_damaged_block_inside_a_file(tmp_path: Path) -> None:
    sample = saved(tmp_path, "a", small(2000))
    path = Path(sample.path)
    with h5py.File(path) as file:
        chunk = file["X/data"].id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + 200] = b"\x00" * 200
    path.write_bytes(bytes(content))
    assert "damaged" in problems([sample])


def test_file_without_cells(tmp_path: Path) -> None:
    assert "no cells" in problems([saved(tmp_path, "a", small()[:0].copy())])


def test_file_without_x(tmp_path: Path) -> None:
    adata = small()
    layers = {"raw": adata.X}
    sample = saved(tmp_path, "a", ad.AnnData(obs=adata.obs, var=adata.var, layers=layers))
    assert "there is no X (layers: raw)" in problems([sample])
    assert check_samples([sample], counts_layer="raw")["samples"][0]["n_cells_read"] == 40
