"""The baseline of relative factors: what is taken not to change, and its value in every donor."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from cgmm.donors.change import log2_shares
from cgmm.donors.design import Design


class Baseline(NamedTuple):
    """Baseline of relative factors.

    Attributes
    ----------
    kind
        "median": the median source component.  "subpopulation": one source component, which is
        assumed not to change.  "counts": the number of all cells, with which factors are absolute.
    component
        Number of the source component, for the kind "subpopulation".
    """

    kind: Literal["median", "subpopulation", "counts"]
    component: int | None = None

    def members(self, log2_net: np.ndarray, measured: np.ndarray) -> np.ndarray:
        """Return the components whose mean is the baseline; none for the kind "counts".

        Parameters
        ----------
        log2_net
            Log2 net factors, shape (K0,).
        measured
            Components that have an interval, boolean, shape (K0,); only these enter the median.

        Returns
        -------
        Numbers of one component, or of the two in the middle of an even number.
        """
        if self.component is not None:
            return np.array([self.component])
        if self.kind == "counts":
            return np.zeros(0, int)
        usable = np.flatnonzero(measured & np.isfinite(log2_net))
        order = usable[np.argsort(log2_net[usable], kind="stable")]
        n = len(order)
        return order[(n - 1) // 2 : n // 2 + 1]


MEDIAN = Baseline("median")
COUNTS = Baseline("counts")


def in_units(
    members: np.ndarray,
    shares: np.ndarray,
    n_cells: np.ndarray,
    totals: np.ndarray | None,
) -> np.ndarray | None:
    """Return log2 of the baseline in every unit, shape (n_units,); None without a baseline.

    Parameters
    ----------
    members
        From :meth:`Baseline.members`.
    shares, n_cells
        As in :func:`cgmm.donors.change.changes`.
    totals
        Number of all cells that every unit stands for, for the kind "counts".
    """
    if len(members):
        return log2_shares(shares, n_cells)[:, members].mean(axis=1)
    return None if totals is None else -np.log2(totals)


def log2_factor(
    members: np.ndarray, log2_net: np.ndarray, per_unit: np.ndarray | None, design: Design
) -> float:
    """Return the log2 factor of the baseline.

    Parameters
    ----------
    members
        From :meth:`Baseline.members`.
    log2_net
        Log2 net factors, shape (K0,).
    per_unit
        From :func:`in_units`.
    design
        The design.
    """
    if len(members):
        return float(log2_net[members].mean())
    return np.nan if per_unit is None else float((np.linalg.pinv(design.matrix()) @ per_unit)[-1])
