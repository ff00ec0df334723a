"""Gene-level shifts on AnnData objects."""

from __future__ import annotations

import warnings

import anndata as ad
import numpy as np

from cgmm import _annotate, _validate, donors
from cgmm import genes as gene_level
from cgmm._io import storable
from cgmm._keys import DEFAULT_KEY, SIDES, SOURCE, Keys, Uns

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
    key: str = DEFAULT_KEY,
    copy: bool = False,
) -> ad.AnnData | None:
    """Change of expression within each subpopulation.

    Parameters
    ----------
    adata
        Object with a fit, from :func:`fit`.
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
    key
        The ``key_added`` of the fit.
    copy
        Return a changed copy and leave ``adata`` as it is.

    Returns
    -------
    None, or the copy. Sets ``uns[key]["genes"]``, the DataFrame of :func:`cgmm.get.genes`.

    Raises
    ------
    KeyError, ValueError
        When there is no fit, no expression, or when it looks like counts.
    """
    from cgmm import get

    params, uns = get.params(adata, key=key), adata.uns[key]
    found = _validate.sides(
        adata,
        condition_key=params["condition_key"],
        source=params["source"],
        target=params["target"],
        use_rep=params["use_rep"],
        n_dims=params["n_dims"],
        donor_key=params["donor_key"],
        min_cells=1,
    )
    held = _annotate.expression_of(adata, expression, layer)
    if held is None:
        msg = "The object has no X: give expression=, an object with the same cells and genes."
        raise ValueError(msg)
    _annotate.refuse_counts(held.matrix)
    names = _annotate.gene_names(held.adata, gene_symbols)
    coupling = np.asarray(uns[Uns.COUPLING])
    padded = np.asarray(adata.obsm[Keys(key).responsibilities])
    r = [
        padded[rows][:, :k]
        for rows, k in zip((found.rows_source, found.rows_target), coupling.shape, strict=True)
    ]
    source, target = _annotate.side_moments(held, found, r)
    shares = [np.asarray(uns[Uns.shares(side)]) for side in SIDES]
    origin = donors.share_of_target(coupling, shares[0])
    change = gene_level.gene_shift(source, target, origin, natural_log=natural_log)
    carried = origin @ r[1].sum(axis=0)
    enough = np.minimum(r[0].sum(axis=0), carried) >= MIN_CELLS_FOR_GENES
    table = _annotate.gene_table(
        change,
        names,
        [str(n) for n in uns[Uns.names(SOURCE)]],
        enough=enough,
        n_genes=n_genes,
        min_fraction=min_fraction,
    )

    adata = adata.copy() if copy else adata
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ad.ImplicitModificationWarning)
        adata.uns[key] = {**adata.uns[key], Uns.GENES: storable(table)}
    return adata if copy else None
