"""Fit without tuning: where to start, how many components, which metric and which penalties.

Both conditions are clustered by themselves, so that nothing is integrated away, at several
resolutions.  Each pair of partitions is refined by the coupled fit, with covariances drawn towards
the shape that the components of a side share and with costs in the metric of
:mod:`cgmm.automatic.metric`, which is learned from the pair.  The target is then cut once more,
from images of the source components (:func:`cgmm.automatic.refine.images`), because two partitions
made separately have different borders, and a difference of borders looks like a change of share.
The partition that lies in the middle, whose factors per cell are nearest to those of all others, is
fitted to all cells and returned; what the others say of its components is kept
(:mod:`cgmm.automatic.sensitivity`).  Factors are then counted cell by cell, from the images of all
partitions (:mod:`cgmm.automatic.origins`).  Stability, not likelihood, decides: more components
always have the higher likelihood, and cell types are no Gaussians (von Luxburg 2010, Found. Trends
Mach. Learn. 2:235, on stability as a criterion).  For the same reason the last climb stops at a
gain of 0.01 nats per cell: further steps fit the tails of populations that are no Gaussians, and
move borders that had been right.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from cgmm._utils.arguments import check_callable, check_components, check_number, check_seed
from cgmm.automatic.clusters import LeidenClusters
from cgmm.automatic.metric import LearnedMetric
from cgmm.automatic.origins import NEIGHBOURS, DrawnCells, Origins, count_origins
from cgmm.automatic.partitions import FittedPartition, log2_net_of_cells, medoid
from cgmm.automatic.refine import SHRINKAGE, fit_in_metric, make_starts, partition_of, refine_start
from cgmm.automatic.sensitivity import along_rho, over_partitions
from cgmm.coupled.fit import ConvergenceWarning
from cgmm.coupled.result import CoupledFit
from cgmm.mixture.chunked import points_of
from cgmm.mixture.gaussian_mixture import GaussianMixture

READ_AT = (1.5, 2.0, 3.0, 6.0)
TRANSPORT_WEIGHT = 0.01
RHO = 0.3
EPSILON = 1.0
TOL = 0.01


def fit_automatic(
    x0: Any,
    x1: Any,
    *,
    weights_source: np.ndarray | None = None,
    weights_target: np.ndarray | None = None,
    donors_source: np.ndarray | None = None,
    donors_target: np.ndarray | None = None,
    n_components: int | tuple[int, int] | None = None,
    rho: float | None = None,
    epsilon: float | None = None,
    transport_weight: float | None = None,
    source: GaussianMixture | None = None,
    max_steps: int = 500,
    tol: float = TOL,
    random_state: int = 0,
    progress: Callable[[int, float], None] | None = None,
) -> CoupledFit:
    """Fit with partitions, metric and penalties that are found in the data.

    Parameters
    ----------
    x0, x1
        Points of source (N0, D) and target (N1, D), as for :func:`cgmm.fit_coupled`.
    weights_source, weights_target
        Weights of the points, for instance so that donors count equally.
    donors_source, donors_target
        Donor of every point, shapes (N0,) and (N1,): differences between donors of one condition
        are then not taken for movement.
    n_components
        Number of components or a pair; None: found by clustering.
    rho, epsilon
        Penalties of the coupling, in nats: costs are those of :mod:`cgmm.automatic.metric`.
    transport_weight
        ``lambda`` of the objective.
    source
        Source components that stay as they are, in the units of the points: those of another
        comparison with the same source.
    max_steps, tol, random_state
        As in :func:`cgmm.fit_coupled`.
    progress
        Called with the number of E-steps so far and the objective.

    Returns
    -------
    CoupledFit
        In the units of the points, but with costs, coupling and penalties in nats; with
        ``reasons`` for every parameter that was None, and with ``sensitivity``.

    Raises
    ------
    TypeError, ValueError
        When a parameter is out of range, before anything is computed.
    """
    check_callable("progress", progress)
    random_state = check_seed(random_state)
    if n_components is not None:
        n_components = check_components(n_components, (len(x0), len(x1)))
    reasons: dict[str, str] = {}
    knobs = {
        "rho": _chosen(
            rho,
            RHO,
            "rho",
            reasons,
            "nats: a change of prevalence is cheap against a movement "
            "that the metric does not expect",
        ),
        "epsilon": _chosen(
            epsilon,
            EPSILON,
            "epsilon",
            reasons,
            "nat: with it the coupling is the posterior probability of each match",
        ),
        "transport_weight": _chosen(
            transport_weight,
            TRANSPORT_WEIGHT,
            "transport_weight",
            reasons,
            "enough to keep "
            "matched components together, too little to move what the data determine",
        ),
    }
    ticks = _Ticks(progress)
    x0, x1 = points_of(x0), points_of(x1)
    drawn, starts, between = make_starts(
        (x0, x1),
        (weights_source, weights_target),
        (donors_source, donors_target),
        n_components,
        random_state,
    )
    if source is not None:
        starts = [one._replace(source=source) for one in starts]
    locked = None if source is None else "source"
    clouds = [one.points for one in drawn]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        refined = [
            refine_start(
                one,
                clouds,
                [one.weights for one in drawn],
                knobs,
                between=between,
                imaged=n_components is None,
                locked=locked,
                callback=ticks,
            )
            for one in starts
        ]
    cuts, movements = [cut for cut, _ in refined], [movement for _, movement in refined]
    factors = [log2_net_of_cells(cut, clouds[0], len(clouds[1])) for cut in cuts]
    best = medoid(factors)
    fit = fit_in_metric(
        (x0, x1),
        (weights_source, weights_target),
        (cuts[best].source, cuts[best].target),
        movements[best],
        knobs,
        locked=locked,
        max_steps=max_steps,
        tol=tol,
        random_state=random_state,
        callback=ticks,
    )
    cuts[best] = partition_of(cuts[best].label, fit)
    reading = _read(drawn, cuts, movements, best, random_state, clustered=n_components is None)
    fit = replace(fit, votes=reading.origin, log2_net_cells=drawn[0].spread(reading.log2_net, x0))
    k0, k1 = fit.coupling.shape
    if n_components is None:
        reasons["n_components"] = (
            f"{k0} and {k1}: of {len(cuts)} partitions ({', '.join(cut.label for cut in cuts)}) "
            f"{cuts[best].label} lies in the middle"
            + ("" if source is None else "; the source components are given")
        )
    if tol == TOL:
        reasons["tol"] = (
            f"{TOL:g} nats per cell: further steps would fit shapes that are no Gaussians, and "
            "move the borders between subpopulations"
        )
    reasons["origin"] = (
        f"each target cell counts for the source cells whose images are nearest "
        f"(up to {NEIGHBOURS[1]}), over all partitions"
    )
    reasons["metric"] = _metric_reason(movements[best], between)
    reasons["shrinkage"] = (
        f"{SHRINKAGE:g}: a component of average size lies half way between its own shape and the "
        "shape that its side shares"
    )
    return replace(
        fit,
        reasons=reasons,
        sensitivity=[
            *along_rho(fit),
            *over_partitions(cuts, reading.by_partition, best, clouds[0]),
        ],
    )


def _read(
    drawn: list[LeidenClusters],
    cuts: list[FittedPartition],
    movements: list[LearnedMetric],
    best: int,
    random_state: int,
    *,
    clustered: bool,
) -> Origins:
    """Let the drawn cells vote; read in clusters one step finer than the partitions."""
    source, target = (DrawnCells(one.points, one.normalised_weights()) for one in drawn)
    if clustered:
        clusters = [drawn[0].labels(r, random_state + i) for i, r in enumerate(READ_AT)]
    else:
        clusters = [cut.source.responsibilities(source.points).argmax(1) for cut in cuts]
    prior = log2_net_of_cells(cuts[best], source.points, len(target.points))
    pairs = list(zip(cuts, movements, strict=True))
    return count_origins(source, target, cuts[best], prior, pairs, clusters)


def _chosen(
    given: float | None, default: float, name: str, reasons: dict[str, str], why: str
) -> float:
    if given is not None:
        above_zero = name != "transport_weight"
        return check_number(name, given, default, above_zero=above_zero, finite=name != "rho")
    reasons[name] = f"{default:g}{': ' if name == 'transport_weight' else ' '}{why}"
    return default


class _Ticks:
    """Counts E-steps over several fits."""

    def __init__(self, progress: Callable[[int, float], None] | None) -> None:
        self.progress, self.n = progress, 0

    def __call__(self, _step: int, objective: float) -> None:
        self.n += 1
        if self.progress is not None:
            self.progress(self.n, objective)


def _metric_reason(movement: LearnedMetric, between: np.ndarray | None) -> str:
    """Say how far components move, in units of what is no movement."""
    ratio = float(np.trace(np.linalg.solve(movement.noise, movement.spread)))
    strongest = float(
        np.linalg.eigvals(np.linalg.solve(movement.noise, movement.spread)).real.max()
    )
    donors = "" if between is None else " and the differences between donors of a condition"
    return (
        f"learned from the matches: movement has {ratio / len(movement.noise):.2g} times the "
        f"variance within components{donors}, and {strongest:.2g} times in its strongest direction"
    )
