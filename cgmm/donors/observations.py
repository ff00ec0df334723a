"""What each donor, draw of donors and partition says of a fit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cgmm.coupled.result import CoupledFit
from cgmm.donors.bootstrap import between_partitions
from cgmm.donors.design import Design
from cgmm.donors.moderated_t import counting_variance, log_odds
from cgmm.donors.shares import DonorShares, donor_shares
from cgmm.donors.t_interval import too_few_cells
from cgmm.thresholds import MAX_LOG2_NET, MIN_DONORS
from cgmm.transport.coupling import is_gone


class Observations(NamedTuple):
    """Shares of the units as the fit has them."""

    log2_net: np.ndarray
    source: DonorShares
    carried: DonorShares
    log_odds: np.ndarray
    counting: np.ndarray
    between: np.ndarray
    between_log_odds: np.ndarray
    n_between: int
    usable: np.ndarray
    why_not: list[str]

    @classmethod
    def of(
        cls,
        fit: CoupledFit,
        cells: tuple[np.ndarray, ...],
        units: tuple[np.ndarray, ...],
        design: Design,
    ) -> Observations:
        """Read the units of a design with the mixtures of a fit."""
        mixtures = (fit.prevalence_source, fit.prevalence_target)
        names = [np.array([f"{u:06d}" for u in unit]) for unit in units]
        shares = [
            donor_shares(m.responsibilities(x), name)
            for m, x, name in zip(mixtures, cells, names, strict=True)
        ]
        carried = shares[1]._replace(shares=shares[1].shares @ fit.origin.T)
        net = fit.log2_net
        between, n_between = between_partitions(net, fit.sensitivity)
        for_tests, _ = between_partitions(net, fit.sensitivity, farthest=MAX_LOG2_NET)
        both = (shares[0], carried)
        y = np.concatenate([log_odds(s.shares, s.n_cells) for s in both])
        sizes = np.concatenate([s.n_cells for s in both])
        mean = np.concatenate([shares[0].shares, carried.shares]).mean(axis=0)
        to_log_odds = np.square(np.log(2) / np.clip(1 - mean, 0.05, 1.0))
        gone = is_gone(fit.coupling)
        why_not = [
            too_few_cells(
                shares[0].shares[:, k],
                shares[0].n_cells,
                shares[0].shares[:, k] if gone[k] else carried.shares[:, k],
                shares[0].n_cells if gone[k] else carried.n_cells,
            )
            if design.replicated
            else ""
            for k in range(len(net))
        ]
        return cls(
            net,
            shares[0],
            carried,
            y,
            counting_variance(np.concatenate([s.shares for s in both]), sizes),
            between,
            for_tests * to_log_odds,
            n_between,
            np.array([not w for w in why_not]),
            why_not,
        )

    def reasons(self, design: Design) -> list[str]:
        """Why numbers are missing, per component."""
        general = ""
        if design.replicated and min(design.n_units) < MIN_DONORS:
            general = next(s for s in reversed(design.sentences) if s.startswith("Only "))
        elif not design.replicated:
            general = "No donors: the interval is that of drawing cells, and there is no p-value."
        return [general or why for why in self.why_not]
