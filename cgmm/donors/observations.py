"""Shares of the components in the units of a design, and the variances of these shares."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cgmm.coupled.result import CoupledFit
from cgmm.donors.bootstrap import between_partitions
from cgmm.donors.design import Design
from cgmm.donors.moderated_t import counting_variance, log_odds
from cgmm.donors.reasons import Note, Reason
from cgmm.donors.shares import DonorShares, donor_shares
from cgmm.donors.t_interval import too_few_cells
from cgmm.thresholds import MAX_LOG2_NET
from cgmm.transport.coupling import is_gone

MIN_OTHER_SHARE = 0.05


class Observations(NamedTuple):
    """Shares of the components in each unit, from the mixtures of the fit.

    Attributes
    ----------
    log2_net
        Log2 net factors of the fit, shape (K0,).
    source, carried
        Shares of the source components in the units of source and target.  Shares of the target
        are carried back to the source components with ``R``.
    log_odds
        Log-odds of these shares, source units first, shape (n_units, K0).
    counting
        Variance of a log-odds from counting cells alone, shape (K0,).
    between, between_log_odds
        Variance of the log2 factors, and of the log-odds, between partitions of the cells, shapes
        (K0,).
    n_between
        Number of partitions.
    notes
        Why a component has no interval and no test, else None; length K0.
    """

    log2_net: np.ndarray
    source: DonorShares
    carried: DonorShares
    log_odds: np.ndarray
    counting: np.ndarray
    between: np.ndarray
    between_log_odds: np.ndarray
    n_between: int
    notes: list[Note | None]

    @property
    def usable(self) -> np.ndarray:
        """Whether a component has enough cells for an interval and a test, shape (K0,)."""
        return np.array([note is None for note in self.notes])

    @classmethod
    def of(
        cls,
        fit: CoupledFit,
        cells: tuple[np.ndarray, ...],
        units: tuple[np.ndarray, ...],
        design: Design,
    ) -> Observations:
        """Return the observations of a fit on the units of a design.

        Parameters
        ----------
        fit
            The fit.
        cells, units
            Points (N, D) of source and target, and their units as whole numbers from 0.
        design
            The design of the donors.
        """
        mixtures = (fit.prevalence_source, fit.prevalence_target)
        names = [np.array([f"{u:06d}" for u in unit]) for unit in units]
        source, target = (
            donor_shares(m.responsibilities(x), name)
            for m, x, name in zip(mixtures, cells, names, strict=True)
        )
        carried = target._replace(shares=target.shares @ fit.origin.T)
        shares = np.concatenate([source.shares, carried.shares])
        n_cells = np.concatenate([source.n_cells, carried.n_cells])
        y = np.concatenate([log_odds(s.shares, s.n_cells) for s in (source, carried)])
        partitions = [r["log2_net"] for r in fit.sensitivity if r["parameter"] == "partition"]
        k0 = len(fit.log2_net)
        between, n_between = between_partitions(partitions, k0)
        between_clipped, _ = between_partitions(partitions, k0, farthest=MAX_LOG2_NET)
        # d log-odds(p) = d ln p / (1 - p)
        other = np.clip(1 - shares.mean(axis=0), MIN_OTHER_SHARE, 1.0)
        gone = is_gone(fit.coupling)
        notes = [
            too_few_cells(source, source if gone[k] else carried, k) if design.replicated else None
            for k in range(k0)
        ]
        return cls(
            fit.log2_net,
            source,
            carried,
            y,
            counting_variance(shares, n_cells),
            between,
            between_clipped * np.square(np.log(2) / other),
            n_between,
            notes,
        )

    def missing(self, design: Design) -> list[Note | None]:
        """Return why numbers are missing or limited for each source component, else None.

        A reason that holds for the whole comparison replaces the reason of a component.
        """
        general = design.too_few_donors if design.replicated else Reason.CELLS_ONLY.note()
        return [general or note for note in self.notes]
