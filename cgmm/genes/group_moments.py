"""Moments of expression of groups of cells, from one pass over values on disk.

Names of populations, changes of their genes and the part of a change that contamination can make
rest on the same sums.  They are computed together, and kept with the values, so that values are
read once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from cgmm._utils.lazy_rows import LazyRows, Members, Rows, digest, pieces
from cgmm.genes.change import ExpressionMoments


class GroupMoments(NamedTuple):
    """Moments of the groups, and their mean expression that is not a logarithm, (K, n_genes)."""

    moments: ExpressionMoments
    plain: np.ndarray


def groups_of(memberships: Rows) -> np.ndarray | None:
    """Return the group of every cell, -1 for none; None where a cell belongs to several in parts.

    Parameters
    ----------
    memberships
        Shape (n_cells, K).
    """
    if isinstance(memberships, Members):
        return memberships.groups
    if not isinstance(memberships, np.ndarray):
        return None
    there = memberships != 0
    if (there.sum(axis=1) > 1).any() or (memberships[there] != 1).any():
        return None
    return np.where(there.any(axis=1), there.argmax(axis=1), -1)


def group_moments(
    expression: LazyRows, groups: np.ndarray, n_groups: int, weights: np.ndarray | None
) -> GroupMoments:
    """Return the moments of groups of cells.

    Parameters
    ----------
    expression
        Log-normalised expression (natural log), shape (n_cells, n_genes).
    groups
        Group (0, 1, ...) of every cell, -1 for none, shape (n_cells,).
    n_groups
        Number of groups, K.
    weights
        Weights of cells, shape (n_cells,); None: equal weights.

    Returns
    -------
    GroupMoments; rows of groups without any weight are NaN.
    """
    there = np.flatnonzero(groups >= 0)
    kinds, first = np.unique(groups[there], return_index=True)
    order = kinds[np.argsort(first)]  # other numbers for the same groups give the same sums
    place = np.full(n_groups + 1, -1)
    place[order] = np.arange(len(order))
    own = place[groups]
    w = np.ones(len(groups)) if weights is None else np.asarray(weights, dtype=float)
    name = ("groups", expression.place, digest(own), digest(w))
    if name not in expression.kept:
        expression.kept[name] = _sums(expression, own, len(order), w)
    sums, mass = expression.kept[name]
    out = np.full((3, n_groups, expression.shape[1]), np.nan)
    whole = np.zeros(n_groups)
    whole[order] = mass
    with np.errstate(invalid="ignore", divide="ignore"):
        out[:, order] = np.where(mass[:, None] > 0, sums / mass[:, None], np.nan)
    return GroupMoments(ExpressionMoments(out[0], out[1], whole), out[2])


def _sums(
    expression: LazyRows, groups: np.ndarray, n_groups: int, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return sums of values, of cells above zero and of plain values, and the mass of groups."""
    from cgmm.genes._group_sums import add_sums  # loads numba

    sums = np.zeros((3, n_groups, expression.shape[1]))
    for rows, part in pieces(expression):
        values = sp.csr_matrix(part)
        with np.errstate(over="ignore"):  # where values are no logarithms
            plain = np.expm1(values.data)
        add_sums(
            sums, groups[rows], weights[rows], values.indptr, values.indices, values.data, plain
        )
    there = groups >= 0
    return sums, np.bincount(groups[there], weights[there], n_groups)
