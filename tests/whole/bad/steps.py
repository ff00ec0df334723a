"""Mistakes in calls of ``cgmm.pp``. ``a`` is an object with samples and counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anndata as ad
import numpy as np

from cgmm import pp
from cgmm.pp import InputError, Sample
from tests.whole.bad.cases import Case


def embed(**options: Any) -> Callable[[ad.AnnData], object]:
    return lambda a: pp.embed(a, **options)


def samples(*given: Sample, **options: Any) -> Callable[[ad.AnnData], object]:
    return lambda a: pp.check_samples(given, **options)


def no_samples(a: ad.AnnData) -> object:
    del a.obs["sample"]
    return pp.quality_control(a)


NOWHERE = Sample(sample="a", path="nowhere.h5ad", condition="c")

STEPS = [
    Case("no sample to check", samples(), "There is no sample", InputError),
    Case("no sample to join", lambda a: pp.join_samples([]), "There is no sample", InputError),
    Case("a modality that is not known", samples(NOWHERE, modality="atac"), "modality='atac' is not known", InputError),
    Case("a file that does not exist", samples(NOWHERE), "nowhere.h5ad: the file does not exist. Correct `path`", InputError),
    Case("two samples of one name", samples(NOWHERE, NOWHERE), "Sample names must be unique, but a is used more than once", InputError),
    Case("a sample without condition", lambda a: Sample(sample="a", path="b"), "missing 1 required keyword-only argument: 'condition'", TypeError),
    Case("quality control without samples", no_samples, "obs has no column 'sample' with categories", InputError),
    Case("quality control that keeps no cell", lambda a: pp.quality_control(a, min_genes=10**6), "Lower qc.min_genes (1000000)", InputError),
    Case("a limit of mitochondrial counts without such genes", lambda a: pp.quality_control(a, min_genes=0, max_pct_mt=5), "qc.max_pct_mt is 5, but no gene is known to be mitochondrial", InputError),
    Case("quality control that keeps no gene", lambda a: pp.quality_control(a, min_genes=0, min_cells=10**6), "Lower qc.min_cells", InputError),
    Case("an integration that is not known", embed(integrate="combat"), "integrate='combat' is not known: give one of none, harmony", InputError),
    Case("harmony without batches", embed(integrate="harmony", n_pcs=3), "integrate: harmony needs a batch for every sample", InputError),
    Case("an embedding that is not there", embed(use_rep="X_scVI"), "obsm has no 'X_scVI'", InputError),
    Case("one principal component", embed(n_pcs=1), "n_pcs must be a whole number of at least 2, got 1"),
    Case("half a dimension", embed(n_dims=4.5), "n_dims must be a whole number of at least 2, got 4.5", TypeError),
    Case("a negative seed", embed(random_state=-1), "random_state must be a whole number from 0 to"),
]  # fmt: skip


def given() -> ad.AnnData:
    """Return counts of two samples."""
    rng = np.random.default_rng(0)
    adata = ad.AnnData(rng.poisson(1.5, (20, 12)).astype(np.float32))
    adata.obs["sample"] = np.array(["a", "b"] * 10, dtype=object)
    adata.obs["sample"] = adata.obs["sample"].astype("category")
    adata.obs["condition"] = "c"
    return adata
