"""The fit without tuning: starts, numbers of components, metric and penalties are chosen.

1. Source and target are clustered separately, at several resolutions.  Nothing is integrated, so no
   difference between the conditions is removed (:mod:`cgmm.automatic.starts`).
2. Each pair of partitions is refined by a few steps of the coupled fit
   (:mod:`cgmm.automatic.refine`).  Covariances are shrunk towards the mean covariance of their
   side.  Costs are measured in a metric that is learned from the pair
   (:mod:`cgmm.automatic.metric`).  When the numbers of components are not given, the target is then
   partitioned a second time, from images of the source components.  The reason is that two
   partitions that are made separately have different borders, and a difference of borders looks
   like a change of share.
3. The medoid of the partitions is fitted to all cells and returned
   (:mod:`cgmm.automatic.partitions`).  The medoid is the partition whose factors at the cells are
   nearest to the factors of all other partitions.
4. Every target cell is assigned to the source cells whose images are nearest, over all partitions;
   factors are counted from these origins (:mod:`cgmm.automatic.origins`).
5. Populations are found among the cells of both conditions (:mod:`cgmm.automatic.populations`), and
   factors of cells are moved towards the mean of their population, by as much as they are uncertain
   (:mod:`cgmm.automatic.cell_factors`).
6. Factors under the other partitions and under other values of ``rho`` show how much each factor
   depends on these choices (:mod:`cgmm.automatic.sensitivity`).

Partitions are chosen by stability, not by likelihood.  Cell types are not Gaussian, so more
components always have a higher likelihood (von Luxburg 2010, Found. Trends Mach. Learn. 2:235, on
stability as a criterion).  For the same reason the last fit stops at a gain of 0.01 nats per cell.
Further steps would fit the tails of populations that are not Gaussian, and move borders that were
right.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import Any

import numpy as np
import scipy.sparse as sp

from cgmm._utils.arguments import check_callable, check_components, check_seed
from cgmm._utils.progress import Steps
from cgmm.automatic.cell_factors import of_target_cells, sampling_variance, settled
from cgmm.automatic.filled import filled
from cgmm.automatic.metric import LearnedMetric
from cgmm.automatic.origins import NEIGHBOURS, DrawnCells, Origins, count_origins, drawn_origins
from cgmm.automatic.partitions import FittedPartition, log2_net_of_cells, medoid
from cgmm.automatic.penalties import choose_penalties
from cgmm.automatic.populations import Populations, find_populations
from cgmm.automatic.refine import SHRINKAGE, fit_in_metric, partition_of, refine_start
from cgmm.automatic.sensitivity import along_rho, over_partitions
from cgmm.automatic.starts import Starts, make_starts
from cgmm.coupled.fit import ConvergenceWarning
from cgmm.coupled.result import CoupledFit
from cgmm.mixture.chunked import Points, points_of
from cgmm.mixture.gaussian_mixture import GaussianMixture

CLUSTER_RESOLUTIONS = (1.5, 2.0, 3.0, 6.0)
TOL = 0.01
THREADS = 2  # partitions that are refined side by side


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
    """Return a coupled fit whose partitions, metric and penalties are found in the data.

    Parameters
    ----------
    x0, x1
        Points of source (N0, D) and target (N1, D), as for :func:`cgmm.fit_coupled`.
    weights_source, weights_target
        Weights of the points, shapes (N0,) and (N1,), for instance weights with which donors count
        equally; None: equal weights.
    donors_source, donors_target
        Donor of every point, shapes (N0,) and (N1,).  With them, differences between donors of one
        condition do not count as movement.
    n_components
        Number of components, or a pair of numbers; None: found by clustering.
    rho, epsilon
        Penalties of the coupling, in nats, the unit of the costs
        (:mod:`cgmm.automatic.metric`); None: the default.
    transport_weight
        ``lambda`` of the objective; None: the default.
    source
        Source components that stay fixed, in the units of the points, for instance the source
        components of another comparison with the same source.
    max_steps, tol, random_state
        As in :func:`cgmm.fit_coupled`.
    progress
        Called with the number of E-steps so far and the objective.

    Returns
    -------
    CoupledFit
        Mixtures are in the units of the points; costs and penalties are in nats.  ``reasons`` has
        a sentence for every parameter that was None.  ``sensitivity`` has the factors under other
        choices.

    Raises
    ------
    TypeError, ValueError
        When a parameter is out of range, before anything is computed.
    """
    check_callable("progress", progress)
    random_state = check_seed(random_state)
    if n_components is not None:
        n_components = check_components(n_components, (len(x0), len(x1)))
    penalties, reasons = choose_penalties(rho, epsilon, transport_weight)
    options: dict[str, Any] = {
        "locked": None if source is None else "source",
        "callback": _StepCounter(progress),
    }
    points, weights = (points_of(x0), points_of(x1)), (weights_source, weights_target)
    steps = Steps(4, f"cluster {len(x0):,} and {len(x1):,} cells")
    starts = make_starts(
        points, weights, (donors_source, donors_target), n_components, random_state
    )
    if source is not None:
        starts = starts._replace(pairs=[pair._replace(source=source) for pair in starts.pairs])
    drawn = [side.points for side in starts.clusters]
    steps.begin(f"refine {len(starts.pairs)} partitions")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        refine = partial(
            refine_start,
            points=drawn,
            weights=[side.weights for side in starts.clusters],
            penalties=penalties,
            between_donors=starts.between_donors,
            with_images=n_components is None,
            **options,
        )
        with ThreadPoolExecutor(THREADS) as pool:
            refined = list(pool.map(refine, starts.pairs))
    partitions, metrics = [p for p, _ in refined], [m for _, m in refined]
    best = medoid([log2_net_of_cells(p, drawn[0], len(drawn[1])) for p in partitions])
    steps.begin(f"fit the partition in the middle ({partitions[best].label})")
    fit = _fit_filled(
        points,
        weights,
        (partitions[best].source, partitions[best].target),
        metrics[best],
        penalties,
        drawn=drawn,
        droppable=(n_components is None and source is None, n_components is None),
        max_steps=max_steps,
        tol=tol,
        random_state=random_state,
        **options,
    )
    partitions[best] = partition_of(partitions[best].label, fit)
    steps.begin("count who became whom, and find populations")
    origins = _origins(starts, partitions, metrics, best, random_state, leiden=n_components is None)
    populations = _populations(starts, origins, (donors_source, donors_target), random_state)
    fit = _with_cells(fit, starts, points, origins, populations, random_state)
    if n_components is None:
        reasons["n_components"] = _components_reason(
            fit, partitions, best, given=source is not None
        )
    reasons |= _other_reasons(tol, metrics[best], between_donors=starts.between_donors is not None)
    choices = [*along_rho(fit), *over_partitions(partitions, origins.by_partition, best, drawn[0])]
    return replace(fit, reasons=reasons, sensitivity=[choice.to_row() for choice in choices])


def _fit_filled(
    points: tuple[Points, Points],
    weights: tuple[np.ndarray | None, np.ndarray | None],
    start: tuple[GaussianMixture, GaussianMixture],
    *args: Any,
    drawn: list[np.ndarray],
    droppable: tuple[bool, bool],
    **options: Any,
) -> CoupledFit:
    """Fit until cells fill every component of the sides whose components may be dropped."""
    while True:
        full = [
            filled(one, x, len(all_points)) if may else one
            for one, x, all_points, may in zip(start, drawn, points, droppable, strict=True)
        ]
        fit = fit_in_metric(points, weights, (full[0], full[1]), *args, **options)
        start = fit.prevalence_source, fit.prevalence_target
        if all(
            not may or filled(one, x, len(all_points)) is one
            for one, x, all_points, may in zip(start, drawn, points, droppable, strict=True)
        ):
            return fit


def _drawn(starts: Starts) -> tuple[DrawnCells, DrawnCells]:
    source, target = (DrawnCells(c.points, c.normalised_weights()) for c in starts.clusters)
    return source, target


def _origins(
    starts: Starts,
    partitions: list[FittedPartition],
    metrics: list[LearnedMetric],
    best: int,
    random_state: int,
    *,
    leiden: bool,
) -> Origins:
    """Count origins over clusters of the drawn source cells.

    With ``leiden`` the clusters are Leiden clusters, one step finer than the partitions; otherwise
    the clusters are the components of the partitions.
    """
    source, target = _drawn(starts)
    if leiden:
        of_source = starts.clusters[0]
        clusters = [
            of_source.labels(resolution, random_state + i)
            for i, resolution in enumerate(CLUSTER_RESOLUTIONS, 1)  # as the partitions started
        ]
    else:
        clusters = [p.source.responsibilities(source.points).argmax(1) for p in partitions]
    prior = log2_net_of_cells(partitions[best], source.points, len(target.points))
    pairs = list(zip(partitions, metrics, strict=True))
    return count_origins(source, target, partitions[best], prior, pairs, clusters)


def _factors_of_cells(
    starts: Starts, origins: Origins, populations: Populations
) -> tuple[np.ndarray, np.ndarray]:
    """Return log2 factors of the drawn source and target cells."""
    source, target = _drawn(starts)
    variance = sampling_variance(origins, source, target)
    found = settled(origins.log2_net, variance, source.weights, populations.of_source_cells)
    return found, of_target_cells(found, origins.votes)


def _with_cells(
    fit: CoupledFit,
    starts: Starts,
    points: tuple[Points, Points],
    origins: Origins,
    populations: Populations,
    random_state: int,
) -> CoupledFit:
    """Return the fit with the results of all cells: of each, those of the nearest drawn cell."""
    of_source, of_target = (
        one.nearest_drawn(own) for one, own in zip(starts.clusters, points, strict=True)
    )

    factors = _factors_of_cells(starts, origins, populations)

    def drawn_from(votes: Sequence[sp.csr_matrix]) -> np.ndarray:
        among_drawn = drawn_origins(votes, random_state)
        return np.where(among_drawn < 0, -1, starts.clusters[0].drawn[among_drawn])[of_target]

    return replace(
        fit,
        votes=origins.origin,
        log2_net_cells=factors[0][of_source],
        log2_net_target_cells=factors[1][of_target],
        origins=drawn_from(origins.votes),
        origins_of_partitions=np.array([drawn_from([one]) for one in origins.votes]),
        populations_source=populations.of_source_cells[of_source],
        populations_target=populations.of_target_cells[of_target],
        populations_elsewhere=populations.alternatives,
    )


def _populations(
    starts: Starts,
    origins: Origins,
    donors: tuple[np.ndarray | None, np.ndarray | None],
    random_state: int,
) -> Populations:
    """Find populations among the drawn cells."""
    source, target = _drawn(starts)
    of_drawn = [
        None if names is None else np.asarray(names)[cells.drawn]
        for names, cells in zip(donors, starts.clusters, strict=True)
    ]
    return find_populations(
        source,
        target,
        origins.votes,
        donors_source=of_drawn[0],
        donors_target=of_drawn[1],
        random_state=random_state,
    )


class _StepCounter:
    """Callback that counts E-steps over several fits."""

    def __init__(self, progress: Callable[[int, float], None] | None) -> None:
        self.progress, self.n, self._lock = progress, 0, Lock()

    def __call__(self, _step: int, objective: float) -> None:
        with self._lock:  # partitions are refined side by side
            self.n += 1
            if self.progress is not None:
                self.progress(self.n, objective)


def _components_reason(
    fit: CoupledFit, partitions: list[FittedPartition], best: int, *, given: bool
) -> str:
    """Return why the fit has its numbers of components; ``given``: the user gave the source."""
    k0, k1 = fit.coupling.shape
    labels = ", ".join(p.label for p in partitions)
    return (
        f"{k0} and {k1}: of {len(partitions)} partitions ({labels}) "
        f"{partitions[best].label} lies in the middle"
        + ("; the source components are given" if given else "")
    )


def _other_reasons(tol: float, metric: LearnedMetric, *, between_donors: bool) -> dict[str, str]:
    """Return the reasons for the tolerance, the origins, the metric and the shrinkage."""
    reasons = {}
    if tol == TOL:
        reasons["tol"] = (
            f"{TOL:g} nats per cell: further steps would fit shapes that are no Gaussians, and "
            "move the borders between subpopulations"
        )
    reasons["origin"] = (
        f"each target cell counts for the source cells whose images are nearest "
        f"(up to {NEIGHBOURS[1]}), over all partitions"
    )
    movement = np.linalg.solve(metric.noise, metric.spread)
    mean = float(np.trace(movement)) / len(metric.noise)
    strongest = float(np.linalg.eigvals(movement).real.max())
    donors = " and the differences between donors of a condition" if between_donors else ""
    reasons["metric"] = (
        f"learned from the matches: movement has {mean:.2g} times the "
        f"variance within components{donors}, and {strongest:.2g} times in its strongest direction"
    )
    reasons["shrinkage"] = (
        f"{SHRINKAGE:g}: a component of average size lies half way between its own shape and the "
        "shape that its side shares"
    )
    return reasons
