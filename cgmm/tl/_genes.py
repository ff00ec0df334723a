"""Changes of genes that make up the shifts of a fit, on AnnData objects."""

from __future__ import annotations

from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.checks import check_writable
from cgmm._anndata.expression import gene_names
from cgmm._anndata.keys import COUNTS, DEFAULT_KEY, Uns
from cgmm._anndata.populations import STATE, population_key
from cgmm._anndata.storage import read_params, read_stored, write_results
from cgmm._utils.arguments import check_whole
from cgmm._utils.h5ad import storable
from cgmm.tl._gene_changes import by_expression
from cgmm.tl._gene_donors import donor_values
from cgmm.tl._gene_loadings import by_loadings
from cgmm.tl._gene_study import gene_study
from cgmm.tl._gene_tables import Ways, gene_tables
from cgmm.tl._gene_tests import MODERATED, by_donors, check_method
from cgmm.tl._marker_expression import marker_expression


def genes(
    adata: ad.AnnData,
    *,
    expression: ad.AnnData | None = None,
    layer: str | None = None,
    gene_symbols: str | None = None,
    n_genes: int | None = 200,
    min_fraction: float = 0.1,
    natural_log: bool = True,
    de: bool = True,
    de_test: str = MODERATED,
    counts_layer: str = COUNTS,
    level: str | None = None,
    design: str | None = None,
    key: str = DEFAULT_KEY,
    copy: bool = False,
) -> ad.AnnData | None:
    """Compute the changes of genes that make up the change of state of each population.

    Changes are measured in up to three ways. The first is the change of mean log expression
    (:mod:`cgmm.genes.change`), split into a common programme and a specific part
    (:mod:`cgmm.genes.programme`). The second way converts the displacement of mean and covariance
    to changes of genes with the loadings of the PCA (:mod:`cgmm.genes.loadings`). The third way
    tests pseudobulks with donors as replicates (:mod:`cgmm.genes.pseudobulk`,
    :mod:`cgmm.genes.voom`), where there are three donors or more in each condition.

    Parameters
    ----------
    adata
        Object with a fit, from :func:`fit`. Loadings are taken from ``varm["PCs"]`` when the fit
        used ``X_pca``, else from the entry of ``varm`` with the name of the representation. When
        ``scanpy.pp.scale`` scaled genes before PCA, their scale is taken from ``var["std"]``.
    expression
        Object with the same cells and log-normalised ``X``, when ``adata`` has none.
    layer
        Layer with log-normalised expression (natural log), in place of ``X``.
    gene_symbols
        Column of ``var`` with the names to show. By default ``var_names``.
    n_genes
        Number of genes with the largest change to keep for each population, and half as many with
        the smallest p. A gene that is kept for one population is kept for all; where this makes
        more than 3,000 genes, fewer are kept for each. None: all genes are kept.
    min_fraction
        Smallest fraction of cells that express a gene. A gene with a smaller fraction in both
        conditions is not ranked in a population and not tested there.
    natural_log
        Whether expression is in natural logarithms (log1p); changes are then reported in log2.
        False for cytometry: ``log2_change`` then has differences in the units of the values.
    de
        Whether to test genes over donors. The tests need a ``donor_key`` in the fit, at least three
        donors in each condition, and counts. Where a requirement is not met, the columns of the
        tests are NaN and :func:`cgmm.get.gene_agreement` gives the reason. With
        ``natural_log=False`` the means of donors are tested, and no counts are needed.
    de_test
        "moderated": the moderated t-test of weighted log counts (:mod:`cgmm.genes.voom`), well
        under a second per population. "deseq2": PyDESeq2
        (``pip install 'pydeseq2>=0.5.4'``), about ten seconds per population.
    counts_layer
        Layer with counts, for ``de``; in ``expression`` when it is given, otherwise in ``adata``.
    level
        "population": compare the cells of a population (:func:`cgmm.get.populations`) in both
        conditions. "state": compare each component of the source with the cells that came from it.
        By default populations, where the fit has any.
    design
        Formula of the tests, as in :func:`cgmm.tl.donors`; by default the formula that
        :func:`cgmm.tl.donors` was given before, if any. Counts of all samples of a donor in a
        condition are summed, so columns of the formula must be constant within them.
    key
        The ``key_added`` of the fit.
    copy
        Return a changed copy and leave ``adata`` as it is.

    Returns
    -------
    None, or the copy. Sets ``uns[key]["genes"]``, ``uns[key]["gene_agreement"]``,
    ``uns[key]["markers"]`` and, where the fit has donors, ``uns[key]["gene_donors"]``: the
    DataFrames of :func:`cgmm.get.genes`, :func:`cgmm.get.gene_agreement` and
    :func:`cgmm.get.markers`, and the arrays of :func:`cgmm.get.gene_donors`.

    Raises
    ------
    KeyError, TypeError, ValueError
        When there is no fit or no expression, when the expression is not finite or not
        log-normalised, or when a number is out of range.

    Examples
    --------
    After the example of :func:`fit`:

    >>> cg.tl.genes(adata)
    >>> list(cg.get.genes(adata).columns[:4])
    ['component', 'name', 'gene', 'log2_change']
    """
    read_params(adata, key=key)
    check_writable(adata, copy=copy)
    check_method(de_test)
    if n_genes is not None:
        n_genes = check_whole("n_genes", n_genes, 1)
    study = gene_study(
        adata,
        expression=expression,
        layer=layer,
        gene_symbols=gene_symbols,
        min_fraction=min_fraction,
        natural_log=natural_log,
        level=level,
        design=design,
        over_donors=de,
        key=key,
    )
    cells, coupled, names = study.cells, study.groups, study.genes
    changed = by_expression(cells, coupled, natural_log=natural_log)
    fraction = np.fmax(changed.change.source.fraction, changed.change.target.fraction)
    usable = study.usable(fraction, changed.n_cells, min_fraction)
    loadings = by_loadings(adata, cells, coupled, changed, use_rep=study.comparison.use_rep)
    tests = by_donors(
        cells,
        coupled,
        counts_layer=counts_layer,
        usable=usable,
        paired=study.paired,
        natural_log=natural_log,
        wanted=de,
        method=de_test,
        of_design=study.of_design,
    )
    table, agreement, leading = gene_tables(
        Ways(changed, loadings, tests),
        names,
        study.names,
        usable=usable,
        natural_log=natural_log,
        n_genes=n_genes,
    )
    markers = marker_expression(
        _listed_markers(adata, level, key),
        changed.moments,
        study.names,
        var_names=gene_names(cells.adata, None),
        shown=names,
        fractions=natural_log,
    )
    adata = adata.copy() if copy else adata
    values = donor_values(cells, coupled, names, study.names, kept=leading, natural_log=natural_log)
    results: dict[str, Any] = {
        Uns.GENES: storable(table),
        Uns.GENE_AGREEMENT: storable(agreement),
        Uns.MARKERS: storable(markers),
    }
    write_results(adata, key, results | ({Uns.GENE_DONORS: values} if values else {}))
    return adata if copy else None


def _listed_markers(adata: ad.AnnData, level: str | None, key: str) -> pd.DataFrame | None:
    """Return the stored marker genes of the populations; None where components are compared."""
    if level == STATE or population_key(adata, key=key) is None:
        return None
    found: pd.DataFrame | None = read_stored(adata, key).get(Uns.POPULATION_NAMES)
    return found
