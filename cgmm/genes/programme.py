r"""Changes of genes that nearly all subpopulations share, and changes of single subpopulations.

A treatment can cause one response in every subpopulation (interferon), and further responses in
some subpopulations. The common part of the changes :math:`\Delta_{kg}` of gene :math:`g` in the K
subpopulations is the change that nearly all subpopulations reach or exceed in the same direction.
With the sorted changes :math:`\Delta_{(1)g} \le \dots \le \Delta_{(K)g}` and
:math:`e = \lfloor K / 5 \rfloor` allowed exceptions, it is

.. math:: c_g = \max(\Delta_{(1 + e)g}, 0) + \min(\Delta_{(K - e)g}, 0),

and the specific part is the remainder, :math:`\Delta_{kg} - c_g`. The common part is zero unless
four fifths of the subpopulations agree in direction.  A mean or a median is not used, because it
would make the response of a single lineage common when most subpopulations are of that lineage.

A gene is **common** when its common part is at least 1.5-fold and at least half of the median
change over subpopulations.  Otherwise it is **specific** when its specific part is at least
1.5-fold in some subpopulation.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cgmm.thresholds import MIN_CHANGE

EXCEPTIONS = 0.2  # part of the subpopulations that need not follow a common programme
MIN_PART = 0.5
MIN_CORRELATION_LEAD = 0.05
COMMON = "common"
SPECIFIC = "specific"


class Programme(NamedTuple):
    """Common and specific part of the changes of every gene."""

    common: np.ndarray  #: (n_genes,), NaN when fewer than two subpopulations have changes
    specific: np.ndarray  #: (K, n_genes), change less the common part
    n_specific: np.ndarray  #: (n_genes,), in how many subpopulations the specific part is large
    scope: np.ndarray  #: (n_genes,) of text: "common", "specific" or "" (no change)


def programme(
    log2_change: np.ndarray,
    *,
    doubtful: np.ndarray | None = None,
    min_change: float = MIN_CHANGE,
) -> Programme:
    """Return the common and the specific part of the changes.

    Parameters
    ----------
    log2_change
        Shape (K, n_genes). Subpopulations in which every change is missing do not count; other
        missing changes count as zero.
    doubtful
        Changes that count as zero, because another cause may explain them; same shape.
    min_change
        Smallest size of a change that counts; the default is 1.5-fold for log2 changes.

    Returns
    -------
    Programme. ``n_specific`` is the number of subpopulations whose specific part is at least
    ``min_change``, and at least half of the largest specific part of the gene.
    """
    counted = ~np.isnan(log2_change).all(axis=1)
    change = np.nan_to_num(log2_change[counted])
    if doubtful is not None:
        change[doubtful[counted]] = 0.0
    k, n_genes = change.shape
    if k < 2:
        return Programme(
            np.full(n_genes, np.nan),
            np.full(log2_change.shape, np.nan),
            np.zeros(n_genes, dtype=int),
            np.full(n_genes, "", dtype=object),
        )
    common = common_change(change)
    specific = log2_change - common
    size = np.where(change == 0, 0.0, np.abs(change - common))
    largest = size.max(axis=0)
    n_specific = (size >= np.maximum(min_change, MIN_PART * largest)).sum(axis=0)
    median = np.median(np.abs(change), axis=0)
    is_common = (np.abs(common) >= min_change) & (np.abs(common) >= MIN_PART * median)
    scope = np.where(is_common, COMMON, np.where(largest >= min_change, SPECIFIC, ""))
    return Programme(common, specific, n_specific, scope.astype(object))


def common_change(change: np.ndarray) -> np.ndarray:
    """Return the common part of the changes; zero where subpopulations differ in sign.

    Parameters
    ----------
    change
        Changes, shape (K, n_genes), without missing values; K is at least one.

    Returns
    -------
    Shape (n_genes,).
    """
    k = len(change)
    exceptions = int(EXCEPTIONS * k + 1e-9)
    ordered = np.sort(change, axis=0)
    return np.maximum(ordered[exceptions], 0.0) + np.minimum(ordered[k - 1 - exceptions], 0.0)


def resembles(source: np.ndarray, target: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Return the source subpopulation that each group of target cells resembles most.

    A group may resemble another subpopulation than the subpopulation from which it came.  The
    changes of its genes are then partly differences between cell types.  The cells may be rare
    cells of several types without a counterpart, or cells that responded before.

    The similarity is Pearson's correlation of deviations from the mean over subpopulations.  It
    uses genes that the treatment hardly changes: genes with a change of at least 1.5-fold in at
    most a fifth of the subpopulations, or in one subpopulation.

    Parameters
    ----------
    source, target
        Mean log expression of the source subpopulations, and of the target cells that each became,
        shapes (K, n_genes).
    change
        Difference of target and source in log2 units, shape (K, n_genes). Rows with NaN are left
        out.

    Returns
    -------
    Shape (K,) of integers: the row of ``source`` that each group resembles.  It differs from the
    group's own row only where the correlation is larger by at least 0.05.  -1 for rows that are
    left out.
    """
    rows = np.flatnonzero(np.isfinite(change).all(axis=1))
    out = np.full(len(change), -1)
    out[rows] = rows
    if len(rows) < 3:
        return out
    n_changed = (np.abs(change[rows]) >= MIN_CHANGE).sum(axis=0)
    alone = n_changed <= max(1, int(EXCEPTIONS * len(rows) + 1e-9))
    a, b = source[np.ix_(rows, alone)], target[np.ix_(rows, alone)]
    r = _correlations(b - b.mean(axis=0), a - a.mean(axis=0))
    best = r.argmax(axis=1)
    clear = r.max(axis=1) >= np.diag(r) + MIN_CORRELATION_LEAD
    out[rows] = np.where(clear, rows[best], rows)
    return out


def _correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return Pearson's correlation of each row of a with each row of b; 0 for constant rows."""
    units = []
    for x in (a, b):
        centred = x - x.mean(axis=1, keepdims=True)
        norm = np.linalg.norm(centred, axis=1, keepdims=True)
        units.append(np.divide(centred, norm, out=np.zeros_like(centred), where=norm > 0))
    return units[0] @ units[1].T
