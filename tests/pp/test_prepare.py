"""Samples are joined, filtered and normalised."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from cgmm._utils.h5ad import write_h5ad
from cgmm.pp import (
    InputError,
    Sample,
    join_samples,
    normalise,
    quality_control,
)
from cgmm.pp._embed import select_genes
from cgmm.simulate import counts
from tests.pp.made import GENES, saved, small


def test_join_keeps_values_names_and_order(pair: list[Sample]) -> None:
    donors = [replace(s, donor=f"d{i}") for i, s in enumerate(pair)]
    adata = join_samples(donors)
    assert adata.shape == (80, 60)
    assert adata.obs_names.is_unique
    assert adata.obs_names[0] == "cell0-1-a"
    assert adata.obs["barcode"].iloc[0] == "cell0-1"
    assert list(adata.obs["condition"].cat.categories) == ["condition a", "condition b"]
    assert list(adata.obs["donor"].cat.categories) == ["d0", "d1"]
    assert "batch" not in adata.obs
    assert "library" in adata.obs
    np.testing.assert_array_equal(adata.X.toarray()[:40], small(seed=1).X.toarray())


def test_join_puts_genes_in_one_order(tmp_path: Path) -> None:
    first, second = small(seed=1), small(seed=2)
    pair = [saved(tmp_path, "a", first), saved(tmp_path, "b", second[:, ::-1].copy())]
    adata = join_samples(pair)
    assert list(adata.var_names) == GENES
    np.testing.assert_array_equal(adata.X.toarray()[40:], second.X.toarray())


def test_one_file_with_several_samples(pair: list[Sample]) -> None:
    one = [
        replace(pair[0], sample=v, obs_column="library", obs_value=v, condition=v)
        for v in ("L2", "L1")
    ]
    adata = join_samples(one)
    assert list(adata.obs["sample"].cat.categories) == ["L2", "L1"]
    assert (adata.obs["sample"].astype(str) == adata.obs["library"].astype(str)).all()


def test_odd_columns_survive_writing(tmp_path: Path) -> None:
    adata = small()
    adata.obs["flag"] = np.arange(40) % 2 == 0
    adata.obs["n"] = np.arange(40)
    adata.obs["score"] = np.linspace(0, 1, 40)
    adata.obs["kind"] = pd.Categorical(["x", None] * 20)
    adata.obs["condition"] = "from the file"
    other = small(seed=1)
    other.obs = adata.obs.copy()
    joined = join_samples([saved(tmp_path, "a", adata), saved(tmp_path, "b", other)])
    write_h5ad(joined, tmp_path / "joined.h5ad")
    back = ad.read_h5ad(tmp_path / "joined.h5ad")
    assert back.obs["flag"].dtype == bool
    assert back.obs["n"].dtype == np.int64
    assert set(back.obs["kind"].astype(str)) == {"x", ""}
    assert set(back.obs["condition"].astype(str)) == {"condition a", "condition b"}


def test_quality_control_counts_by_hand(pair: list[Sample]) -> None:
    adata = join_samples(pair)
    dense = adata.X.toarray()
    genes = (dense > 0).sum(axis=1)
    limit = int(np.median(genes))
    table = quality_control(adata, min_genes=limit, min_cells=1)
    keep = genes >= limit
    assert list(table["n_cells_read"]) == [40, 40]
    assert list(table["n_cells_kept"]) == [keep[:40].sum(), keep[40:].sum()]
    assert table["median_counts"].iloc[0] == np.median(dense[:40][keep[:40]].sum(axis=1))


def test_mitochondrial_limit(tmp_path: Path) -> None:
    adata = counts(n_cells=300, n_genes=160, n_donors=2, random_state=1)
    joined = join_samples([saved(tmp_path, "a", adata)])
    everything = quality_control(joined.copy(), min_genes=1, min_cells=1)
    limit = float(everything["median_pct_mt"].iloc[0])
    assert 0 < limit < 20
    half = quality_control(joined, min_genes=1, min_cells=1, max_pct_mt=limit)
    assert half["n_cells_kept"].iloc[0] == pytest.approx(150, abs=2)


def test_nothing_left_is_said(pair: list[Sample]) -> None:
    with pytest.raises(InputError, match=r"No cell of a, b passes .*min_genes \(61\)"):
        quality_control(join_samples(pair), min_genes=61)
    with pytest.raises(InputError, match=r"qc\.min_cells"):
        quality_control(join_samples(pair), min_genes=1, min_cells=1000)


def test_a_category_without_cells_is_no_sample() -> None:
    """As it is left over when an object was cut."""
    adata = counts(n_cells=400, n_genes=200, n_donors=2, random_state=1)
    normalise(adata)
    select_genes(adata, n_top_genes=50)
    chosen = adata.var["highly_variable"].copy()
    names = adata.obs["sample"]
    adata.obs["sample"] = names.cat.add_categories(["absent"])
    select_genes(adata, n_top_genes=50)
    assert (adata.var["highly_variable"] == chosen).all()
    adata.obs["sample"] = names.cat.add_categories(["absent"])
    adata.X = adata.layers["counts"]
    table = quality_control(adata, min_genes=10, min_cells=3)
    assert list(table["sample"]) == list(names.cat.categories)


def test_normalise_is_log1p_of_ten_thousand(pair: list[Sample]) -> None:
    adata = join_samples(pair)
    raw = adata.X.toarray()
    normalise(adata)
    np.testing.assert_array_equal(adata.layers["counts"].toarray(), raw)
    np.testing.assert_allclose(np.expm1(adata.X.toarray()).sum(axis=1), 1e4, rtol=1e-4)
    assert "log1p" not in adata.uns
