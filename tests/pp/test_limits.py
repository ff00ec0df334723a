"""The fewest genes of a cell follow the number of genes that were measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cgmm import pp
from cgmm.pp._dropped import DROPPED
from cgmm.pp._limits import fewest_genes
from tests.pp.made import saved, small


@pytest.mark.parametrize(
    ("given", "measured", "least"),
    [(None, 30_000, 200), (None, 10_000, 200), (None, 300, 6), (None, 20, 0), (7, 300, 7)],
)
def test_panels_have_a_smaller_limit(given: int | None, measured: int, least: int) -> None:
    assert fewest_genes(given, measured) == least


@pytest.mark.parametrize("scale", ["memory", "lazy"])
def test_cells_of_a_panel_are_kept_without_a_setting(tmp_path: Path, scale: str) -> None:
    samples = [saved(tmp_path, name, small(seed=i)) for i, name in enumerate("ab")]
    path = tmp_path / "p.h5ad"
    if scale == "lazy":
        pytest.importorskip("dask")
        table, _ = pp.prepare_lazily(samples, path, min_cells=1)
    else:
        adata = pp.join_samples(samples)
        table = pp.quality_control(adata, min_cells=1)
        pp.normalise(adata)
        pp.write_prepared(adata, path)
    read = pp.read_prepared(path)
    assert (table["n_cells_kept"] == table["n_cells_read"]).all()
    limit = set(np.asarray(read.uns[DROPPED]["min_genes"]))
    assert limit == {fewest_genes(None, pp.join_samples(samples).n_vars)}
