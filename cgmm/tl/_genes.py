"""Gene-level shifts on AnnData objects."""

from __future__ import annotations

import anndata as ad
import numpy as np

from cgmm._anndata.checks import check_writable, writing
from cgmm._anndata.expression import expression_of, gene_names, refuse_unusable
from cgmm._anndata.keys import DEFAULT_KEY, Keys, Uns
from cgmm._anndata.sides import sides_of_fit
from cgmm._anndata.storage import read_fit, read_params
from cgmm._utils.arguments import check_number, check_whole
from cgmm._utils.files import storable
from cgmm.pair import SOURCE
from cgmm.tl import _gene_changes
from cgmm.tl._gene_tables import gene_tables

MIN_CELLS_FOR_GENES = 20


def genes(
    adata: ad.AnnData,
    *,
    expression: ad.AnnData | None = None,
    layer: str | None = None,
    gene_symbols: str | None = None,
    n_genes: int | None = 200,
    min_fraction: float = 0.1,
    natural_log: bool = True,
    de: bool = False,
    counts_layer: str = "counts",
    key: str = DEFAULT_KEY,
    copy: bool = False,
) -> ad.AnnData | None:
    """Which genes carry the shift of each subpopulation, seen in three ways.

    The change of mean log expression between a subpopulation and what it became
    (:mod:`cgmm.genes.change`), taken apart into a common programme and what is specific
    (:mod:`cgmm.genes.programme`); the displacement of the fitted Gaussians taken back through the
    loadings of the PCA (:mod:`cgmm.genes.loadings`); and, when asked for, differential expression
    of pseudobulks with donors as replicates (:mod:`cgmm.genes.pseudobulk`, PyDESeq2).

    Parameters
    ----------
    adata
        Object with a fit, from :func:`fit`. Loadings are taken from ``varm["PCs"]`` when the fit
        used ``X_pca``, else from the entry of ``varm`` that is called as the representation. Genes
        that were scaled before PCA by ``scanpy.pp.scale`` are told by ``var["std"]``.
    expression
        Object with the same cells and log-normalised ``X``, when ``adata`` has none.
    layer
        Layer with log-normalised expression (natural log), in place of ``X``.
    gene_symbols
        Column of ``var`` with the names to show. By default ``var_names``.
    n_genes
        Keep this many genes with the largest change of each subpopulation, and the first 20 of any
        subpopulation in all of them. None: keep all.
    min_fraction
        Leave out genes that fewer cells express, in both conditions, in a subpopulation.
    natural_log
        Whether expression is in natural logs (log1p), so that changes are told in log2. False for
        cytometry: ``log2_change`` then holds differences in the units of the values.
    de
        Test genes over donors. Takes about ten seconds per subpopulation. Needs a ``donor_key`` in
        the fit, at least three donors a side, counts, and PyDESeq2 (``pip install 'cgmm[de]'``);
        where one of these is missing, the columns are NaN and :func:`cgmm.get.gene_agreement` says
        why.
    counts_layer
        Layer with counts, for ``de``; of ``expression`` when given, else of ``adata``.
    key
        The ``key_added`` of the fit.
    copy
        Return a changed copy and leave ``adata`` as it is.

    Returns
    -------
    None, or the copy. Sets ``uns[key]["genes"]`` and ``uns[key]["gene_agreement"]``, the DataFrames
    of :func:`cgmm.get.genes` and :func:`cgmm.get.gene_agreement`.

    Raises
    ------
    KeyError, TypeError, ValueError
        When there is no fit or no expression, when it is not finite or not log-normalised, or when
        a number is out of range.

    Examples
    --------
    After the example of :func:`fit`:

    >>> cg.tl.genes(adata)
    >>> list(cg.get.genes(adata).columns[:4])
    ['component', 'name', 'gene', 'log2_change']
    """
    params = read_params(adata, key=key)
    check_writable(adata, copy=copy)
    if n_genes is not None:
        n_genes = check_whole("n_genes", n_genes, 1)
    if not 0 <= check_number("min_fraction", min_fraction, 0.1) <= 1:
        msg = f"min_fraction={min_fraction} must lie between 0 and 1: it is a part of the cells."
        raise ValueError(msg)
    if Keys(key).responsibilities not in adata.obsm:
        msg = (
            f"obsm[{Keys(key).responsibilities!r}] is missing: use the object that cgmm.tl.fit "
            "has filled."
        )
        raise KeyError(msg)
    found = sides_of_fit(adata, params, donor_key=params["donor_key"])
    held = expression_of(adata, expression, layer)
    if held is None:
        msg = "The object has no X: give expression=, an object with the same cells and genes."
        raise ValueError(msg)
    refuse_unusable(held.matrix, natural_log=natural_log)
    names = gene_names(held.adata, gene_symbols)
    fit = read_fit(adata, key=key)
    of = _gene_changes.groups(found, np.asarray(adata.obsm[Keys(key).responsibilities]), fit)
    changed = _gene_changes.by_expression(held, of, natural_log=natural_log)
    fraction = np.fmax(changed.change.source.fraction, changed.change.target.fraction)
    usable = (fraction >= min_fraction) & (changed.n_cells >= MIN_CELLS_FOR_GENES)[:, None]
    tables = gene_tables(
        changed,
        _gene_changes.by_loadings(adata, held, of, changed, use_rep=params["use_rep"], fit=fit),
        _gene_changes.by_donors(
            held,
            of,
            counts_layer=counts_layer,
            usable=usable,
            paired=params["paired"],
            wanted=de,
        ),
        names,
        [str(n) for n in adata.uns[key][Uns.names(SOURCE)]],
        usable=usable,
        natural_log=natural_log,
        n_genes=n_genes,
    )

    adata = adata.copy() if copy else adata
    with writing():
        adata.uns[key] = {
            **adata.uns[key],
            Uns.GENES: storable(tables[0]),
            Uns.GENE_AGREEMENT: storable(tables[1]),
        }
    return adata if copy else None
