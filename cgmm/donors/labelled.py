r"""Change of prevalence of annotated populations: from the labels of the cells, per donor.

Where every cell carries a label, no mixture is needed to say how common a population is. The share
of a label in a donor is a count over a count. Its log-odds, half a cell added on either side,
follow the linear model of :mod:`cgmm.donors.moderated_t` with the condition and, where there are
any, pairs or batches. With :math:`\beta` the coefficient of the condition and :math:`y_0` the mean
log-odds in the source, the factor is the ratio of the typical shares,

.. math:: \mathrm{net} = \frac{\sigma(y_0 + \beta)}{\sigma(y_0)},
    \qquad \sigma(y) = 1 / (1 + e^{-y}).

The ends of the interval are those of :math:`\beta`, carried through the same map. Estimate,
interval and p therefore come from the same donors and the same statistic: the interval leaves out
x1 exactly where p is below one minus its level.

A population is tested when at least ``MIN_CELLS`` of its cells are expected on both sides together
if nothing changed. The rule does not look at where the cells are, so that a population that
vanishes or appears is tested like any other.

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
        Typical share of a donor: mean over donors of the log-odds, carried back.
    log2_net
        log2(share_target / share_source), adjusted for what the design adjusts for.
    low, high
        Interval of ``log2_net``; NaN where ``reason`` says why.
    p, q
        Moderated t-test of the log-odds, two-sided; Benjamini-Hochberg over those with a p.
    reason
        Why interval, p and q are missing, else "".
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
    """Estimate, interval and test of the change of every annotated population.

    Parameters
    ----------
    counts
        Cells of every unit of the design with every label, shape (n_units, K).  Every cell has
        exactly one label.
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
    """Say why a population has no interval and no test; None where it has them."""
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
