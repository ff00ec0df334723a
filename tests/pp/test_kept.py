"""What quality control keeps of each label travels from the prepared file to the report."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from cgmm import pp
from cgmm.pp._kept import COLUMNS, KEPT, kept_by_label
from cgmm.results.facts import labels_kept
from tests.pp.made import saved, small


def labelled(seed: int, poor: str) -> ad.AnnData:
    """Cells of two types, of which one has few genes in this file."""
    adata = small(seed=seed)
    adata.obs["type"] = np.repeat(["B", "T"], 20)
    adata.obs["size"] = np.linspace(0, 1, 40)
    adata.obs.loc[adata.obs_names[:3], "type"] = np.nan
    values = adata.X.toarray()
    values[(adata.obs["type"] == poor).to_numpy(), 10:] = 0
    adata.X = type(adata.X)(values)
    return adata


@pytest.mark.parametrize("scale", ["memory", "lazy"])
def test_cells_read_and_kept_of_each_label_and_condition(tmp_path: Path, scale: str) -> None:
    pair = [saved(tmp_path, "a", labelled(1, "none")), saved(tmp_path, "b", labelled(2, "T"))]
    path, qc = tmp_path / "p.h5ad", {"min_genes": 20, "min_cells": 1}
    if scale == "lazy":
        pytest.importorskip("dask")
        pp.prepare_lazily(pair, path, **qc)
    else:
        adata = pp.join_samples(pair)
        pp.quality_control(adata, **qc)
        pp.normalise(adata)
        pp.write_prepared(adata, path)
    prepared = pp.read_prepared(path)
    assert tuple(prepared.uns[KEPT].columns) == COLUMNS
    assert set(prepared.uns[KEPT]["column"]) == {"type", "library"}
    found = labels_kept(prepared, "type", ("condition a", "condition b"))
    assert [tuple(row.values()) for row in found[:2]] == [
        ("B", "condition a", 17, 17),
        ("B", "condition b", 17, 17),
    ]
    assert [row["n_cells_read"] for row in found[2:]] == [20, 20]
    assert [row["n_cells_kept"] for row in found[2:]] == [20, 0]
    assert labels_kept(prepared, None, ("condition a", "condition b")) == []
    assert labels_kept(prepared, "type", ("nowhere", "condition b"))[0]["n_cells_read"] == 17


def test_no_column_of_labels_gives_an_empty_table() -> None:
    obs = pd.DataFrame({"condition": ["x", "y"], "size": [0.5, 1.5]})
    assert kept_by_label(obs, np.ones(2, bool)).empty
    assert kept_by_label(obs[["size"]], np.ones(2, bool)).empty
