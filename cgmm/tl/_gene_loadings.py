"""Second of the three ways of :func:`cgmm.tl.genes`: displacement through loadings."""

from __future__ import annotations

from typing import NamedTuple

import anndata as ad
import numpy as np

from cgmm._anndata.expression import CellExpression
from cgmm._anndata.keys import LOADINGS, PCA, SD
from cgmm._anndata.sides import cell_weights
from cgmm.genes.loadings import LoadingShift, loading_shift, scale_of
from cgmm.tl._gene_changes import Expression, Groups


class Loadings(NamedTuple):
    """Changes of genes by the loadings; NaN, with a reason, where there are no loadings."""

    shift: LoadingShift  #: genes as in the expression
    reason: str  #: why there are no loadings, in a sentence; else ""


def by_loadings(
    adata: ad.AnnData,
    cells: CellExpression,
    coupled: Groups,
    expression: Expression,
    *,
    use_rep: str,
) -> Loadings:
    """Return the displacement of the groups as changes of genes, by loadings of a PCA.

    Parameters
    ----------
    adata
        Object with the fit; loadings in its ``varm`` are preferred to loadings in the ``varm`` of
        the expression.
    cells, coupled, expression
        Expression of the cells, the coupled groups, and the result of the first way.
    use_rep
        Name of the representation of the fit.
    """
    try:
        loadings, scale = _usable_loadings(adata, cells, coupled, expression, use_rep)
    except _NoLoadingsError as error:
        nothing = np.full(expression.change.log2_change.shape, np.nan)
        return Loadings(LoadingShift(nothing, nothing.copy()), str(error))
    (mean_source, cov_source), (mean_target, cov_target) = _moments(coupled)
    shift = loading_shift(
        loadings,
        coupled.became(expression.moments.target.mass),
        means=(mean_source, mean_target),
        covariances=(cov_source, cov_target),
        scale=scale,
    )
    return Loadings(shift, "")


class _NoLoadingsError(Exception):
    """There are no usable loadings; the text is the reason, in a sentence."""


def _usable_loadings(
    adata: ad.AnnData, cells: CellExpression, coupled: Groups, expression: Expression, use_rep: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the loadings of the genes of the expression, (n_genes, n_dims), and their scale."""
    holder, name = _find_loadings(adata, cells, use_rep)
    stored = np.asarray(holder.varm[name], dtype=float)
    n_dims = coupled.sides.n_dims
    if stored.shape[1] < n_dims:
        raise _NoLoadingsError(
            f"varm[{name!r}] has {stored.shape[1]} dimensions, but the fit used {n_dims}."
        )
    genes = cells.adata.var_names
    if holder.var_names.equals(genes):
        place = np.arange(len(genes))
    elif holder.var_names.is_unique:
        place = holder.var_names.get_indexer(genes)
    else:
        raise _NoLoadingsError(
            f"The genes of varm[{name!r}] have names used twice, so names cannot be matched."
        )
    loadings = np.where((place >= 0)[:, None], stored[place, :n_dims], 0.0)
    sds = None
    if SD in holder.var:
        sds = np.where(place >= 0, holder.var[SD].to_numpy(dtype=float)[place], np.nan)
    means = np.concatenate([m.mean for m in expression.moments])
    there = np.isfinite(means).all(axis=1)
    points = np.concatenate([mean for mean, _ in _moments(coupled)])
    scale = scale_of(loadings, means[there] / cells.unit, points[there], sds)
    if scale is None:
        raise _NoLoadingsError(
            f"The loadings in varm[{name!r}] do not give {use_rep} from the expression at hand "
            "(values were scaled or integrated since, or genes differ), so they are not used."
        )
    return loadings, scale * cells.unit


def _find_loadings(
    adata: ad.AnnData, cells: CellExpression, use_rep: str
) -> tuple[ad.AnnData, str]:
    """Return the object that has loadings of the representation, and their entry of ``varm``."""
    names = (use_rep, LOADINGS) if use_rep == PCA else (use_rep,)
    for holder in (adata, cells.adata):
        for name in names:
            if name in holder.varm:
                return holder, name
    where = " and ".join(f"varm[{name!r}]" for name in names)
    raise _NoLoadingsError(f"{use_rep} has no loadings: {where} is missing.")


def _moments(coupled: Groups) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return means (K, D) and covariances (K, D, D) of the groups of each side, over their cells.

    Both are zero for a group without cells.
    """
    parts = []
    for points, r, weights in zip(
        coupled.sides.points, coupled.responsibilities, cell_weights(coupled.sides), strict=True
    ):
        mass = r if weights is None else r * weights[:, None]
        mass = mass / np.maximum(mass.sum(axis=0), np.finfo(float).tiny)
        mean = mass.T @ points
        square = np.stack([(points * own[:, None]).T @ points for own in mass.T])
        there = mass.sum(axis=0)[:, None, None] > 0
        parts.append((mean, np.where(there, square - mean[:, :, None] * mean[:, None], 0.0)))
    return parts
