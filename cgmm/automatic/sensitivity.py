"""How much an answer hangs on choices: the price of reweighting, and the partition.

Along ``rho`` the coupling is solved again for the fitted components.  Over partitions, a component
is scored by what the other fits say of its own cells.  A component is settled when no choice moves
its factor by more than twofold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cgmm.automatic.partitions import FittedPartition
from cgmm.coupled.result import CoupledFit
from cgmm.thresholds import STILL_GONE, TWOFOLD
from cgmm.transport import coupling, solver
from cgmm.transport.coupling import share_of_target, shifted_origin

RHO_GRID = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)


def along_rho(fit: CoupledFit, *, grid: Sequence[float] = RHO_GRID) -> list[dict[str, Any]]:
    """Factors of the fitted components for other prices of reweighting.

    Parameters
    ----------
    fit
        The fit.
    grid
        Values of ``rho``.

    Returns
    -------
    For each value: parameter ("rho"), value, log2_net (K0,), main_target (K0,), F.
    Components that are gone or new stay so; cells do not vote again, origins move by as much as
    those of the coupling do.
    """
    s, t = fit.shares_source, fit.shares_target
    epsilon = fit.parameters["epsilon"]
    keep = (fit.coupling.sum(1) > 0)[:, None] & (fit.coupling.sum(0) > 0)
    before = share_of_target(fit.coupling, s)
    f, g = np.zeros(len(s)), np.zeros(len(t))
    rows = []
    for rho in grid:
        plan = solver.solve(solver.Problem(fit.costs, s, t, epsilon, 1 / rho), f, g)
        w = np.where(keep, plan.coupling, 0.0)
        origin = shifted_origin(fit.origin, before, share_of_target(w, s))
        rows.append(
            {
                "parameter": "rho",
                "value": f"{rho:g}",
                "log2_net": coupling.log2_net(origin, s, t).tolist(),
                "main_target": w.argmax(1).tolist(),
                "F": float(w.sum()),
            }
        )
    return rows


def over_partitions(
    cuts: Sequence[FittedPartition], factors: Sequence[np.ndarray], chosen: int, points: np.ndarray
) -> list[dict[str, Any]]:
    """Factors of the chosen partition's components under each of the others.

    Parameters
    ----------
    cuts
        The partitions.
    factors
        Log2 net factor of the same source cells under each, shapes (N,).
    chosen
        Which of them is the fit.
    points
        The cells, shape (N, D).

    Returns
    -------
    For each partition: parameter ("partition"), value (its label), log2_net (K0,): log2 of the
    mean factor over the cells of each component, F, n_components.
    """
    r = cuts[chosen].source.responsibilities(points)
    weight = r / np.maximum(r.sum(0), 1e-300)
    return [
        {
            "parameter": "partition",
            "value": cut.label,
            "log2_net": np.log2(np.exp2(values) @ weight).tolist(),
            "F": float(cut.coupling.sum()),
            "n_components": list(cut.coupling.shape),
        }
        for cut, values in zip(cuts, factors, strict=True)
    ]


def settled(log2_net: np.ndarray, rows: Sequence[dict[str, Any]]) -> np.ndarray:
    """Whether no choice moves a factor by more than twofold.

    Parameters
    ----------
    log2_net
        Of the fit, shape (K0,).
    rows
        From :func:`along_rho` and :func:`over_partitions`.

    Returns
    -------
    Boolean, shape (K0,).  A component that is gone is settled when every choice makes it at least
    eight times rarer.
    """
    reference = np.asarray(log2_net, dtype=float)
    ok = np.ones(len(reference), dtype=bool)
    gone = ~np.isfinite(reference)
    for row in rows:
        other = np.asarray(row["log2_net"], dtype=float)
        with np.errstate(invalid="ignore"):
            near = np.abs(other - reference) <= TWOFOLD
        ok &= np.where(gone, other <= STILL_GONE, near)
    return ok
