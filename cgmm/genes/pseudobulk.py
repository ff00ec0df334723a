r"""Counts summed per donor, for tests of genes with donors as replicates.

For source component :math:`k`, source cells have the weights :math:`v_i = r_k(x_i)`, and target
cells have the weights :math:`v_i = \sum_l R_{kl} r_l(x_i)`, with :math:`R` as in
:mod:`cgmm.genes.change`.  The pseudobulk of donor :math:`d` is
:math:`\mathrm{round}(\sum_{i \in d} v_i y_i)`, where :math:`y` are counts.

Cells are not assigned to one component each.  Where two source components became one target
component, such an assignment would give all cells of the target component to one source component
and none to the other.  The sums would then come from other cells than the change of expression of
:mod:`cgmm.genes.change`.  A weight is at most one, so a weighted sum is at most the sum of the
counts.  A sum is rounded once, after adding, so rounding changes it by at most half a count.
Weights below 0.01 are left out.

A sum is compared only if its weights add up to at least ten cells.  The replicates of a test are
sums of donors, never cells.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from cgmm._utils.codes import coded
from cgmm._utils.lazy_rows import pieces
from cgmm.donors.design import paired_by_default
from cgmm.donors.reasons import n_donors_in_words
from cgmm.thresholds import MIN_CELLS_PER_SUM, MIN_DONORS

MIN_RESPONSIBILITY = 0.01


class Pseudobulk(NamedTuple):
    """Summed counts of one side, per component and donor."""

    counts: np.ndarray  #: (K, n_donors, n_genes), sums of int64, or means
    cells: np.ndarray  #: (K, n_donors), sums of the weights
    donors: np.ndarray  #: (n_donors,) names, sorted


class Samples(NamedTuple):
    """Summed counts of one component, one sample for each donor and condition."""

    counts: np.ndarray  #: (n_samples, n_genes), sums of int64, or means
    treated: np.ndarray  #: (n_samples,) of bool, True for the target
    donors: np.ndarray | None  #: (n_samples,) when donors are compared with themselves, else None
    names: np.ndarray | None = None  #: (n_samples,) donor of each sample
    matrix: np.ndarray | None = None  #: (n_samples, p) model matrix of a design formula, else None
    change: np.ndarray | None = None  #: (p,) weights of the coefficients that give the change


def pseudobulk(counts: np.ndarray, weights: np.ndarray, donors: np.ndarray) -> Pseudobulk:
    """Return the counts of every component and donor, summed over cells.

    Parameters
    ----------
    counts
        Counts, shape (n_cells, n_genes), sparse, dense, or rows of a Dask array.
    weights
        Weight of each cell in each component, shape (n_cells, K), between 0 and 1.
    donors
        Donor of each cell, shape (n_cells,).

    Returns
    -------
    Pseudobulk
    """
    picker, names = _picker(weights, donors)
    shape = (weights.shape[1], len(names))
    return Pseudobulk(
        np.rint(_picked(picker, counts)).astype(np.int64).reshape(*shape, -1),
        picker.sum(axis=1).reshape(shape),
        names,
    )


def donor_means(
    values: np.ndarray,
    weights: np.ndarray,
    donors: np.ndarray,
    *,
    columns: np.ndarray | None = None,
) -> Pseudobulk:
    """Return the weighted mean of values in every component and donor.

    Parameters
    ----------
    values
        Expression, shape (n_cells, n_genes), sparse, dense, or rows of a Dask array.
    weights, donors
        As in :func:`pseudobulk`.
    columns
        Numbers of the genes; None: all.

    Returns
    -------
    Pseudobulk, with means in place of sums; NaN where a donor has no cells.
    """
    picker, names = _picker(weights, donors)
    cells = picker.sum(axis=1)
    dense = _picked(picker, values, columns)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(cells[:, None] > 0, dense / cells[:, None], np.nan)
    shape = (weights.shape[1], len(names))
    return Pseudobulk(means.reshape(*shape, -1), cells.reshape(shape), names)


def _picked(picker: sp.csr_array, values: Any, columns: np.ndarray | None = None) -> np.ndarray:
    """Return the sums of values that a picker makes, (K x n_donors, n_genes)."""
    total: Any = 0.0
    for rows, part in pieces(values):
        chosen = part if columns is None else part[:, columns]
        sums = picker[:, rows] @ (
            sp.csr_array(chosen) if sp.issparse(chosen) else np.asarray(chosen)
        )
        total = total + (sums.toarray() if sp.issparse(sums) else np.asarray(sums))
    return np.asarray(total)


def _picker(weights: np.ndarray, donors: np.ndarray) -> tuple[sp.csr_array, np.ndarray]:
    """Return the matrix that sums cells, (K x n_donors, n_cells), and the donors, (n_donors,)."""
    names, index = coded(donors)
    n, k = weights.shape
    cell, component = np.nonzero(weights >= MIN_RESPONSIBILITY)
    picker = sp.csr_array(
        (weights[cell, component], (component * len(names) + index[cell], cell)),
        shape=(k * len(names), n),
    )
    return picker, names.astype(object)


def samples(
    source: Pseudobulk, target: Pseudobulk, component: int, *, paired: bool | None = None
) -> tuple[Samples | None, str]:
    """Return the samples of a component that a test can compare.

    Parameters
    ----------
    source, target
        Pseudobulks of both sides, each with K0 components.
    component
        Number of the source component.
    paired
        Whether donors are compared with themselves; only donors with enough cells in both
        conditions are then used.  None: yes when at least three donors, and at least half of all,
        have enough cells in both conditions.

    Returns
    -------
    samples
        The samples; None when donors are too few.
    reason
        Why there are no samples, in a sentence; else "".
    """
    in_source, in_target = (side.cells[component] >= MIN_CELLS_PER_SUM for side in (source, target))
    both = np.intersect1d(source.donors[in_source], target.donors[in_target])
    if paired is None:
        everyone = np.union1d(source.donors, target.donors)
        paired = paired_by_default(len(both), len(everyone))
    if paired:
        in_source = in_source & np.isin(source.donors, both)
        in_target = in_target & np.isin(target.donors, both)
    n0, n1 = int(in_source.sum()), int(in_target.sum())
    if min(n0, n1) < MIN_DONORS:
        before, after = n_donors_in_words(n0), n_donors_in_words(n1)
        enough = f"with {MIN_CELLS_PER_SUM} cells or more"
        if paired:
            where = f"{before} {enough} in both conditions"
        else:
            where = f"{before} of the source and {after} of the target {enough}"
        return None, f"Only {where}; a test needs at least {MIN_DONORS}."
    counts = (source.counts[component][in_source], target.counts[component][in_target])
    donors = np.concatenate([source.donors[in_source], target.donors[in_target]])
    treated = np.repeat([False, True], [n0, n1])
    return Samples(np.concatenate(counts), treated, donors if paired else None, donors), ""
