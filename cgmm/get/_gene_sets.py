"""Gene sets within each population."""

from __future__ import annotations

import anndata as ad
import pandas as pd

from cgmm._anndata.keys import DEFAULT_KEY, Uns
from cgmm._anndata.storage import read_stored
from cgmm.get._common import build, empty
from cgmm.tables import GENE_SETS


def gene_sets(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Return which gene sets changed in each population.

    Parameters
    ----------
    adata
        Object on which :func:`cgmm.tl.gene_sets` was run.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    One row per population and tested set, those with the smallest p of a population first:

    component, name, set
        Index and name of the population, and the set.
    n_genes, n_listed
        Genes of the set that were tested in the population, and genes of the set.
    log2_change, log2_others
        Mean log2 change of the tested genes of the set, and of all other tested genes; donors are
        the unit.
    t
        Statistic of the competitive test (:mod:`cgmm.genes.set_test`). Above zero, genes of the set
        rise more, or fall less, than other genes.
    p, q
        Two-sided p-value, and Benjamini-Hochberg q-value over the sets of the population.
    leading_genes
        Up to eight genes of the set that change most in the direction of ``t``, by their own test;
        separated by spaces.

    A set has no row in a population where fewer than five of its genes, or more than half of all
    genes, were tested. A population has no rows where its genes cannot be tested; ``de_reason`` of
    :func:`gene_agreement` says why.

    Raises
    ------
    KeyError
        When :func:`cgmm.tl.gene_sets` was not run.
    """
    uns = read_stored(adata, key)
    if Uns.GENE_SETS not in uns:
        msg = (
            f"uns[{key!r}] has no gene sets: run cgmm.tl.gene_sets(adata, sets, key={key!r}) first."
        )
        raise KeyError(msg)
    table = uns[Uns.GENE_SETS].reset_index(drop=True)
    return build(GENE_SETS, table) if len(table) else empty(GENE_SETS)
