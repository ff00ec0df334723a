"""Fit without tuning: where to start, how many components, which metric and which penalties.

Both conditions are clustered by themselves, so that nothing is integrated away, at several
resolutions.  Each pair of partitions is refined by the coupled fit, with covariances drawn towards
the shape that the components of a side share and with costs in the metric of
:mod:`cgmm.movement`, which is learned from the pair.  The target is then cut once more, from
images of the source components (:func:`cgmm.movement.images`), because two partitions made
separately have different borders, and a difference of borders looks like a change of share.  The
partition that lies in the middle, whose factors per cell are nearest to those of all others, is
fitted to all cells and returned; what the others say of its components is kept
(:mod:`cgmm.sensitivity`).  Factors are then counted cell by cell, from the images of all partitions
(:mod:`cgmm.votes`).  Stability, not likelihood, decides: more components always have the
higher likelihood, and cell types are no Gaussians (von Luxburg 2010, Found. Trends Mach. Learn.
2:235, on stability as a criterion).  For the same reason the last climb stops at a gain of 0.01
nats per cell: further steps fit the tails of populations that are no Gaussians, and move borders
that had been right.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ._numbers import check_callable, check_components, check_number, check_seed
from .alternatives import Alternative, log2_net_of_cells, middle
from .chunked import Points, column_moments, mapped, points_of
from .coupled import ConvergenceWarning, CoupledFit, fit_coupled, within_variance
from .mixture import GaussianMixture
from .movement import Movement, donor_covariance, emptied, images, learn_movement
from .sensitivity import along_rho, over_partitions
from .start import Partitions, kmeans_mixtures
from .votes import NEIGHBOURS, Reading, Side, read

RESOLUTIONS = (1.0, 1.5, 2.0, 3.0)
READ_AT = (1.5, 2.0, 3.0, 6.0)
COARSE = 0.3
N_SEEDS = 3
MIN_CELLS = 20
SHRINKAGE = 1.0
TRANSPORT_WEIGHT = 0.01
RHO = 0.3
EPSILON = 1.0
RIDGE = 1e-3
FIRST_STEPS = 15
IMAGE_STEPS = 6
LAST_STEPS = 8
FIRST_TOL = 1e-4
TOL = 0.01


class _Start(NamedTuple):
    """A pair of mixtures to start from, and how it was made."""

    label: str
    source: GaussianMixture
    target: GaussianMixture


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
        Penalties of the coupling, in nats: costs are those of :mod:`cgmm.movement`.
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
    drawn, starts, between = _starts(
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
            _refined(
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
    best = middle(factors)
    fit = _fit(
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
    cuts[best] = _alternative(cuts[best].label, fit)
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
    drawn: list[Partitions],
    cuts: list[Alternative],
    movements: list[Movement],
    best: int,
    random_state: int,
    *,
    clustered: bool,
) -> Reading:
    """Let the drawn cells vote; read in clusters one step finer than the partitions."""
    source, target = (Side(one.points, one.normalised_weights()) for one in drawn)
    if clustered:
        clusters = [drawn[0].labels(r, random_state + i) for i, r in enumerate(READ_AT)]
    else:
        clusters = [cut.source.responsibilities(source.points).argmax(1) for cut in cuts]
    prior = log2_net_of_cells(cuts[best], source.points, len(target.points))
    pairs = list(zip(cuts, movements, strict=True))
    return read(source, target, cuts[best], prior, pairs, clusters)


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


def _starts(
    points: tuple[Points, Points],
    weights: tuple[np.ndarray | None, np.ndarray | None],
    donors: tuple[np.ndarray | None, np.ndarray | None],
    n_components: int | tuple[int, int] | None,
    random_state: int,
) -> tuple[list[Partitions], list[_Start], np.ndarray | None]:
    """Cells to work on, pairs of mixtures to start from, covariance between donors."""
    ridge = RIDGE * 0.5 * sum(float(column_moments(x, None)[1].mean()) for x in points)
    found = [Partitions(x, w, random_state) for x, w in zip(points, weights, strict=True)]
    between = None
    if all(names is not None for names in donors):
        parts = [
            donor_covariance(one.points, one.labels(COARSE, random_state), names[one.drawn])
            for one, names in zip(found, donors, strict=True)
            if names is not None
        ]
        weight = sum(w for _, w in parts)
        between = (
            (parts[0][0] * parts[0][1] + parts[1][0] * parts[1][1]) / weight if weight else None
        )
    if n_components is not None:
        k0, k1 = np.broadcast_to(n_components, 2)
        starts = [
            _Start(
                f"k-means, seed {seed}",
                *kmeans_mixtures(
                    found[0].points,
                    found[1].points,
                    found[0].weights,
                    found[1].weights,
                    (int(k0), int(k1)),
                    ridge,
                    seed,
                ),
            )
            for seed in range(random_state, random_state + N_SEEDS)
        ]
        return found, starts, between
    starts = [
        _Start(
            f"resolution {resolution:g}",
            *(
                one.mixture(resolution, random_state + i, min_cells=MIN_CELLS, ridge=ridge)
                for one in found
            ),
        )
        for i, resolution in enumerate(RESOLUTIONS)
    ]
    return found, starts, between


def _refined(
    start: _Start,
    points: list[np.ndarray],
    weights: list[np.ndarray | None],
    knobs: dict[str, Any],
    *,
    between: np.ndarray | None,
    imaged: bool,
    **options: Any,
) -> tuple[Alternative, Movement]:
    """Refine a start by a few steps; learn the metric of its costs.

    With ``imaged`` the target is cut once more, from images of the source components, and the
    metric is learned again from what comes of it.
    """

    def learned(one: GaussianMixture, two: GaussianMixture) -> Movement:
        return learn_movement(
            one, two, between_donors=between, rho=knobs["rho"], epsilon=knobs["epsilon"]
        )

    def climbed(
        one: GaussianMixture, two: GaussianMixture, movement: Movement, max_steps: int
    ) -> Alternative:
        fit = _fit(
            points,
            weights,
            (one, two),
            movement,
            knobs,
            max_steps=max_steps,
            tol=FIRST_TOL,
            **options,
        )
        return _alternative(start.label, fit)

    movement = learned(start.source, start.target)
    cut = climbed(start.source, start.target, movement, FIRST_STEPS)
    if not imaged:
        return cut, movement
    movement = learned(cut.source, cut.target)
    image = images(cut.source, cut.target, cut.coupling, movement)
    cut = climbed(cut.source, image, movement, IMAGE_STEPS)
    movement = learned(cut.source, cut.target)
    return climbed(cut.source, cut.target, movement, LAST_STEPS), movement


def _fit(
    points: Any,
    weights: Any,
    start: tuple[GaussianMixture, GaussianMixture],
    movement: Movement,
    knobs: dict[str, Any],
    **options: Any,
) -> CoupledFit:
    """Coupled fit in the coordinates of the metric, carried back; unmatched components emptied."""
    scale, back = movement.scale, np.linalg.inv(movement.scale)
    scaled = [mapped(x, scale) for x in points]
    fit = fit_coupled(
        scaled[0],
        scaled[1],
        weights_source=weights[0],
        weights_target=weights[1],
        init=(start[0].mapped(scale), start[1].mapped(scale)),
        ridge=RIDGE * 0.5 * float(sum(column_moments(x, None)[1].mean() for x in scaled)),
        shrinkage=SHRINKAGE,
        **knobs,
        **options,
    )
    source, target = fit.source.mapped(back), fit.target.mapped(back)
    if options.get("locked") == "source":  # there and back again is not quite the same
        source = start[0]
    prevalence = source.with_weights(fit.shares_source), target.with_weights(fit.shares_target)
    volume = float(np.linalg.slogdet(scale)[1])
    return replace(
        fit,
        source=source,
        target=target,
        coupling=emptied(fit.coupling, *prevalence, movement.noise),
        log_likelihood=(fit.log_likelihood[0] + volume, fit.log_likelihood[1] + volume),
        objective=fit.objective + 2 * volume,
        history=fit.history + 2 * volume,
        metric=scale,
        parameters=fit.parameters | {"within_variance": within_variance(source, target)},
    )


def _alternative(label: str, fit: CoupledFit) -> Alternative:
    return Alternative(label, fit.prevalence_source, fit.prevalence_target, fit.coupling)


def _metric_reason(movement: Movement, between: np.ndarray | None) -> str:
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
