"""Change of prevalence of annotated populations, from the labels of the cells in each donor.

Where every cell has a label, no mixture is needed to measure the prevalence of a population. The
share of a label in a donor is a ratio of two counts, and :mod:`cgmm.donors.change` gives estimate,
interval and test of its change.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cgmm.donors.borders import Borders
from cgmm.donors.change import changes
from cgmm.donors.design import Design
from cgmm.donors.false_discovery import benjamini_hochberg
from cgmm.donors.reasons import in_words
from cgmm.thresholds import LEVEL


class LabelledFactors(NamedTuple):
    """Prevalence of annotated populations and its change, arrays of shape (K,).

    Attributes
    ----------
    share_source, share_target
        Typical share in a donor: the mean log-odds over donors, converted to a share.
    log2_net
        log2(share_target / share_source), adjusted for the pairs or batches of the design.
    low, high
        Interval of ``log2_net``; NaN where ``reason`` is not empty.
    p, q
        Two-sided p of the moderated t-test of the log-odds; Benjamini-Hochberg q over populations
        with a p.
    reason
        Why interval, p and q are missing, in a sentence; else "".
    """

    share_source: np.ndarray
    share_target: np.ndarray
    log2_net: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    q: np.ndarray
    reason: list[str]


def labelled_factors(
    counts: np.ndarray,
    design: Design,
    *,
    borders: Borders | None = None,
    level: float = LEVEL,
) -> LabelledFactors:
    """Return estimate, interval and test of the change of every annotated population.

    Parameters
    ----------
    counts
        Number of cells of every unit of the design with every label, shape (n_units, K).  Every
        cell has exactly one label.
    design
        From :func:`cgmm.donors.design.design`.
    borders
        For labels that are not given but found: how certain their borders are. Their error, which
        all donors share, is added to the variance. None: labels are given.
    level
        Coverage of the interval.

    Returns
    -------
    LabelledFactors

    Raises
    ------
    ValueError
        When the rows of ``counts`` are not the units of the design.
    """
    counts = np.asarray(counts, dtype=float)
    if len(counts) != len(design.units):
        msg = f"counts has {len(counts)} rows, but the design has {len(design.units)} units."
        raise ValueError(msg)
    n_cells = counts.sum(axis=1)
    shares = counts / np.maximum(n_cells, 1.0)[:, None]
    found = changes(
        shares,
        n_cells,
        design,
        between=None if borders is None else borders.variance(shares),
        n_between=0 if borders is None else len(borders.differences),
        level=level,
    )
    return LabelledFactors(
        found.share_source,
        found.share_target,
        found.log2_net,
        found.low,
        found.high,
        found.p,
        benjamini_hochberg(found.p),
        in_words(found.notes),
    )
