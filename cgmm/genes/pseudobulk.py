r"""Counts summed per donor, for tests of genes with donors as replicates.

The cells of source component :math:`k` are weighted by :math:`v_i = r_k(x_i)`, those of the target
by :math:`v_i = \sum_l R_{kl} r_l(x_i)`, with :math:`R` as in :mod:`cgmm.genes.change`.
The pseudobulk of donor :math:`d` is :math:`\mathrm{round}(\sum_{i \in d} v_i y_i)` with the counts
:math:`y`.

Weights are used as they are instead of giving each cell to its first component: where two source
components became one target component, the first would get all of its cells and the second none,
and the groups would not be those whose change of expression is told beside. No weight exceeds one,
so that a sum is never more than the counts that were seen; and rounding a sum, not its terms,
moves it by half a count. Weights under one per cent are left out.

A sum enters when its weights add up to ten cells. Sums of donors are compared, cells never.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from cgmm.donors.design import counted, paired_unless_told
from cgmm.thresholds import MIN_CELLS_PER_SUM, MIN_DONORS

MIN_RESPONSIBILITY = 0.01


class Pseudobulk(NamedTuple):
    """Sums of one side, per component and donor."""

    counts: np.ndarray  #: (K, n_donors, n_genes) of int64
    cells: np.ndarray  #: (K, n_donors), sums of the weights
    donors: np.ndarray  #: (n_donors,) names, sorted


class Samples(NamedTuple):
    """Sums of one component that can be compared."""

    counts: np.ndarray  #: (n_samples, n_genes) of int64
    treated: np.ndarray  #: (n_samples,) of bool
    donors: np.ndarray | None  #: (n_samples,) when donors are compared with themselves


def pseudobulk(counts: np.ndarray, weights: np.ndarray, donors: np.ndarray) -> Pseudobulk:
    """Sum counts per component and donor.

    Parameters
    ----------
    counts
        Shape (n_cells, n_genes), sparse or dense.
    weights
        Shape (n_cells, K), between 0 and 1.
    donors
        Donor of each cell, shape (n_cells,).

    Returns
    -------
    Pseudobulk
    """
    names, index = np.unique(np.asarray(donors).astype(str), return_inverse=True)
    n, k = weights.shape
    cell, component = np.nonzero(weights >= MIN_RESPONSIBILITY)
    picker = sp.csr_array(
        (weights[cell, component], (component * len(names) + index[cell], cell)),
        shape=(k * len(names), n),
    )
    sums = picker @ (sp.csr_array(counts) if sp.issparse(counts) else np.asarray(counts))
    dense = sums.toarray() if sp.issparse(sums) else sums
    shape = (k, len(names))
    return Pseudobulk(
        np.rint(dense).astype(np.int64).reshape(*shape, -1),
        picker.sum(axis=1).reshape(shape),
        names.astype(object),
    )


def samples(
    source: Pseudobulk, target: Pseudobulk, component: int, *, paired: bool | None = None
) -> tuple[Samples | None, str]:
    """Choose the sums of a component that can be compared.

    Parameters
    ----------
    source, target
        Sums of either side.
    component
        The source component.
    paired
        Compare donors with themselves, using those with enough cells in both conditions. None:
        when at least three have, and they are at least half of all donors.

    Returns
    -------
    samples
        None when donors are too few.
    reason
        Why they are, in a sentence; else "".
    """
    in_source, in_target = (side.cells[component] >= MIN_CELLS_PER_SUM for side in (source, target))
    both = np.intersect1d(source.donors[in_source], target.donors[in_target])
    if paired is None:
        everyone = np.union1d(source.donors, target.donors)
        paired = paired_unless_told(len(both), len(everyone))
    if paired:
        in_source = in_source & np.isin(source.donors, both)
        in_target = in_target & np.isin(target.donors, both)
    n0, n1 = int(in_source.sum()), int(in_target.sum())
    if min(n0, n1) < MIN_DONORS:
        there = (
            f"{counted(n0)} with {MIN_CELLS_PER_SUM} cells or more in both conditions"
            if paired
            else f"{counted(n0)} of the source and {counted(n1)} of the target with {MIN_CELLS_PER_SUM} "
            "cells or more"
        )
        return None, f"Only {there}; a test needs at least {MIN_DONORS}."
    counts = (source.counts[component][in_source], target.counts[component][in_target])
    donors = np.concatenate([source.donors[in_source], target.donors[in_target]])
    treated = np.repeat([False, True], [n0, n1])
    return Samples(np.concatenate(counts), treated, donors if paired else None), ""
