"""The ways in which `cgmm.tl.genes` sees a subpopulation's genes change, from an AnnData object.

Each way either gives its numbers or says in a sentence why it cannot; none of them fails.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

import anndata as ad
import numpy as np

from cgmm._anndata.expression import CellExpression, looks_like_counts
from cgmm._anndata.sides import Sides, cell_weights
from cgmm.coupled.result import CoupledFit
from cgmm.genes import ambient, deseq
from cgmm.genes import change as gene_level
from cgmm.genes.loadings import LoadingShift, loading_shift, scale_of
from cgmm.genes.pseudobulk import pseudobulk, samples
from cgmm.transport.coupling import divide

logger = logging.getLogger(__name__)

PCA = "X_pca"
LOADINGS = "PCs"
SD = "std"  # column of var that scanpy.pp.scale writes


class Groups(NamedTuple):
    """The coupled groups of cells whose genes are compared."""

    found: Sides
    responsibilities: tuple[np.ndarray, np.ndarray]  #: (N0, K0), (N1, K1)
    origin: np.ndarray  #: R, (K0, K1)


class Expression(NamedTuple):
    """First way: mean log expression."""

    change: gene_level.GeneShift
    moments: tuple[
        gene_level.ExpressionMoments, gene_level.ExpressionMoments
    ]  #: of the components of both sides
    ambient: np.ndarray  #: (K0, n_genes), part that contamination can make; NaN when not counts
    n_cells: np.ndarray  #: (K0,), the smaller of the two groups


class Loadings(NamedTuple):
    """Second way: displacement of the Gaussians."""

    shift: LoadingShift  #: genes as in the expression
    reason: str


class Tested(NamedTuple):
    """Third way: pseudobulks over donors."""

    log2_change: np.ndarray  #: (K0, n_genes)
    p: np.ndarray  #: (K0, n_genes)
    q: np.ndarray  #: (K0, n_genes)
    reason: list[str]  #: (K0,)


def groups(found: Sides, responsibilities: np.ndarray, fit: CoupledFit) -> Groups:
    """Cells of both sides with their responsibilities, and where target cells came from.

    ``responsibilities`` are those of all cells of the object, shape (n_cells, max(K0, K1)).
    """
    r0, r1 = (
        responsibilities[rows][:, :k]
        for rows, k in zip((found.rows_source, found.rows_target), fit.coupling.shape, strict=True)
    )
    return Groups(found, (r0, r1), fit.origin)


def by_expression(held: CellExpression, of: Groups, *, natural_log: bool) -> Expression:
    """Change of mean log expression, and how much of it contamination can make."""
    moments = side_moments(held, of.found, of.responsibilities)
    change = gene_level.gene_shift(*moments, of.origin, natural_log=natural_log)
    carried = of.origin @ of.responsibilities[1].sum(axis=0)
    n_cells = np.minimum(of.responsibilities[0].sum(axis=0), carried)
    share = np.full(change.log2_change.shape, np.nan)
    if natural_log:
        share = _ambient(held, of, moments)
    return Expression(change, moments, share, n_cells)


def _ambient(
    held: CellExpression,
    of: Groups,
    moments: tuple[gene_level.ExpressionMoments, gene_level.ExpressionMoments],
) -> np.ndarray:
    rows = (of.found.rows_source, of.found.rows_target)
    plain, added = [], []
    for i, weights in enumerate(cell_weights(of.found)):
        mean = gene_level.means(
            held.matrix[rows[i]], of.responsibilities[i], weights=weights, of=np.expm1
        )
        alpha, overall = ambient.contamination(mean, moments[i].mass)
        plain.append(np.nan_to_num(mean))
        added.append(np.outer(alpha, overall))
    parts = became(of.origin, moments[1].mass)
    return ambient.ambient_share(plain[0], parts @ plain[1], added[0], parts @ added[1])


def became(origin: np.ndarray, mass: np.ndarray) -> np.ndarray:
    """Return what each source component became: parts of target components, rows sum to one."""
    parts = origin * mass
    return divide(parts, parts.sum(axis=1, keepdims=True))


def by_loadings(
    adata: ad.AnnData,
    held: CellExpression,
    of: Groups,
    expression: Expression,
    *,
    use_rep: str,
    fit: CoupledFit,
) -> Loadings:
    """Displacement of the fitted Gaussians taken back through the loadings of the PCA."""
    found, scale, reason = _usable_loadings(adata, held, of, expression, use_rep)
    if found is None:
        nothing = np.full(expression.change.log2_change.shape, np.nan)
        return Loadings(LoadingShift(nothing, nothing.copy()), reason)
    parts = became(of.origin, expression.moments[1].mass)
    shift = loading_shift(
        found,
        parts,
        means=(fit.source.means, fit.target.means),
        covariances=(fit.source.covariances, fit.target.covariances),
        scale=scale,
    )
    return Loadings(shift, "")


def _usable_loadings(
    adata: ad.AnnData, held: CellExpression, of: Groups, expression: Expression, use_rep: str
) -> tuple[np.ndarray | None, np.ndarray | None, str]:
    """Find loadings of the genes of the expression and their units, or why there are none."""
    n_dims = of.found.points_source.shape[1]
    places = [(a, key) for a in (adata, held.adata) for key in _names(use_rep) if key in a.varm]
    if not places:
        where = " and ".join(f"varm[{key!r}]" for key in _names(use_rep))
        return None, None, f"{use_rep} has no loadings: {where} is missing."
    holder, key = places[0]
    stored = np.asarray(holder.varm[key], dtype=float)
    if stored.shape[1] < n_dims:
        reason = f"varm[{key!r}] has {stored.shape[1]} dimensions, but the fit used {n_dims}."
        return None, None, reason
    genes = held.adata.var_names
    if holder.var_names.equals(genes):
        place = np.arange(len(genes))
    elif holder.var_names.is_unique:
        place = holder.var_names.get_indexer(genes)
    else:
        reason = f"The genes of varm[{key!r}] have names used twice, so they cannot be told apart."
        return None, None, reason
    loadings = np.where((place >= 0)[:, None], stored[place, :n_dims], 0.0)
    sds = None
    if SD in holder.var:
        sds = np.where(place >= 0, holder.var[SD].to_numpy(dtype=float)[place], np.nan)
    means = np.concatenate([m.mean for m in expression.moments])
    there = np.isfinite(means).all(axis=1)
    scale = scale_of(loadings, means[there] / held.unit, _mean_points(of)[there], sds)
    if scale is None:
        reason = (
            f"The loadings in varm[{key!r}] do not give {use_rep} from the expression at hand "
            "(scaled or integrated meanwhile, or other genes), so nothing can be taken back."
        )
        return None, None, reason
    return loadings, scale * held.unit, ""


def _mean_points(of: Groups) -> np.ndarray:
    """Mean of the representation over each component of both sides, (K0 + K1, D)."""
    sides = []
    points = (of.found.points_source, of.found.points_target)
    for x, r, w in zip(points, of.responsibilities, cell_weights(of.found), strict=True):
        m = r if w is None else r * w[:, None]
        sides.append((m / np.maximum(m.sum(axis=0), np.finfo(float).tiny)).T @ x)
    return np.concatenate(sides)


def _names(use_rep: str) -> tuple[str, ...]:
    """Entries of varm in which scanpy keeps the loadings of a PCA."""
    return (use_rep, LOADINGS) if use_rep == PCA else (use_rep,)


def by_donors(
    held: CellExpression,
    of: Groups,
    *,
    counts_layer: str,
    usable: np.ndarray,
    paired: bool | None,
    wanted: bool,
) -> Tested:
    """Differential expression between coupled groups, with donors as replicates.

    ``usable`` is boolean, shape (K0, n_genes): the genes to test in each component.
    """
    change, p, q = (np.full(usable.shape, np.nan) for _ in range(3))
    reason = _no_test(held, of.found, counts_layer, wanted=wanted)
    if reason:
        return Tested(change, p, q, [reason] * len(usable))
    counts = held.adata.layers[counts_layer]
    found = of.found
    source, target = (
        pseudobulk(counts[held.rows[rows]], weights, np.asarray(names))
        for rows, weights, names in (
            (found.rows_source, of.responsibilities[0], found.donors_source),
            (found.rows_target, of.responsibilities[1] @ of.origin.T, found.donors_target),
        )
    )
    reasons = []
    for k, genes in enumerate(usable):
        if not genes.any():
            reasons.append("Too few cells on one of the sides to compare genes.")
            continue
        chosen, why = samples(source, target, k, paired=paired)
        if chosen is not None:
            logger.info("testing genes of component %d of %d", k + 1, len(usable))
            test, why = deseq.differential(chosen, genes)
            if test is not None:
                change[k], p[k], q[k] = test
        reasons.append(why)
    return Tested(change, p, q, reasons)


def _no_test(held: CellExpression, found: Sides, counts_layer: str, *, wanted: bool) -> str:
    """Why genes cannot be tested at all, in a sentence; "" when they can."""
    if not wanted:
        return "Not asked for: call cgmm.tl.genes(adata, de=True)."
    if found.donors_source is None or found.donors_target is None:
        return "No donors were given, so there is no replication to base a test on."
    if counts_layer not in held.adata.layers:
        return f"layers[{counts_layer!r}] with counts is not there, and a test needs counts."
    counts = held.adata.layers[counts_layer]
    if not looks_like_counts(counts):
        return f"layers[{counts_layer!r}] does not hold counts (whole numbers), as a test needs."
    if not deseq.installed():
        return "PyDESeq2 is not installed: pip install 'cgmm[de]'."
    return ""


def side_moments(
    held: CellExpression, found: Sides, responsibilities: Sequence[np.ndarray]
) -> tuple[gene_level.ExpressionMoments, gene_level.ExpressionMoments]:
    """Moments of expression of the components of both sides."""
    source, target = (
        gene_level.moments(held.matrix[rows], r, weights=w)
        for rows, r, w in zip(
            (found.rows_source, found.rows_target),
            responsibilities,
            cell_weights(found),
            strict=True,
        )
    )
    return source, target
