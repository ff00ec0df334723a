"""Changes of genes are there after cgmm.tl.genes."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

import cgmm as cg


def test_genes_name_the_step_that_is_missing(
    simulated: ad.AnnData, fit: cg.CoupledFit, call: dict
) -> None:
    cg.tl.annotate(simulated, fit, **call)
    with pytest.raises(KeyError, match=r"run cgmm\.tl\.genes"):
        cg.get.genes(simulated)
    with pytest.raises(KeyError, match=r"run cgmm\.tl\.genes"):
        cg.get.gene_agreement(simulated)
    assert (cg.get.shifts(simulated)["top_genes"] == "").all()


def test_every_subpopulation_has_its_genes_by_rank(fitted: ad.AnnData) -> None:
    genes, agreement = cg.get.genes(fitted), cg.get.gene_agreement(fitted)
    assert list(agreement["component"]) == list(range(6))
    for _, part in genes.groupby("component"):
        assert part["rank"].is_monotonic_increasing
    whole = genes["common_change"] + genes["specific_change"]
    np.testing.assert_allclose(whole.dropna(), genes.loc[whole.notna(), "log2_change"])
    assert set(genes["scope"]) <= {"common", "specific", ""}
