"""First way in which :func:`cgmm.tl.genes` sees genes change: mean log expression.

Also the groups of cells that all ways compare.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cgmm._anndata.expression import CellExpression
from cgmm._anndata.sides import Sides, cell_weights
from cgmm._utils.lazy_rows import LazyRows, Rows
from cgmm.coupled.result import CoupledFit
from cgmm.genes import ambient
from cgmm.genes.change import ExpressionMoments, GeneShift, gene_shift, means, moments
from cgmm.genes.group_moments import GroupMoments, group_moments, groups_of
from cgmm.pair import Pair
from cgmm.transport.coupling import divide


class Groups(NamedTuple):
    """The coupled groups of cells whose genes are compared."""

    sides: Sides
    responsibilities: Pair[np.ndarray]  #: (N0, K0), (N1, K1)
    origin: np.ndarray  #: R, (K0, K1): where the cells of each target component came from

    @property
    def weights(self) -> Pair[np.ndarray]:
        """Weights of the cells of both sides in the groups of the source, (N0, K0), (N1, K0)."""
        own, other = self.responsibilities
        return Pair(own, other @ self.origin.T)

    def became(self, mass: np.ndarray) -> np.ndarray:
        """Return what each source component became, (K0, K1); rows sum to one.

        ``mass`` is the number of cells of each target component, (K1,).
        """
        parts = self.origin * mass
        return divide(parts, parts.sum(axis=1, keepdims=True))


class Expression(NamedTuple):
    """Changes of mean log expression."""

    change: GeneShift
    moments: Pair[ExpressionMoments]  #: of the components of both sides
    ambient: np.ndarray  #: (K0, n_genes), part that contamination can make; NaN when not counts
    n_cells: np.ndarray  #: (K0,), the smaller of the two groups


def groups(sides: Sides, responsibilities: np.ndarray, fit: CoupledFit) -> Groups:
    """Return the cells of both sides with their responsibilities, and where target cells came from.

    ``responsibilities`` has all cells of the object, shape (n_cells, max(K0, K1)).
    """
    source, target = (
        responsibilities[rows][:, :k]
        for rows, k in zip(sides.rows, fit.coupling.shape, strict=True)
    )
    return Groups(sides, Pair(source, target), fit.origin)


def population_groups(sides: Sides, codes: Pair[np.ndarray], n_populations: int) -> Groups:
    """Return the cells of both sides by population: a population became itself.

    ``codes`` has the population of every cell, -1 for none, shapes (N0,) and (N1,).
    """
    member = codes.map(lambda own: (own[:, None] == np.arange(n_populations)).astype(float))
    return Groups(sides, member, np.eye(n_populations))


def by_expression(cells: CellExpression, coupled: Groups, *, natural_log: bool) -> Expression:
    """Return the change of mean log expression, and how much of it contamination can make."""
    per_side = side_moments(cells, coupled.sides, coupled.responsibilities)
    change = gene_shift(*per_side, coupled.origin, natural_log=natural_log)
    n_source, n_target = coupled.responsibilities.map(lambda r: r.sum(axis=0))
    n_cells = np.minimum(n_source, coupled.origin @ n_target)
    share = np.full(change.log2_change.shape, np.nan)
    if natural_log:
        share = _ambient(cells, coupled, per_side)
    return Expression(change, per_side, share, n_cells)


def side_moments(
    cells: CellExpression, sides: Sides, responsibilities: Pair[Any]
) -> Pair[ExpressionMoments]:
    """Return the moments of expression of the components of both sides."""
    source, target = (
        _moments(cells.matrix[rows], r, weights)
        for rows, r, weights in zip(sides.rows, responsibilities, cell_weights(sides), strict=True)
    )
    return Pair(source, target)


def _moments(values: Any, memberships: Rows, weights: np.ndarray | None) -> ExpressionMoments:
    if (found := _of_groups(values, memberships, weights)) is not None:
        return found.moments
    return moments(values, memberships, weights=weights)


def _plain_means(values: Any, memberships: Rows, weights: np.ndarray | None) -> np.ndarray:
    """Return mean expression that is not a logarithm, shape (K, n_genes)."""
    if (found := _of_groups(values, memberships, weights)) is not None:
        return found.plain
    return means(values, memberships, weights=weights, of=np.expm1)


def _of_groups(values: Any, memberships: Rows, weights: np.ndarray | None) -> GroupMoments | None:
    """Return the moments of values on disk, where every cell is in one group; else None."""
    if not isinstance(values, LazyRows) or (groups := groups_of(memberships)) is None:
        return None
    return group_moments(values, groups, memberships.shape[1], weights)


def _ambient(
    cells: CellExpression, coupled: Groups, per_side: Pair[ExpressionMoments]
) -> np.ndarray:
    """Return the largest part of each change that RNA of other cells can make, (K0, n_genes)."""
    plain, added = [], []
    for rows, r, weights, moment in zip(
        coupled.sides.rows,
        coupled.responsibilities,
        cell_weights(coupled.sides),
        per_side,
        strict=True,
    ):
        mean = _plain_means(cells.matrix[rows], r, weights)
        alpha, overall = ambient.contamination(mean, moment.mass)
        plain.append(np.nan_to_num(mean))
        added.append(np.outer(alpha, overall))
    parts = coupled.became(per_side.target.mass)
    return ambient.ambient_share(plain[0], parts @ plain[1], added[0], parts @ added[1])
