"""Counts are found where they are; channels of cytometry that would spoil a fit are noticed."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from cgmm.pp import InputError, Sample, check_samples, join_samples
from tests.pp.made import changed, problems, saved, small

MARKERS = ["CD3", "CD19", "CD14", "CD56"]


def test_counts_of_raw_are_read_with_its_genes(tmp_path: Path) -> None:
    adata = small()
    adata.raw = adata.copy()
    counts = adata.X.toarray()
    adata = adata[:, 10:].copy()
    adata.X = adata.X.log1p()
    sample = saved(tmp_path, "a", adata)
    for layer in ("raw", "raw/X"):
        assert check_samples([sample], counts_layer=layer)["genes"]["n_shared"] == 60
        joined = join_samples([sample], counts_layer=layer)
        np.testing.assert_array_equal(joined.X.toarray(), counts)


def test_gene_names_of_raw_may_stand_in_var(tmp_path: Path) -> None:
    adata = small()
    adata.raw = adata.copy()
    adata.var["symbol"] = [f"S{i}" for i in range(60)]
    adata = adata[:, ::-1].copy()
    sample = saved(tmp_path, "a", adata)
    names = join_samples([sample], counts_layer="raw", gene_column="symbol").var_names
    assert list(names) == [f"S{i}" for i in range(60)]


def channels(tmp_path: Path, *, extra: dict[str, np.ndarray] | None = None, times: float = 1.0):
    rng = np.random.default_rng(0)
    values = rng.normal(2, 1, (200, 4)) * times
    extra = extra or {}
    adata = ad.AnnData(
        np.column_stack([values, *extra.values()]).astype(np.float32),
        obs=pd.DataFrame(index=[f"e{i}" for i in range(200)]),
        var=pd.DataFrame(index=[*MARKERS, *extra]),
    )
    return saved(tmp_path, "a", adata)


def said(sample, **options: object) -> str:
    facts = check_samples([sample], modality="cytometry", **options)
    return "\n".join(n["text"] for n in facts["notices"])


def test_time_and_scatter_are_noticed_and_can_be_left_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    extra = {"Time": np.sort(rng.uniform(0, 5e4, 200)), "FSC-A": rng.normal(6e4, 1e4, 200)}
    sample = channels(tmp_path, extra=extra)
    text = said(sample)
    assert "Time, FSC-A are no markers" in text
    assert "far wider than transformed channels" in text
    features = {"leave_out": ["Time", "FSC*"]}
    assert said(sample, features=features) == ""
    joined = join_samples([sample], modality="cytometry", features=features)
    assert list(joined.var_names) == MARKERS


def test_a_linear_scale_is_noticed(tmp_path: Path) -> None:
    assert "far wider" in said(channels(tmp_path, times=5000.0))


def test_whole_numbers_of_an_instrument_are_noticed(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    adata = ad.AnnData(rng.integers(0, 255, (100, 4)).astype(np.float32))
    adata.var_names = MARKERS
    assert "whole numbers only" in said(saved(tmp_path, "a", adata))


@pytest.mark.parametrize("times", [1.0, 3.0])
def test_transformed_channels_need_no_word(tmp_path: Path, times: float) -> None:
    assert said(channels(tmp_path, times=times)) == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x: x.log1p(), "look like logarithms"),
        (lambda x: x.multiply(31.7).tocsr(), "look normalised"),
        (lambda x: x - sp.csr_matrix(np.full(x.shape, 3.0)), "negative values"),
        (lambda x: x.multiply(np.nan).tocsr(), "missing or infinite"),
        (lambda x: x.multiply(0).tocsr(), "all zero"),
        (lambda x: np.log1p(x.toarray()), "look like logarithms"),
        (lambda x: x.log1p().tocsc(), "look like logarithms"),
    ],
)
def test_values_that_are_not_counts(pair: list[Sample], change: object, words: str) -> None:
    text = problems([pair[0], changed(pair[1], change)])
    assert words in text
    assert pair[1].path in text
    assert "counts_layer" in text
    with pytest.raises(InputError, match=words):
        join_samples(pair)


@pytest.mark.parametrize("form", ["sparse", "dense"])
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("seen", "holds 0 and 1 only"),
        ("rounded", "has nearly the same total in every cell (about 9,9"),
        ("counts", ""),
    ],
)
def test_whole_numbers_that_are_no_counts_are_a_warning(
    tmp_path: Path, form: str, kind: str, said: str
) -> None:
    adata = small()
    values = adata.X.toarray()
    values = {
        "seen": (values > 0).astype(np.float32),
        "rounded": np.rint(values / values.sum(axis=1, keepdims=True) * 9999),
        "counts": values,
    }[kind]
    adata.X = values if form == "dense" else type(adata.X)(values)
    notices = check_samples([saved(tmp_path, "a", adata)])["notices"]
    assert [n["level"] for n in notices] == ["warning"] * bool(said)
    assert all(said in n["text"] and "counts_layer" in n["advice"] for n in notices)
