"""Shares of the components in the units of a design, and how much partitions disagree on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from cgmm.coupled.result import CoupledFit
from cgmm.donors.design import Design
from cgmm.donors.shares import unit_shares
from cgmm.mixture.chunked import Points
from cgmm.mixture.responsibilities import responsibilities
from cgmm.thresholds import MAX_LOG2_NET

MIN_OTHER_SHARE = 0.05
SHARED_ERROR = 4.0  # r / (1 - r) with r of four fifths
SMALLEST_LOG2_NET = -60.0


class Observations(NamedTuple):
    """Shares of the components in each unit, from the mixtures of the fit.

    Attributes
    ----------
    shares
        Shares of the source components in the source units, then in the target units, shape
        (n_units, K0).  Shares of the target are carried back to the source components with ``R``.
    n_cells
        Cells of every unit, shape (n_units,).
    partitions
        Log2 net factors of the source components under each partition of the cells, shape
        (n_partitions, K0).
    """

    shares: np.ndarray
    n_cells: np.ndarray
    partitions: np.ndarray

    @classmethod
    def of(
        cls,
        fit: CoupledFit,
        cells: tuple[Points, ...],
        units: tuple[np.ndarray, ...],
        design: Design,
    ) -> Observations:
        """Return the observations of a fit on the units of a design.

        Parameters
        ----------
        fit
            The fit.
        cells, units
            Points (N, D) of source and target, and their units as whole numbers from 0; -1 for
            cells that do not count.
        design
            The design of the donors.
        """
        shares, n_cells = [], []
        mixtures = (fit.prevalence_source, fit.prevalence_target)
        backs = (np.eye(fit.coupling.shape[0]), fit.origin.T)
        for side, (mixture, x, unit, back) in enumerate(
            zip(mixtures, cells, units, backs, strict=True)
        ):
            own = unit_shares(responsibilities(mixture, x), unit, design.n_units[side])
            shares.append(own @ back)
            n_cells.append([u.n_cells for u in design.side(side)])
        return cls(np.concatenate(shares), np.concatenate(n_cells), partitions_of(fit.sensitivity))

    @property
    def between(self) -> np.ndarray:
        """Variance of the change of the log-odds that is common to all donors, shape (K0,)."""
        return between_log_odds(self.partitions, self.shares)


def partitions_of(rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Return the log2 net factors under each partition, shape (n_partitions, K0).

    Parameters
    ----------
    rows
        ``CoupledFit.sensitivity``, or the rows that are stored with a fit.
    """
    found = [row["log2_net"] for row in rows if row["parameter"] == "partition"]
    return np.asarray(found, float) if found else np.zeros((0, 0))


def between_partitions(log2_net: np.ndarray) -> np.ndarray | None:
    """Return the variance of an error that all donors share, from factors of several partitions.

    An error of a border or of a match is the same for every donor, so differences between donors do
    not show it.  The partitions of the cells show a part of it: they have borders of their own, but
    share the cells, the metric and the images.  With a correlation r of their errors, the variance
    B between m partitions is (1 - r) of the variance of an error, and their mean has the variance
    ``B (r + (1 - r) / m) / (1 - r)``.  This is ``SHARED_ERROR + 1 / m`` times B with r of four
    fifths; with independent errors it would be ``1 / m``, in multiple imputation it is
    ``1 + 1 / m`` (Rubin 1987, eq. 3.1.5).

    Parameters
    ----------
    log2_net
        Log2 factors under each of m partitions, shape (m, K).  They are cut to 16-fold first, so a
        partition in which a component is gone widens the variance, and a loss that all partitions
        see has none.

    Returns
    -------
    Shape (K,); None for fewer than two partitions.
    """
    m = len(log2_net)
    if m < 2:
        return None
    cut = np.clip(np.nan_to_num(log2_net, neginf=SMALLEST_LOG2_NET), -MAX_LOG2_NET, MAX_LOG2_NET)
    return cut.var(axis=0, ddof=1) * (SHARED_ERROR + 1 / m)


def between_log_odds(partitions: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return :func:`between_partitions` as a variance of natural log-odds, shape (K,).

    Parameters
    ----------
    partitions
        Log2 factors under each partition, shape (m, P), P of at most K.
    shares
        Shares in every unit, shape (n_units, K). Columns beyond P, such as the cells without a
        population, depend on no partition.
    """
    spread = between_partitions(partitions)
    if spread is None:
        return np.zeros(shares.shape[1])
    spread = np.pad(spread, (0, shares.shape[1] - len(spread)))
    # d log-odds(p) = d ln p / (1 - p)
    other = np.clip(1 - shares.mean(axis=0), MIN_OTHER_SHARE, 1.0)
    return spread * np.square(np.log(2) / other)
