"""Rows of a stored matrix are read in blocks, and are those of the whole."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pytest
import scipy.sparse as sp

from cgmm._utils import rows as rows_module
from cgmm._utils.rows import RowsWriter, read_rows, row_blocks
from cgmm.results.annotate import read_values

FORMS = {"dense": np.asarray, "csr": sp.csr_matrix, "csc": sp.csc_matrix}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("block", [1, 37, 10**6])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_rows_are_those_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, block: int, share: float
) -> None:
    monkeypatch.setattr(rows_module, "BLOCK_VALUES", block)
    rng = np.random.default_rng(0)
    whole = rng.poisson(0.4, size=(60, 12)).astype(np.float32)
    whole[[0, 17, 59]] = 0  # rows without a stored value
    ad.AnnData(FORMS[form](whole)).write_h5ad(tmp_path / "x.h5ad")
    rows = rng.random(60) < share
    with h5py.File(tmp_path / "x.h5ad") as file:
        found = read_rows(file["X"], rows)
    assert sp.issparse(found) == (form != "dense")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.toarray() if sp.issparse(found) else found, whole[rows])


def test_marks_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    ad.AnnData(sp.csr_matrix(np.eye(4, dtype=np.float32))).write_h5ad(tmp_path / "x.h5ad")
    with h5py.File(tmp_path / "x.h5ad") as file, pytest.raises(ValueError, match="3 marks for the"):
        read_rows(file["X"], np.ones(3, dtype=bool))


def test_blocks_are_small_and_those_without_rows_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_module, "BLOCK_VALUES", 50)
    whole = sp.csr_matrix(np.ones((100, 7), dtype=np.float32))
    ad.AnnData(whole).write_h5ad(tmp_path / "x.h5ad")
    rows = np.zeros(100, dtype=bool)
    rows[40:90] = True
    with h5py.File(tmp_path / "x.h5ad") as file:
        blocks = list(row_blocks(file["X"], rows))
    assert all(block.nnz <= 50 for block in blocks)
    assert all(block.shape[0] for block in blocks)
    assert sum(block.shape[0] for block in blocks) == 50


def test_rows_are_written_though_blocks_have_none(tmp_path: Path) -> None:
    """As where no cell of a block passes quality control."""
    whole = sp.random(30, 7, density=0.3, format="csr", dtype=np.float32, random_state=0)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        writer = RowsWriter(file.create_group("X"), np.diff(whole.indptr), 7)
        for lo, hi in ((0, 0), (0, 12), (12, 12), (12, 30), (30, 30)):
            writer.write(whole[lo:hi], np.arange(lo, hi))
        found = read_rows(file["X"], np.ones(30, dtype=bool))
    assert (found != whole).nnz == 0


@pytest.mark.parametrize("order", ["shuffled", "by turns", "backwards"])
def test_rows_are_written_in_any_order(tmp_path: Path, order: str) -> None:
    whole = sp.random(30, 7, density=0.3, format="csr", dtype=np.float32, random_state=0)
    rows = {
        "shuffled": np.random.default_rng(0).permutation(30),
        "by turns": np.arange(30).reshape(3, 10).T.ravel(),
        "backwards": np.arange(30)[::-1],
    }[order]
    with h5py.File(tmp_path / "x.h5", "w") as file:
        writer = RowsWriter(file.create_group("X"), np.diff(whole.indptr), 7)
        for part in np.split(rows, [4, 4, 17]):
            writer.write(whole[part], part)
        found = read_rows(file["X"], np.ones(30, dtype=bool))
        with pytest.raises(ValueError, match="not the number of values that was announced"):
            writer.write(whole[[0, 1]], np.array([1, 0]))
    assert (found != whole).nnz == 0
    assert np.array_equal(found.indices, whole.indices)


def test_a_comparison_reads_its_own_cells(simulated: ad.AnnData, tmp_path: Path) -> None:
    simulated.write_h5ad(tmp_path / "p.h5ad")
    rows = (simulated.obs["condition"].astype(str) == "treated").to_numpy()
    assert 0 < rows.sum() < simulated.n_obs
    values = read_values(tmp_path / "p.h5ad", rows=rows, counts=True)
    mine = simulated[rows]
    assert values.obs_names.equals(mine.obs_names)
    for found, wanted in ((values.X, mine.X), (values.layers["counts"], mine.layers["counts"])):
        assert abs(sp.csr_matrix(found) - sp.csr_matrix(wanted)).max() == 0
