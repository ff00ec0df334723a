r"""Change of expression of every gene within each subpopulation.

With :math:`R_{kl}` the part of target component :math:`l` that came from source component
:math:`k` (:attr:`cgmm.CoupledFit.origin`), the cells that :math:`k` became have the weights
:math:`v_i = \sum_l R_{kl} r_l(x_i)`. The change of gene :math:`g` in :math:`k` is

.. math:: \Delta_{kg} = \frac{1}{\ln 2} \left(
    \frac{\sum_{i \in target} w_i v_i x_{ig}}{\sum_{i \in target} w_i v_i}
    - \frac{\sum_{i \in source} w_i r_{ik} x_{ig}}{\sum_{i \in source} w_i r_{ik}} \right)

where :math:`x` is log-normalised expression (natural log).  With the weights :math:`w`, all donors
count equally.  The change is a difference of means of logarithms, in log2 units.  It is an effect
size, not a test.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import scipy.sparse as sp

from cgmm._utils.lazy_rows import LazyRows, Rows, in_memory, pieces
from cgmm.thresholds import MIN_CHANGE

TOP = 20
WIDESPREAD = 0.5
MOSTLY_ZERO = 0.7  # of the memberships; then they are multiplied as a sparse matrix

Function = Callable[[np.ndarray], np.ndarray] | None  #: elementwise; None: the values themselves
AnyExpression: TypeAlias = np.ndarray | sp.spmatrix | sp.sparray | LazyRows


class ExpressionMoments(NamedTuple):
    """Weighted moments of expression, one row per component."""

    mean: np.ndarray  #: (K, n_genes), mean log-normalised expression, natural log
    fraction: np.ndarray  #: (K, n_genes), weighted fraction of cells with a value above zero
    mass: np.ndarray  #: (K,), sum of the weights


class GeneShift(NamedTuple):
    """Change of every gene in every source component, and the moments of both conditions."""

    log2_change: np.ndarray  #: (K0, n_genes)
    source: ExpressionMoments
    target: ExpressionMoments  #: of the cells that each source component became


def moments(
    expression: AnyExpression,
    memberships: Rows,
    *,
    weights: np.ndarray | None = None,
    block: int = 4096,
) -> ExpressionMoments:
    """Return weighted means of expression and fractions of cells that express a gene.

    Parameters
    ----------
    expression
        Log-normalised expression (natural log), shape (n_cells, n_genes), dense, sparse, or rows of
        a Dask array.
    memberships
        Non-negative weights, shape (n_cells, K): responsibilities.
    weights
        Weights of cells, shape (n_cells,); None: equal weights.
    block
        Number of cells per block when ``expression`` is dense.

    Returns
    -------
    ExpressionMoments; rows of components without any weight are NaN.
    """
    (mean, fraction), mass = _means(expression, memberships, weights, (None, _positive), block)
    return ExpressionMoments(mean, fraction, mass)


def means(
    expression: AnyExpression,
    memberships: Rows,
    *,
    weights: np.ndarray | None = None,
    of: Function = None,
    block: int = 4096,
) -> np.ndarray:
    """Return weighted means of a function of the values, one row per component.

    Sparse expression stays sparse; dense expression is read one block of cells at a time, a Dask
    array one chunk at a time.

    Parameters
    ----------
    expression, memberships, weights, block
        As for :func:`moments`.
    of
        Elementwise function that is zero at zero; None: the values themselves.

    Returns
    -------
    Shape (K, n_genes); rows of components without any weight are NaN.
    """
    return _means(expression, memberships, weights, (of,), block)[0][0]


def _means(
    expression: AnyExpression,
    memberships: Rows,
    weights: np.ndarray | None,
    functions: Sequence[Function],
    block: int,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the means of several functions of the values, and the sums of the weights, (K,).

    The cells are read in one pass.
    """
    k = memberships.shape[1]
    sums, mass = [np.zeros((k, expression.shape[1])) for _ in functions], np.zeros(k)
    for rows, part in pieces(expression):
        masses = in_memory(memberships[rows])
        if weights is not None:
            masses = masses * weights[rows][:, None]
        mass += masses.sum(axis=0)
        for total, of in zip(sums, functions, strict=True):
            total += _sums(part, masses, of, block)
    return [_over(total, mass) for total in sums], mass


def _sums(
    values: np.ndarray | sp.spmatrix | sp.sparray, masses: np.ndarray, of: Function, block: int
) -> np.ndarray:
    """Return the weighted sums of a function of values in memory, one row per component."""
    if sp.issparse(values):
        matrix = sp.csr_array(values)
        if of is not None:
            data = of(matrix.data)
            matrix = sp.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)
        if (masses == 0).mean() > MOSTLY_ZERO:
            return (sp.csr_array(masses.T) @ matrix).toarray()
        return np.asarray(matrix.T @ masses).T
    dense = np.asarray(values)
    sums = np.zeros((masses.shape[1], dense.shape[1]))
    for start in range(0, len(dense), block):
        rows = slice(start, start + block)
        part = dense[rows] if of is None else of(dense[rows])
        sums += masses[rows].T @ part
    return sums


def _positive(values: np.ndarray) -> np.ndarray:
    return (values > 0).astype(np.float64)


def carry(target: ExpressionMoments, origin: np.ndarray) -> ExpressionMoments:
    """Return the moments of the target cells that each source component became.

    Parameters
    ----------
    target
        Moments of the K1 target components.
    origin
        R, where the cells of each target component came from, shape (K0, K1).

    Returns
    -------
    ExpressionMoments with K0 rows, for the weights ``v_ik = sum_l R_kl r_l(x_i)`` of the cells.
    """
    parts = origin * target.mass
    mass = parts.sum(axis=1)
    return ExpressionMoments(
        _over(parts @ np.nan_to_num(target.mean), mass),
        _over(parts @ np.nan_to_num(target.fraction), mass),
        mass,
    )


def gene_shift(
    source: ExpressionMoments,
    target: ExpressionMoments,
    origin: np.ndarray,
    *,
    natural_log: bool = True,
) -> GeneShift:
    """Return the change of expression from each source component to what it became.

    Parameters
    ----------
    source, target
        Moments of the source (K0 rows) and the target components (K1 rows).
    origin
        R, where the cells of each target component came from, shape (K0, K1).
    natural_log
        Whether values are natural logarithms.  If they are, changes are converted to log2;
        otherwise changes are differences in the units of the values.

    Returns
    -------
    GeneShift; changes are NaN for components from which no target cell came.
    """
    carried = carry(target, origin)
    unit = np.log(2) if natural_log else 1.0
    return GeneShift((carried.mean - source.mean) / unit, source, carried)


def top_ranks(log2_change: np.ndarray) -> np.ndarray:
    """Return the rank of every gene in its component by size of change, 1 = largest, (K, n_genes).

    Missing changes rank last.
    """
    size = np.where(np.isnan(log2_change), -1.0, np.abs(log2_change))
    order = np.argsort(-size, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, size.shape[1] + 1)[None, :], axis=1)
    return ranks


def breadth(log2_change: np.ndarray, *, top: int = TOP) -> tuple[np.ndarray, np.ndarray]:
    """Return in how many components a gene is among the genes that change most.

    Only changes of at least 1.5-fold count, so the noise of a component without changes does not
    count.

    Parameters
    ----------
    log2_change
        Shape (K, n_genes).
    top
        Number of top genes of each component.

    Returns
    -------
    n
        Number of components that have the gene among their top genes, shape (n_genes,).
    widespread
        Whether ``n`` is at least two, and at least half of the components that have changes, shape
        (n_genes,).
    """
    counted = ~np.isnan(log2_change).all(axis=1)
    ranks = top_ranks(log2_change[counted])
    changed = np.abs(np.nan_to_num(log2_change[counted])) >= MIN_CHANGE
    n = ((ranks <= top) & changed).sum(axis=0)
    return n, n >= max(2.0, WIDESPREAD * counted.sum())


def _over(sums: np.ndarray, mass: np.ndarray) -> np.ndarray:
    """Return sums (K, n_genes) over the mass (K,) of each component; NaN without mass."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(mass > 0, 1.0 / mass, np.nan)[:, None] * sums
