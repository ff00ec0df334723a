"""Why quality control dropped cells travels with the prepared file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cgmm import pp
from cgmm.pp._dropped import DROPPED
from tests.pp.made import saved, small


@pytest.mark.parametrize("scale", ["memory", "lazy"])
def test_every_dropped_cell_has_one_reason(tmp_path: Path, scale: str) -> None:
    samples = []
    for i, name in enumerate("ab"):
        adata = small(seed=i)
        adata.var_names = ["MT-CO1", *adata.var_names[1:]]
        values = adata.X.toarray()
        values[:, 0] = 0
        values[: 3 + i, 5:] = 0  # few genes
        values[:1, 0] = 1000  # few genes, and mitochondrial
        values[10 : 12 + i, 0] = 1000  # mitochondrial alone
        adata.X = type(adata.X)(values)
        samples.append(saved(tmp_path, name, adata))
    path, qc = tmp_path / "p.h5ad", {"min_genes": 8, "min_cells": 1, "max_pct_mt": 50}
    if scale == "lazy":
        pytest.importorskip("dask")
        table, _ = pp.prepare_lazily(samples, path, **qc)
    else:
        adata = pp.join_samples(samples)
        table = pp.quality_control(adata, **qc)
        pp.normalise(adata)
        pp.write_prepared(adata, path)
    dropped = pp.read_prepared(path).uns[DROPPED]
    assert dropped["sample"].to_list() == table["sample"].to_list()
    assert dropped["n_few_genes"].to_list() == [3, 4]
    assert dropped["n_mitochondrial"].to_list() == [2, 3]
    lost = dropped["n_few_genes"] + dropped["n_mitochondrial"]
    np.testing.assert_array_equal(dropped["n_cells_read"] - lost, table["n_cells_kept"])
    assert isinstance(dropped, pd.DataFrame)
