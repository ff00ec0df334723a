"""Samples read in blocks of cells end in the same numbers as samples in memory."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import anndata as ad
import h5py
import numpy as np
import pytest
import scipy.sparse as sp

from cgmm import pp
from cgmm._utils import rows as rows_module
from cgmm._utils.h5ad import write_h5ad
from cgmm.pp import InputError, Sample, _lazy
from cgmm.simulate import counts

QC: dict[str, Any] = {"min_genes": 30, "min_cells": 20, "max_pct_mt": 8.0}


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    """Two samples in one file, interleaved, dense; a third with other genes in another order."""
    folder = tmp_path_factory.mktemp("scale")
    adata = counts(n_cells=900, n_genes=120, n_donors=2, conditions=("a", "b"), paired=True)
    rng = np.random.default_rng(0)
    adata = adata[rng.permutation(adata.n_obs)].copy()
    adata.X = sp.csr_matrix(np.asarray(sp.csr_matrix(adata.X).toarray(), dtype=np.float32))
    adata.var_names = [f"MT-{i}" if i < 5 else f"G{i}" for i in range(adata.n_vars)]
    names = adata.obs["sample"].astype(str)
    first = adata[names.isin(["a_D01", "a_D02"])].copy()
    first.X = first.X.toarray()
    second = adata[names == "b_D01"][:, rng.permutation(adata.n_vars)[5:]].copy()
    rows = []
    for name, part in (("first", first), ("second", second)):
        write_h5ad(part, folder / f"{name}.h5ad")
        for sample in dict.fromkeys(part.obs["sample"].astype(str)):
            row = {"sample": sample, "path": str(folder / f"{name}.h5ad"), "condition": sample[0]}
            rows.append(Sample(**row, donor=sample[2:], obs_column="sample", obs_value=sample))
    return rows


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "BLOCK_VALUES", 3000)


@pytest.fixture
def both(samples: list[Sample], tmp_path: Path) -> tuple[Path, Path]:
    """The prepared files, through memory and in blocks."""
    adata = pp.join_samples(samples)
    table = pp.quality_control(adata, **QC)
    pp.normalise(adata)
    pp.write_prepared(adata, tmp_path / "memory.h5ad")
    lazy, n_genes = pp.prepare_lazily(samples, tmp_path / "lazy.h5ad", **QC)
    assert table.equals(lazy)
    assert n_genes == adata.n_vars
    assert (table["n_cells_kept"] < table["n_cells_read"]).any()
    return tmp_path / "memory.h5ad", tmp_path / "lazy.h5ad"


def test_the_prepared_file_is_the_same(both: tuple[Path, Path]) -> None:
    one, two = (ad.read_h5ad(path) for path in both)
    assert 2 < one.n_vars <= 115
    assert one.obs.equals(two.obs)
    assert one.var_names.equals(two.var_names)
    for x, y in ((one.X, two.X), (one.layers["counts"], two.layers["counts"])):
        assert x.dtype == y.dtype == np.float32
        assert (x != y).nnz == 0
    assert [p.name for p in both[1].parent.glob(".*")] == []


def test_the_embedding_is_the_same(both: tuple[Path, Path]) -> None:
    pytest.importorskip("dask")
    one, two = (pp.read_prepared(path) for path in both)
    assert two.X.npartitions > 3
    facts = [pp.embed(x, n_pcs=6, n_dims=4, n_top_genes=50) for x in (one, two)]
    assert [f.pop("scale") for f in facts] == ["memory", "lazy"]
    ratios = [f.pop("variance_ratio") for f in facts]
    np.testing.assert_allclose(*ratios, rtol=1e-4)
    assert facts[0] == facts[1]
    assert (one.var["highly_variable"] == two.var["highly_variable"]).all()
    np.testing.assert_allclose(one.obsm["X_pca"], two.obsm["X_pca"], atol=5e-3)
    np.testing.assert_allclose(one.varm["PCs"], two.varm["PCs"], atol=1e-3)


def test_bad_counts_are_found_in_any_block(samples: list[Sample], tmp_path: Path) -> None:
    adata = ad.read_h5ad(samples[-1].path)
    values = adata.X.tolil()
    values[-1, 0] = 0.5
    adata.X = values.tocsr()
    write_h5ad(adata, tmp_path / "half.h5ad")
    half = Sample(sample="half", path=str(tmp_path / "half.h5ad"), condition="b")
    with pytest.raises(InputError, match=r"half.*not whole numbers"):
        pp.prepare_lazily([*samples, half], tmp_path / "out.h5ad", **QC)
    assert not (tmp_path / "out.h5ad").exists()


def test_values_outside_the_columns_are_found_in_any_block(
    samples: list[Sample], tmp_path: Path
) -> None:
    path = Path(shutil.copy(samples[-1].path, tmp_path / "damaged.h5ad"))
    with h5py.File(path, "a") as file:
        file["X/indices"][-1] = 10**6
    damaged = Sample(sample="damaged", path=str(path), condition="b")
    with pytest.raises(InputError, match=r"damaged\.h5ad: .*values outside its 115 columns"):
        pp.prepare_lazily([*samples, damaged], tmp_path / "out.h5ad", **QC)
    assert not (tmp_path / "out.h5ad").exists()


def test_a_sample_without_good_cells_is_named(samples: list[Sample], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"qc\.min_genes"):
        pp.prepare_lazily(samples, tmp_path / "out.h5ad", min_genes=1000)


def test_auto_is_lazy_above_a_number_of_values(
    samples: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("dask")
    assert pp.choose_scale(samples) == "memory"
    assert pp.choose_scale(samples, "lazy") == "lazy"
    monkeypatch.setattr(_lazy, "LAZY_VALUES", 1000)
    assert pp.choose_scale(samples) == "lazy"
    assert pp.choose_scale(samples, "memory") == "memory"
    assert pp.choose_scale(samples, modality="cytometry") == "memory"


def test_values_by_columns_are_refused_or_go_through_memory(
    samples: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adata = ad.read_h5ad(samples[-1].path)
    adata.X = sp.csc_matrix(adata.X)
    write_h5ad(adata, tmp_path / "columns.h5ad")
    columns = Sample(sample="c", path=str(tmp_path / "columns.h5ad"), condition="b")
    with pytest.raises(InputError, match=r"columns\.h5ad stores its values by columns"):
        pp.choose_scale([columns], "lazy")
    monkeypatch.setattr(_lazy, "LAZY_VALUES", 10)
    assert pp.choose_scale([columns]) == "memory"


def test_samples_by_turns_in_a_file_are_read_once_in_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twelve samples whose cells lie by turns cost the reads of one; files come back in between."""
    adata = counts(n_cells=480, n_genes=120, n_donors=2, conditions=("a", "b"), paired=True)
    adata.X = sp.csr_matrix(adata.X)
    found = {}
    original = h5py.Dataset.__getitem__
    for n in (1, 12):
        adata.obs["turn"] = [f"t{i % n}" for i in range(adata.n_obs)]
        samples = []
        for stem, part in (("x", adata[:240]), ("y", adata[240:])):
            write_h5ad(part.copy(), tmp_path / f"{stem}.h5ad")
            samples += [
                Sample(
                    sample=f"{stem}{i}",
                    path=str(tmp_path / f"{stem}.h5ad"),
                    condition=stem,
                    obs_column="turn",
                    obs_value=f"t{i}",
                )
                for i in range(n)
            ]
        samples.sort(key=lambda sample: sample.sample[1:])  # x0, y0, x1, y1, ...
        read = 0

        def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal read
            values = original(self, *args, **kwargs)
            if self.name == "/X/data":
                read += np.size(values)
            return values

        with monkeypatch.context() as patch:
            patch.setattr(h5py.Dataset, "__getitem__", counted)
            pp.prepare_lazily(samples, tmp_path / f"{n}.h5ad", min_genes=1, min_cells=470)
        found[n] = read
        joined = pp.join_samples(samples)
        pp.quality_control(joined, min_genes=1, min_cells=470)
        pp.normalise(joined)
        lazy = ad.read_h5ad(tmp_path / f"{n}.h5ad")
        assert lazy.n_vars < 120  # genes are left out, so places of values shift
        assert lazy.obs_names.equals(joined.obs_names)
        assert (lazy.X != joined.X).nnz == 0
        assert (lazy.layers["counts"] != joined.layers["counts"]).nnz == 0
    assert found[12] == found[1] == 2 * adata.X.nnz


def test_cells_of_two_samples_are_refused(samples: list[Sample], tmp_path: Path) -> None:
    twin = Sample(**vars(samples[0]) | {"sample": "twin"})
    with pytest.raises(InputError, match=f"Samples {samples[0].sample} and twin share"):
        pp.prepare_lazily([*samples, twin], tmp_path / "out.h5ad", **QC)


def test_values_that_are_stored_twice_are_added_up(tmp_path: Path) -> None:
    """As scipy does, in memory and in blocks."""
    adata = counts(n_cells=80, n_genes=120, n_donors=1, conditions=("a", "b"))
    adata.X = sp.csr_matrix(adata.X)
    write_h5ad(adata, tmp_path / "x.h5ad")
    with h5py.File(tmp_path / "x.h5ad", "a") as file:
        file["X/indices"][1] = file["X/indices"][0]
        file["X/indices"][5] = file["X/indices"][2]
    expected = ad.read_h5ad(tmp_path / "x.h5ad").X.toarray()
    sample = Sample(sample="x", path=str(tmp_path / "x.h5ad"), condition="c")
    pp.prepare_lazily([sample], tmp_path / "out.h5ad", min_genes=1, min_cells=1)
    joined = pp.join_samples([sample])
    table = pp.quality_control(joined, min_genes=1, min_cells=1)
    lazy = ad.read_h5ad(tmp_path / "out.h5ad")
    genes = [list(adata.var_names).index(name) for name in joined.var_names]
    for found in (joined.X, lazy.layers["counts"]):
        np.testing.assert_array_equal(found.toarray(), expected[:, genes])
    assert table["n_cells_kept"].sum() == 80
