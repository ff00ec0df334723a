"""Test of pseudobulks by PyDESeq2 (Muzellec et al. 2023, Bioinformatics 39, btad547).

Negative binomial regression of Love, Huber & Anders 2014 (Genome Biology 15, 550): ``~ condition``,
or ``~ donor + condition`` where donors are compared with themselves, Wald's test, outlying counts
by Cook's distance left without a p. The package is optional: ``pip install 'cgmm[de]'``.
"""

from __future__ import annotations

import importlib.util
import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd

from cgmm.genes.pseudobulk import Samples

PACKAGE = "pydeseq2"
MIN_COUNT = 10  # of a gene, over all samples
MIN_SEEN = 3  # samples with the gene
MIN_GENES = 20
MIN_EVERYWHERE = 50  # genes seen in every sample, from which size factors are ratios to their means


class Differential(NamedTuple):
    """Test of every gene; NaN where it was not tested."""

    log2_change: np.ndarray  #: (n_genes,), maximum likelihood
    p: np.ndarray  #: (n_genes,), two-sided
    q: np.ndarray  #: (n_genes,), Benjamini-Hochberg over the genes tested


def installed() -> bool:
    """Whether PyDESeq2 can be imported."""
    return importlib.util.find_spec(PACKAGE) is not None


def differential(samples: Samples, genes: np.ndarray) -> tuple[Differential | None, str]:
    """Test the change of each gene between conditions, with samples as replicates.

    Parameters
    ----------
    samples
        The pseudobulks.
    genes
        Genes to test, boolean, shape (n_genes,). Those with fewer than ten counts in all or seen
        in fewer than three samples are left out.

    Returns
    -------
    found
        None when too few genes are left.
    reason
        Why, in a sentence; else "".
    """
    from pydeseq2.dds import DeseqDataSet
    from pydeseq2.default_inference import DefaultInference
    from pydeseq2.ds import DeseqStats

    counts = samples.counts
    usable = genes & (counts.sum(axis=0) >= MIN_COUNT) & ((counts > 0).sum(axis=0) >= MIN_SEEN)
    if usable.sum() < MIN_GENES:
        return None, f"Only {usable.sum()} genes have {MIN_COUNT} counts or more; too few to test."
    names = [f"s{i}" for i in range(len(counts))]
    table = pd.DataFrame({"condition": np.where(samples.treated, "b", "a")}, index=names)
    design = "~condition"
    if samples.donors is not None:
        table["donor"] = [f"d{i}" for i in np.unique(samples.donors, return_inverse=True)[1]]
        design = "~donor + condition"
    everywhere = (counts[:, usable] > 0).all(axis=0).sum()
    inference = DefaultInference(n_cpus=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = DeseqDataSet(
            counts=pd.DataFrame(
                counts[:, usable], index=names, columns=np.flatnonzero(usable).astype(str)
            ),
            metadata=table,
            design=design,
            size_factors_fit_type="ratio" if everywhere >= MIN_EVERYWHERE else "poscounts",
            refit_cooks=False,
            inference=inference,
            quiet=True,
        )
        data.deseq2()
        found = DeseqStats(
            data,
            contrast=["condition", "b", "a"],
            independent_filter=False,
            inference=inference,
            quiet=True,
        )
        found.summary()
    columns = [np.full(len(genes), np.nan) for _ in range(3)]
    for column, name in zip(columns, ("log2FoldChange", "pvalue", "padj"), strict=True):
        column[usable] = found.results_df[name].to_numpy(dtype=float)
    return Differential(*columns), ""
