"""Columns are read as anndata reads them, in every layout that it can open."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest

from cgmm.pp import Sample, check_samples, join_samples
from cgmm.pp._columns import labels_of, read_column, read_table
from cgmm.pp._read import opened
from tests.pp.made import saved, small


def as_anndata_0_7(path: str) -> None:
    """Store categories as anndata 0.7 did: codes in the column, labels in ``__categories``."""
    with h5py.File(path, "a") as file:
        for slot in ("obs", "var"):
            group = file[slot]
            group.attrs["encoding-version"] = "0.1.0"
            for name in list(group):
                if isinstance(group[name], h5py.Group):
                    codes, labels = group[name]["codes"][()], group[name]["categories"][()]
                    del group[name]
                    kept = group.require_group("__categories").create_dataset(
                        name, data=labels.astype(object), dtype=h5py.string_dtype()
                    )
                    kept.attrs["ordered"] = False
                    group.create_dataset(name, data=codes).attrs["categories"] = kept.ref


@pytest.fixture
def libraries(tmp_path: Path) -> Sample:
    """Libraries called by numbers, which codes can be taken for."""
    adata = small()
    adata.obs["library"] = pd.Categorical(np.repeat(["1", "2", "3", "4"], 10))
    sample = saved(tmp_path, "old", adata)
    as_anndata_0_7(sample.path)
    return replace(sample, obs_column="library", obs_value="2")


def test_categories_of_anndata_0_7_are_labels(libraries: Sample) -> None:
    with opened(libraries.path) as file:
        expected = ad.read_h5ad(libraries.path).obs["library"].astype(str)
        assert list(labels_of(read_column(file, "obs", "library"))) == list(expected)
    joined = join_samples([libraries])
    assert list(joined.obs["barcode"]) == [f"cell{i}-1" for i in range(10, 20)]
    assert set(joined.obs["library"]) == {"2"}


def test_gene_names_of_anndata_0_7_are_labels(tmp_path: Path) -> None:
    samples = []
    for name, genes in (("a", slice(0, 60)), ("b", slice(5, 60))):
        adata = small(seed=ord(name))[:, genes].copy()
        symbols = [f"SYM{i}" for i in range(60)][genes]
        symbols[-1] = symbols[-2]  # a text column becomes categories only when a value repeats
        adata.var["symbol"] = pd.Categorical(symbols)
        samples.append(saved(tmp_path, name, adata))
        as_anndata_0_7(samples[-1].path)
    genes = list(join_samples(samples, gene_column="symbol").var_names)
    assert genes[:2] == ["SYM5", "SYM6"]
    assert len(genes) == 55


@pytest.mark.parametrize(
    ("column", "value", "n"),
    [
        (pd.array([1, 2, None, 1] * 10, dtype="Int64"), "1", 20),
        (np.array([1.0, 2.0, np.nan, 1.0] * 10), "1", 20),
        (pd.array([True, False, None, True] * 10, dtype="boolean"), "true", 20),
        (pd.Categorical(["x", None, "y", "x"] * 10), "x", 20),
        (pd.Categorical([3, 4, 4, 3] * 10), "3", 20),
        (np.array(["x", "y", "y", "x"] * 10, dtype=object), "x", 20),
    ],
    ids=["whole numbers", "numbers", "truth values", "categories", "numbers as labels", "text"],
)
def test_a_sample_is_found_by_its_label_whatever_the_type(
    tmp_path: Path, column: object, value: str, n: int
) -> None:
    adata = small()
    adata.obs["donor_of"] = column
    sample = saved(tmp_path, "a", adata, obs_column="donor_of", obs_value=value)
    facts = check_samples([sample])
    assert facts["samples"][0]["n_cells_read"] == n == join_samples([sample]).n_obs
    missing = int(pd.isna(adata.obs["donor_of"]).sum())
    said = [x["text"] for x in facts["notices"]]
    assert any(f"missing in {missing} of 40 cells" in text for text in said) == (missing > 0)


def test_a_column_that_is_not_used_refuses_no_file(tmp_path: Path) -> None:
    adata = small()
    adata.obs["note"] = np.arange(40)
    sample = saved(tmp_path, "a", adata)
    with h5py.File(sample.path, "a") as file:
        file["obs"].create_group("CD4").create_dataset("CD8", data=np.arange(40.0))
        del file["obs/note"]
        file["obs"].create_dataset("note", data=np.arange(3))
        file["obs"].attrs["column-order"] = ["library", "CD4/CD8", "note"]
    with opened(sample.path) as file:
        table, unreadable = read_table(file, "obs")
    assert list(table) == ["library", "CD4/CD8"]
    assert unreadable == ["note"]
    notices = check_samples([sample])["notices"]
    assert [n["level"] for n in notices] == ["info"]
    assert "(note)" in notices[0]["text"]
    assert "CD4_CD8" in join_samples([sample]).obs
