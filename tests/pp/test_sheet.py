"""The sample sheet is written from what the files say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cgmm.pp import InputError, Sample, check_samples, samples_of_files
from cgmm.sheet import main
from tests.pp.made import saved, small


@pytest.fixture
def path(tmp_path: Path) -> str:
    adata = small()
    adata.obs["library"] = np.repeat(["L 1", "L2", "L3", "L4"], 10)
    adata.obs["arm"] = pd.Categorical(np.repeat(["before", "after"], 20))
    adata.obs["person"] = np.tile(np.repeat([1, 2], 10), 2)
    return saved(tmp_path, "cells", adata).path


def test_one_row_for_each_sample_of_a_file(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [path, "--sample", "library", "--condition", "arm", "--donor", "person"]
    assert main(arguments) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["sample", "path", "condition", "donor", "obs_column", "obs_value"]
    assert rows[1] == ["L_1", path, "before", "1", "library", "L 1"]
    assert rows[4] == ["L4", path, "after", "2", "library", "L4"]
    samples = [Sample(**dict(zip(rows[0], row, strict=True))) for row in rows[1:]]
    assert [s["n_cells_read"] for s in check_samples(samples)["samples"]] == [10] * 4


def test_a_file_is_a_sample_when_none_is_named(tmp_path: Path) -> None:
    paths = []
    for name in ("a", "b"):
        adata = small(seed=ord(name))
        adata.obs["arm"] = name
        paths.append(saved(tmp_path, name, adata).path)
    samples, remarks = samples_of_files(paths, condition="arm")
    assert [(s.sample, s.condition, s.obs_column) for s in samples] == [
        ("a", "a", ""),
        ("b", "b", ""),
    ]
    assert remarks == []


def test_names_that_occur_in_two_files_are_told_apart(tmp_path: Path) -> None:
    paths = []
    for name in ("a", "b"):
        adata = small(seed=ord(name))
        adata.obs["arm"] = name
        paths.append(saved(tmp_path, name, adata).path)
    samples, _ = samples_of_files(paths, condition="arm", sample="library")
    assert [s.sample for s in samples] == ["L2", "L1", "b_L2", "b_L1"]


def test_cells_without_a_sample_are_reported(tmp_path: Path) -> None:
    adata = small()
    adata.obs["library"] = pd.Categorical(["L1", None] * 20)
    adata.obs["arm"] = "x"
    samples, remarks = samples_of_files(
        [saved(tmp_path, "a", adata).path], condition="arm", sample="library"
    )
    assert [s.obs_value for s in samples] == ["L1"]
    assert "20 cells have no 'library'" in remarks[0]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"condition": "arm"}, "sample cells has several values of 'arm' (before, after)"),
        ({"condition": "armm"}, "obs has no column 'armm' (columns: library, arm, person)"),
        ({"condition": "arm", "sample": "arm", "donor": "person"}, "several values of 'person'"),
    ],
)
def test_what_cannot_be_a_row_is_a_sentence(
    path: str, columns: dict[str, str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError) as caught:
        samples_of_files([path], **columns)
    assert words in str(caught.value)
    arguments = [x for name, column in columns.items() for x in (f"--{name}", column)]
    assert main([path, *arguments]) == 1
    assert "ERROR: " in capsys.readouterr().err


def test_donors_are_the_same_however_numbers_are_stored(tmp_path: Path) -> None:
    paths = []
    for name, donor in (("a", 1), ("b", "1"), ("c", 1.0), ("d", "1 ")):
        adata = small(seed=ord(name))
        adata.obs["arm"], adata.obs["donor"] = name, donor
        paths.append(saved(tmp_path, name, adata).path)
    samples, _ = samples_of_files(paths, condition="arm", donor="donor")
    assert [s.donor for s in samples] == ["1"] * 4


def test_an_empty_label_is_no_sample(tmp_path: Path) -> None:
    adata = small()
    adata.obs["library"], adata.obs["arm"] = ["L1", " "] * 20, "x"
    path = saved(tmp_path, "a", adata).path
    samples, remarks = samples_of_files([path], condition="arm", sample="library")
    assert [(s.sample, s.obs_column, s.obs_value) for s in samples] == [("L1", "library", "L1")]
    assert remarks == [f"{path}: 20 cells have no 'library' and are in no sample."]
