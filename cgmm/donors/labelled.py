r"""Change of prevalence of annotated populations, from the labels of the cells in each donor.

Where every cell has a label, no mixture is needed to measure the prevalence of a population. The
share of a label in a donor is a ratio of two counts. The log-odds of the share, with half a cell
added to the share and to its complement, follow the linear model of :mod:`cgmm.donors.moderated_t`
with the condition and, where there are any, pairs or batches. With the coefficient :math:`\beta` of
the condition and the mean log-odds :math:`y_0` in the source, the factor is the ratio of the
typical shares,

.. math:: \mathrm{net} = \frac{\sigma(y_0 + \beta)}{\sigma(y_0)},
    \qquad \sigma(y) = 1 / (1 + e^{-y}).

The ends of the interval are the ends of the interval of :math:`\beta`, transformed by the same
function. Estimate, interval and p therefore come from the same donors and the same statistic: the
interval excludes a factor of one exactly where p is below one minus the level.

A population is tested when both conditions together have at least ``MIN_CELLS`` of its cells, from
at least two donors. The rule does not depend on the condition of the cells, so a population that
vanishes or appears is tested like any other population.

References: Phipson et al. 2022 (propeller), Bioinformatics 38:4720; Smyth 2004, Stat Appl Genet
Mol Biol 3:3.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.stats
from scipy.special import expit

from cgmm.donors.design import Design
from cgmm.donors.moderated_t import counting_variance, log_odds, moderated_t
from cgmm.donors.reasons import Note, Reason, in_words, n_donors_in_words
from cgmm.donors.t_interval import benjamini_hochberg
from cgmm.thresholds import LEVEL, MIN_CELLS, MIN_DONORS


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
    counts: np.ndarray, design: Design, *, level: float = LEVEL
) -> LabelledFactors:
    """Return estimate, interval and test of the change of every annotated population.

    Parameters
    ----------
    counts
        Number of cells of every unit of the design with every label, shape (n_units, K).  Every
        cell has exactly one label.
    design
        From :func:`cgmm.donors.design.design`.
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
    sides = np.array([unit.side for unit in design.units])
    n_cells = counts.sum(axis=1)
    shares = counts / np.maximum(n_cells, 1.0)[:, None]
    y = log_odds(shares, n_cells)
    notes = _notes(counts, design)
    tested = np.array([note is None for note in notes])
    beta = y[sides == 1].mean(axis=0) - y[sides == 0].mean(axis=0)
    error, freedom, p = (np.full(len(beta), np.nan) for _ in range(3))
    if tested.any():
        found = moderated_t(
            y[:, tested], design.matrix(), counting=counting_variance(shares[:, tested], n_cells)
        )
        beta[tested] = found.coefficient
        error[tested], freedom[tested], p[tested] = found.error, found.freedom, found.p
    before = y.mean(axis=0) - beta * sides.mean()
    half = scipy.stats.t.ppf(0.5 + level / 2, freedom) * error
    share = expit(before)
    log2_net, low, high = (
        np.log2(expit(before + change)) - np.log2(share)
        for change in (beta, beta - half, beta + half)
    )
    return LabelledFactors(
        share, expit(before + beta), log2_net, low, high, p, benjamini_hochberg(p), in_words(notes)
    )


def _notes(counts: np.ndarray, design: Design) -> list[Note | None]:
    """Return why each population has no interval and no test; None where it has both."""
    n_labels = counts.shape[1]
    if not design.replicated:
        return [Reason.NO_REPLICATION.note()] * n_labels
    if not design.testable:
        source, target = (n_donors_in_words(n) for n in design.n_units)
        few = (
            Reason.FEW_PAIRS.note(donors=source, least=MIN_DONORS)
            if design.paired
            else Reason.FEW_IN_EACH.note(source=source, target=target, least=MIN_DONORS)
        )
        return [few] * n_labels
    totals, seen = counts.sum(axis=0), (counts > 0).sum(axis=0)
    return [_note_of(int(total), int(n)) for total, n in zip(totals, seen, strict=True)]


def _note_of(n_cells: int, n_donors: int) -> Note | None:
    if n_cells < MIN_CELLS:
        return Reason.FEW_CELLS_TOGETHER.note(n_cells=n_cells, least=MIN_CELLS)
    if n_donors < 2:
        return Reason.IN_ONE_DONOR_ONLY.note(donors=n_donors_in_words(n_donors))
    return None
