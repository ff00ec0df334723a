"""tl.genes on objects: what it refuses, and that files keep its tables."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import pandas as pd
import pytest

import cgmm as cg
from cgmm._utils import h5ad


def test_genes_refuse_counts_and_do_not_name_by_them(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    simulated.X = simulated.layers["counts"].copy()
    cg.tl.annotate(simulated, fit, **call)
    assert cg.get.params(simulated)["named_by"] == "number"
    with pytest.raises(ValueError, match="seems to be counts"):
        cg.tl.genes(simulated)


def test_genes_need_a_fit(simulated: ad.AnnData) -> None:
    with pytest.raises(KeyError, match=r"run cgmm\.tl\.fit"):
        cg.tl.genes(simulated)


def test_tables_survive_a_file(somewhere: ad.AnnData, tmp_path: Path) -> None:
    cg.tl.genes(somewhere)
    before = cg.get.genes(somewhere), cg.get.gene_agreement(somewhere)
    h5ad.write_h5ad(somewhere, tmp_path / "a.h5ad")
    read = ad.read_h5ad(tmp_path / "a.h5ad")
    for frame, again in zip(before, (cg.get.genes(read), cg.get.gene_agreement(read)), strict=True):
        pd.testing.assert_frame_equal(frame, again)
