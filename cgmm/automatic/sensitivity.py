"""How much the factors depend on two choices: the price of reweighting, and the partition.

For other values of ``rho`` the coupling of the fitted components is solved again.  For another
partition the factor of a component is the mean factor that this partition gives to the cells of the
component.  A component is settled when its factor differs by at most twofold under every choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from cgmm.automatic.partitions import FittedPartition
from cgmm.coupled.result import CoupledFit
from cgmm.thresholds import STILL_GONE, TWOFOLD
from cgmm.transport import coupling, solver
from cgmm.transport.coupling import share_of_target, shifted_origin

RHO_GRID = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True)
class Choice:
    """Factors of the components under another choice.

    Attributes
    ----------
    parameter
        What is chosen differently.
    value
        The value of ``rho``, or the label of the partition.
    log2_net
        Log2 net factors of the K0 source components of the fit.
    transported_mass
        ``F``, mass of the coupling.
    main_target
        For ``rho``: target component with most of the mass of each source component, K0 numbers.
    n_components
        For a partition: number of source components and of target components.
    """

    parameter: Literal["rho", "partition"]
    value: str
    log2_net: list[float]
    transported_mass: float
    main_target: list[int] | None = None
    n_components: list[int] | None = None

    def to_row(self) -> dict[str, Any]:
        """Return the choice as a row of ``CoupledFit.sensitivity``, which ``uns`` stores too."""
        row: dict[str, Any] = {
            "parameter": self.parameter,
            "value": self.value,
            "log2_net": self.log2_net,
        }
        if self.main_target is not None:
            row["main_target"] = self.main_target
        row["F"] = self.transported_mass
        if self.n_components is not None:
            row["n_components"] = self.n_components
        return row


def along_rho(fit: CoupledFit, *, grid: Sequence[float] = RHO_GRID) -> list[Choice]:
    """Return the factors of the fitted components for other prices of reweighting.

    Components that are gone or new stay gone or new.  Target cells are not assigned to source cells
    again: the origins ``R`` of the fit change by as much as the origins of the coupling change.

    Parameters
    ----------
    fit
        The fit.
    grid
        Values of ``rho``.

    Returns
    -------
    One choice for each value of ``rho``.
    """
    s, t = fit.shares_source, fit.shares_target
    epsilon = fit.parameters["epsilon"]
    keep = (fit.coupling.sum(1) > 0)[:, None] & (fit.coupling.sum(0) > 0)
    before = share_of_target(fit.coupling, s)
    f, g = np.zeros(len(s)), np.zeros(len(t))
    choices = []
    for rho in grid:
        plan = solver.solve(solver.Problem(fit.costs, s, t, epsilon, 1 / rho), f, g)
        w = np.where(keep, plan.coupling, 0.0)
        origin = shifted_origin(fit.origin, before, share_of_target(w, s))
        choices.append(
            Choice(
                "rho",
                f"{rho:g}",
                coupling.log2_net(origin, s, t).tolist(),
                float(w.sum()),
                main_target=w.argmax(1).tolist(),
            )
        )
    return choices


def over_partitions(
    partitions: Sequence[FittedPartition],
    factors: Sequence[np.ndarray],
    chosen: int,
    points: np.ndarray,
) -> list[Choice]:
    """Return the factors of the components of the chosen partition under every partition.

    Parameters
    ----------
    partitions
        The partitions.
    factors
        Log2 net factor of the same source cells under each partition, shapes (N,).
    chosen
        Position of the partition that is the fit.
    points
        The source cells, shape (N, D).

    Returns
    -------
    One choice for each partition, with log2 of the mean factor over the cells of each component.
    """
    r = partitions[chosen].source.responsibilities(points)
    weight = r / np.maximum(r.sum(0), 1e-300)
    return [
        Choice(
            "partition",
            partition.label,
            np.log2(np.exp2(values) @ weight).tolist(),
            float(partition.coupling.sum()),
            n_components=list(partition.coupling.shape),
        )
        for partition, values in zip(partitions, factors, strict=True)
    ]


def settled(log2_net: np.ndarray, rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Return whether each factor differs by at most twofold under every choice.

    Parameters
    ----------
    log2_net
        Log2 net factors of the fit, shape (K0,).
    rows
        Rows of :meth:`Choice.to_row`; only ``log2_net`` is read.

    Returns
    -------
    Boolean, shape (K0,).  A component that is gone is settled when every choice makes it at least
    eight times rarer.
    """
    reference = np.asarray(log2_net, dtype=float)
    stays = np.ones(len(reference), dtype=bool)
    gone = ~np.isfinite(reference)
    for row in rows:
        other = np.asarray(row["log2_net"], dtype=float)
        with np.errstate(invalid="ignore"):
            near = np.abs(other - reference) <= TWOFOLD
        stays &= np.where(gone, other <= STILL_GONE, near)
    return stays
