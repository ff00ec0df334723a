"""Samples are checked before any work: every problem at once, each in a sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from anndata.io import write_elem

from cgmm.pp import (
    InputError,
    Sample,
    check_annotation,
    check_samples,
)
from tests.pp.made import changed, problems, saved, small


def test_check_returns_what_it_saw(pair: list[Sample]) -> None:
    facts = check_samples(pair)
    assert [s["sample"] for s in facts["samples"]] == ["a", "b"]
    assert [s["n_cells_read"] for s in facts["samples"]] == [40, 40]
    assert all(len(s["sha256"]) == 64 for s in facts["samples"])
    assert facts["genes"] == {"n_shared": 60, "share_of_smallest": 1.0}
    assert facts["notices"] == []
    assert facts["truth"] is None


def test_check_brings_along_source_and_truth(tmp_path: Path) -> None:
    adata = small()
    adata.uns["data_source"] = {"text": "t", "licence": "l", "citation": "c"}
    adata.uns["truth"] = {"names": np.array(["x", "y"]), "log2_net": np.array([1.0, -1.0])}
    facts = check_samples([saved(tmp_path, "a", adata)])
    assert facts["data_source"]["licence"] == "l"
    assert list(facts["truth"]["log2_net"]) == [1.0, -1.0]


def test_missing_file(pair: list[Sample]) -> None:
    text = problems([pair[0], replace(pair[1], path="nowhere.h5ad")])
    assert "nowhere.h5ad" in text
    assert "does not exist" in text


def test_unknown_column(pair: list[Sample]) -> None:
    text = problems([replace(pair[0], obs_column="libary", obs_value="L1")])
    assert "no column 'libary' (columns: library)" in text


def test_sample_without_cells(pair: list[Sample]) -> None:
    text = problems([replace(pair[0], obs_column="library", obs_value="L3")])
    assert "no cells" in text
    assert "L1, L2" in text


def test_unknown_layer_column_and_embedding(pair: list[Sample]) -> None:
    assert "no layer 'counts' (layers: none)" in problems(pair, counts_layer="counts")
    assert "var has no column 'symbol'" in problems(pair, gene_column="symbol")
    assert "obs has no column 'type'" in problems(pair, annotation_keys=["type"])
    with pytest.raises(InputError, match="obs has no column 'type'"):
        check_annotation([sample.path for sample in pair], annotation_key="type")
    assert "obsm has no 'X_scVI'" in problems(pair, use_rep="X_scVI")


def test_duplicate_barcodes(tmp_path: Path) -> None:
    adata = small()
    names = np.array(adata.obs_names, dtype=object)
    names[:3] = "AAAC-1"
    sample = saved(tmp_path, "a", adata)
    with h5py.File(sample.path, "a") as file:
        del file["obs/_index"]
        write_elem(file["obs"], "_index", names)
    text = problems([sample])
    assert "3 cells" in text
    assert "AAAC-1" in text
    # three libraries joined in one file are fine when each is a sample of its own
    parts = [
        replace(sample, sample=v, obs_column="library", obs_value=v, condition=v)
        for v in ("L1", "L2")
    ]
    assert "Sample L2" in problems(parts)  # cells 0 and 2
    assert "Sample L1" not in problems(parts)


def test_duplicate_sample_names(pair: list[Sample]) -> None:
    assert "a is used more than once" in problems([pair[0], replace(pair[1], sample="a")])


def test_every_problem_at_once(pair: list[Sample]) -> None:
    text = problems(
        [changed(pair[0], lambda x: x.log1p()), replace(pair[1], path="nowhere.h5ad")],
        annotation_keys=["type"],
    )
    assert "logarithms" in text
    assert "nowhere" in text
    assert "'type'" in text
