"""Change of expression within each population or source component."""

from __future__ import annotations

from typing import Any

import anndata as ad
import pandas as pd

from cgmm._anndata.keys import DEFAULT_KEY, Uns
from cgmm._anndata.storage import read_stored
from cgmm.get._common import build
from cgmm.tables import TABLES


def genes(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Return the change of leading genes in each population, measured in up to three ways.

    Parameters
    ----------
    adata
        Object on which :func:`cgmm.tl.genes` was run.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    One row per population and gene, by rank; per source component and gene with ``level="state"``
    of :func:`cgmm.tl.genes`, or where the fit has no populations:

    component, name, gene
        Index and name of the population, and the gene.
    log2_change
        Mean log-normalised expression of the target cells of the population less that of its source
        cells, in log2 units (of a component: target cells that came from it). A size, not a test.
    common_change, specific_change
        The part of ``log2_change`` that nearly all populations share, and the remainder
        (:mod:`cgmm.genes.programme`). NaN with fewer than two populations.
    loading_change
        Displacement of the population's mean, converted to genes by the loadings of the PCA, in the
        units of ``log2_change``. It is smaller, because PCA leaves out a part of the expression.
        NaN for genes that PCA did not use, and without loadings.
    loading_log2_sd
        log2 ratio of the gene's standard deviation within the population, target to source, by the
        same loadings. Above zero the cells became more different from each other.
    de_log2_change, de_p, de_q
        Change of pseudobulks, p-value over donors (of the moderated t-test, or Wald's with
        ``de_test="deseq2"``), and Benjamini-Hochberg q-value within the population. NaN where a
        gene was not tested; :func:`gene_agreement` has the reason.
    agreement
        Whether the measures of change have the same sign: "all", "loadings differ", "DE differs",
        "both differ"; "" when there is only one measure.
    mean_source, mean_target
        Mean log-normalised expression (natural log).
    fraction_source, fraction_target
        Fraction of cells that express the gene.
    ambient_share
        Largest fraction of the change that RNA of other cells in the droplets can explain
        (:mod:`cgmm.genes.ambient`). NaN for values that are not logarithms of counts.
    rank
        Rank by size of the change within the population, from 1. Genes that few cells express come
        last, and so do genes whose change ambient RNA can explain by half or more.
    n_subpopulations
        Number of populations in which the gene is among the first 20 and changes by a factor of 1.5
        or more.
    n_specific
        Number of populations in which the specific part is a factor of 1.5 or more and at least
        half of the gene's largest specific part.
    scope
        "common" when nearly all populations change the gene and the common part is at least half
        of the median change; "specific" when some populations change it; "" when none does.

    Raises
    ------
    KeyError
        When :func:`cgmm.tl.genes` was not run.

    Examples
    --------
    After the examples of :func:`cgmm.tl.fit` and :func:`cgmm.tl.genes`, in cells that switch on the
    genes RESP01 to RESP20:

    >>> genes = cg.get.genes(adata)
    >>> genes.loc[genes["name"] == "Alpha", "gene"].iloc[0][:4]
    'RESP'
    """
    return build(TABLES["genes"], _stored_table(adata, key, Uns.GENES))


def gene_agreement(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Return how well the ways to measure a gene change agree in each population.

    Parameters
    ----------
    adata
        Object on which :func:`cgmm.tl.genes` was run.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    One row per population, or per source component, as in :func:`genes`:

    component, name
        Index and name.
    n_genes, n_loading, n_tested
        Number of genes that enough cells express; of these genes, the number with loadings and the
        number that were tested over donors.
    n_significant
        Number of genes with ``de_q`` below 0.05.
    r_expression_loading, r_expression_de, r_loading_de
        Spearman's correlation between two changes, over the genes that have both. NaN with fewer
        than ten genes.
    agree_top
        Fraction of the first 20 genes for which all measures of change have the same sign.
    loading_reason, de_reason
        Why there is no change by loadings or no test over donors, as a sentence; else "".
    resembles
        Another population that the target cells resemble more, by genes that the treatment
        does not change (:func:`cgmm.genes.programme.resembles`); else "". The changes are then
        partly differences between cell types.

    Raises
    ------
    KeyError
        When :func:`cgmm.tl.genes` was not run.
    """
    return build(TABLES["gene_agreement"], _stored_table(adata, key, Uns.GENE_AGREEMENT))


def markers(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Return how every population expresses the marker genes of all populations.

    A marker is a label, not a finding: it was chosen because it differs between populations
    (:mod:`cgmm.genes.naming`), in both conditions together.

    Parameters
    ----------
    adata
        Object on which :func:`cgmm.tl.genes` was run.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    One row per marker gene of a population and population in which it is measured:

    marker_of, rank, gene
        Population that the gene marks, place among its up to five markers from 1, and the gene. A
        gene that marks two populations has the rows of both.
    name
        Population in which the gene is measured.
    mean
        Mean log-normalised expression (natural log); both conditions and all donors count equally.
        In the units of the values for ``natural_log=False``.
    fraction
        Fraction of cells that express the gene, counted in the same way; NaN for
        ``natural_log=False``.
    scaled_mean
        ``mean``, scaled to 0 in the population with the lowest and 1 in that with the highest mean.

    No rows without populations, with ``level="state"`` of :func:`cgmm.tl.genes`, or where no gene
    distinguishes populations.

    Raises
    ------
    KeyError
        When :func:`cgmm.tl.genes` was not run.
    """
    return build(TABLES["markers"], _stored_table(adata, key, Uns.MARKERS))


def stored_genes(adata: ad.AnnData, key: str, name: str = Uns.GENES) -> dict[str, Any]:
    """Return what is stored of a fit; raise a KeyError without what :func:`cgmm.tl.genes` adds."""
    uns = read_stored(adata, key)
    if name not in uns:
        msg = f"uns[{key!r}] has no gene changes: run cgmm.tl.genes(adata, key={key!r}) first."
        raise KeyError(msg)
    return uns


def _stored_table(adata: ad.AnnData, key: str, name: str) -> pd.DataFrame:
    return stored_genes(adata, key, name)[name].reset_index(drop=True)
