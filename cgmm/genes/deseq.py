"""Differential expression of pseudobulks by PyDESeq2.

Muzellec et al. 2023, Bioinformatics 39:btad547.  The model is the negative binomial regression of
Love, Huber & Anders 2014 (Genome Biology 15:550) with the design ``~ condition``, or ``~ donor +
condition`` where donors are compared with themselves, or the model matrix of a design formula
(:mod:`cgmm.donors.formula`).  The test is Wald's.  Genes with outlying counts by Cook's distance
have no p, but only where three samples share a row of the design, so never with ``donor`` in it
(findings/pydeseq2-paired-outlier.sh).  The package is optional: ``pip install 'pydeseq2>=0.5.4'``.
"""

from __future__ import annotations

import importlib.util
import warnings

import numpy as np
import pandas as pd

from cgmm.genes.differential import Differential, on_one_scale, testable
from cgmm.genes.pseudobulk import Samples

PACKAGE = "pydeseq2"
MIN_GENES_IN_ALL_SAMPLES = 50  # for size factors from ratios to the geometric mean


def installed() -> bool:
    """Return whether PyDESeq2 can be imported."""
    return importlib.util.find_spec(PACKAGE) is not None


def differential(samples: Samples, genes: np.ndarray) -> tuple[Differential | None, str]:
    """Return a test of the change of each gene between conditions, with samples as replicates.

    Parameters
    ----------
    samples
        The pseudobulks.
    genes
        Genes to test, boolean, shape (n_genes,). Genes with fewer than ten counts in all samples
        together, or with counts in fewer than three samples, are left out.

    Returns
    -------
    tests
        Tests of the genes; None when too few genes are left.
    reason
        Why there is no test, in a sentence; else "".
    """
    from pydeseq2.dds import DeseqDataSet
    from pydeseq2.default_inference import DefaultInference
    from pydeseq2.ds import DeseqStats

    counts = samples.counts
    usable, reason = testable(counts, genes)
    if reason:
        return None, reason
    names = [f"s{i}" for i in range(len(counts))]
    table = pd.DataFrame({"condition": np.where(samples.treated, "b", "a")}, index=names)
    design: str | pd.DataFrame = "~condition"
    contrast: list[str] | np.ndarray = ["condition", "b", "a"]
    if samples.matrix is not None and samples.change is not None:
        matrix, contrast = on_one_scale(samples.matrix, samples.change)
        design = pd.DataFrame(
            matrix, index=names, columns=[f"x{i}" for i in range(matrix.shape[1])]
        )
    elif samples.donors is not None:
        table["donor"] = [f"d{i}" for i in np.unique(samples.donors, return_inverse=True)[1]]
        design = "~donor + condition"
    n_in_all = (counts[:, usable] > 0).all(axis=0).sum()
    size_factors = "ratio" if n_in_all >= MIN_GENES_IN_ALL_SAMPLES else "poscounts"
    inference = DefaultInference(n_cpus=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = DeseqDataSet(
            counts=pd.DataFrame(
                counts[:, usable], index=names, columns=np.flatnonzero(usable).astype(str)
            ),
            metadata=table,
            design=design,
            size_factors_fit_type=size_factors,
            refit_cooks=False,
            inference=inference,
            quiet=True,
        )
        data.deseq2()
        tests = DeseqStats(
            data,
            contrast=contrast,
            independent_filter=False,
            inference=inference,
            quiet=True,
        )
        tests.summary()
    columns = [np.full(len(genes), np.nan) for _ in range(3)]
    for column, name in zip(columns, ("log2FoldChange", "pvalue", "padj"), strict=True):
        column[usable] = tests.results_df[name].to_numpy(dtype=float)
    return Differential(*columns), ""
