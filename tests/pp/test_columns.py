"""Columns are read as anndata reads them, in every layout that it can open."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest

from cgmm.pp import InputError, Sample, check_samples, join_samples
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


def test_whole_numbers_are_labels_however_they_are_stored(tmp_path: Path) -> None:
    """A column with gaps holds 1.0, another program the text 1, a third a category of a number."""
    adata = small()
    columns = {
        "decimal": np.tile([1.0, 2.0, np.nan, 2.0], 10),
        "nullable": pd.array([1, 2, None, 2] * 10, dtype="Int64"),
        "text": ["1", "2", None, "2"] * 10,
        "category": pd.Categorical(np.tile([1.0, 2.0, np.nan, 2.0], 10)),
    }
    for name, column in columns.items():
        adata.obs[name] = pd.Categorical(column) if name == "text" else column
    adata.obs["half"] = np.tile([0.5, 1.0], 20)
    sample = saved(tmp_path, "a", adata)
    with opened(sample.path) as file:
        for name in columns:
            assert list(labels_of(read_column(file, "obs", name)))[:4] == ["1", "2", None, "2"]
        assert list(labels_of(read_column(file, "obs", "half")))[:2] == ["0.5", "1.0"]
    for name in columns:
        for value in ("2", "2.0"):
            found = check_samples([replace(sample, obs_column=name, obs_value=value)])
            assert found["samples"][0]["n_cells_read"] == 20


def test_a_label_is_found_without_its_blanks_and_in_any_form_of_unicode(tmp_path: Path) -> None:
    adata = small()
    adata.obs["arm"] = ["ctrl ", "traite\u0301"] * 20
    sample = saved(tmp_path, "a", adata)
    for value in ("ctrl", "trait\u00e9"):
        found = check_samples([replace(sample, obs_column="arm", obs_value=value)])
        assert found["samples"][0]["n_cells_read"] == 20
    adata.obs["arm"] = ["ctrl ", " ctrl"] * 20
    sample = saved(tmp_path, "a", adata)
    with pytest.raises(InputError, match="no cell has obs 'arm' = 'ctrl'"):
        check_samples([replace(sample, obs_column="arm", obs_value="ctrl")])


@pytest.mark.parametrize("name", ["barcode", "sample", "condition"])
def test_the_name_of_the_index_is_no_matter(tmp_path: Path, name: str) -> None:
    adata = small()
    adata.obs.index.name = name
    joined = join_samples([saved(tmp_path, "a", adata)])
    joined.write_h5ad(tmp_path / "joined.h5ad")
    assert list(joined.obs["barcode"]) == list(adata.obs_names)


def test_labels_that_are_numbers_in_one_file_and_text_in_another_are_joined(tmp_path: Path) -> None:
    samples = []
    for name, labels in (
        ("a", np.tile([0, 1], 20)),
        ("b", pd.Categorical(["0", "1"] * 20)),
        ("c", np.tile([0.0, np.nan], 20)),
        ("d", np.tile([True, False], 20)),
    ):
        adata = small(seed=ord(name))
        adata.obs["cluster"] = labels
        samples.append(saved(tmp_path, name, adata))
    joined = join_samples(samples)
    joined.write_h5ad(tmp_path / "joined.h5ad")
    assert set(joined.obs["cluster"]) == {"0", "1", "", "True", "False"}
    numbers = join_samples([samples[0], samples[2]])
    assert numbers.obs["cluster"].dtype == float
