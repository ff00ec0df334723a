"""Starts of the fit, and the few steps that refine each of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from cgmm.automatic.clusters import LeidenClusters
from cgmm.automatic.counterparts import MIN_WEIGHT, without_unmatched
from cgmm.automatic.metric import LearnedMetric, donor_covariance, learn_metric
from cgmm.automatic.partitions import FittedPartition
from cgmm.coupled.fit import fit_coupled
from cgmm.coupled.objective import within_variance
from cgmm.coupled.result import CoupledFit
from cgmm.mixture.chunked import Points, column_moments, mapped
from cgmm.mixture.gaussian_mixture import GaussianMixture
from cgmm.mixture.initial import kmeans_mixtures
from cgmm.transport.coupling import share_of_source, share_of_target


def images(
    source: GaussianMixture, target: GaussianMixture, coupling: np.ndarray, movement: LearnedMetric
) -> GaussianMixture:
    """Source components carried to the target: a start whose borders are those of the source.

    Two partitions made separately cut at different places, and a difference of borders looks like
    a change of share.  Each source component is therefore moved, with its shape, by the posterior
    mean of its ``delta``, averaged over where its mass goes.

    Parameters
    ----------
    source, target
        Mixtures with K0 and K1 components in D dimensions; weights are shares.
    coupling
        ``W``, shape (K0, K1); empty rows and columns are components that are gone or new.
    movement
        From :func:`learn_movement`.

    Returns
    -------
    Mixture of the images of the source components that are not gone, with the shares that reach
    them, and of the target components that are new, as they are.
    """
    kept, new = coupling.sum(1) > 0, coupling.sum(0) <= 0
    gap = share_of_source(coupling) @ target.means - source.means
    arriving = share_of_target(coupling, source.weights) @ target.weights
    weights = np.maximum(np.concatenate([arriving[kept], target.weights[new]]), MIN_WEIGHT)
    return GaussianMixture(
        weights / weights.sum(),
        np.concatenate([(source.means + gap @ movement.gain.T)[kept], target.means[new]]),
        np.concatenate([source.covariances[kept], target.covariances[new]]),
    )


RESOLUTIONS = (1.0, 1.5, 2.0, 3.0)
COARSE = 0.3
N_SEEDS = 3
MIN_CELLS_PER_CLUSTER = 20
SHRINKAGE = 1.0
RIDGE = 1e-3
FIRST_STEPS = 15
IMAGE_STEPS = 6
LAST_STEPS = 8
FIRST_TOL = 1e-4


class Start(NamedTuple):
    """A pair of mixtures to start from, and how it was made."""

    label: str
    source: GaussianMixture
    target: GaussianMixture


def make_starts(
    points: tuple[Points, Points],
    weights: tuple[np.ndarray | None, np.ndarray | None],
    donors: tuple[np.ndarray | None, np.ndarray | None],
    n_components: int | tuple[int, int] | None,
    random_state: int,
) -> tuple[list[LeidenClusters], list[Start], np.ndarray | None]:
    """Cells to work on, pairs of mixtures to start from, covariance between donors."""
    ridge = RIDGE * 0.5 * sum(float(column_moments(x, None)[1].mean()) for x in points)
    found = [LeidenClusters(x, w, random_state) for x, w in zip(points, weights, strict=True)]
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
            Start(
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
        Start(
            f"resolution {resolution:g}",
            *(
                one.mixture(
                    resolution, random_state + i, min_cells=MIN_CELLS_PER_CLUSTER, ridge=ridge
                )
                for one in found
            ),
        )
        for i, resolution in enumerate(RESOLUTIONS)
    ]
    return found, starts, between


def refine_start(
    start: Start,
    points: list[np.ndarray],
    weights: list[np.ndarray | None],
    knobs: dict[str, Any],
    *,
    between: np.ndarray | None,
    imaged: bool,
    **options: Any,
) -> tuple[FittedPartition, LearnedMetric]:
    """Refine a start by a few steps; learn the metric of its costs.

    With ``imaged`` the target is cut once more, from images of the source components, and the
    metric is learned again from what comes of it.
    """

    def learned(one: GaussianMixture, two: GaussianMixture) -> LearnedMetric:
        return learn_metric(
            one, two, between_donors=between, rho=knobs["rho"], epsilon=knobs["epsilon"]
        )

    def climbed(
        one: GaussianMixture, two: GaussianMixture, movement: LearnedMetric, max_steps: int
    ) -> FittedPartition:
        fit = fit_in_metric(
            points,
            weights,
            (one, two),
            movement,
            knobs,
            max_steps=max_steps,
            tol=FIRST_TOL,
            **options,
        )
        return partition_of(start.label, fit)

    movement = learned(start.source, start.target)
    cut = climbed(start.source, start.target, movement, FIRST_STEPS)
    if not imaged:
        return cut, movement
    movement = learned(cut.source, cut.target)
    image = images(cut.source, cut.target, cut.coupling, movement)
    cut = climbed(cut.source, image, movement, IMAGE_STEPS)
    movement = learned(cut.source, cut.target)
    return climbed(cut.source, cut.target, movement, LAST_STEPS), movement


def fit_in_metric(
    points: Any,
    weights: Any,
    start: tuple[GaussianMixture, GaussianMixture],
    movement: LearnedMetric,
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
        coupling=without_unmatched(fit.coupling, *prevalence, movement.noise),
        log_likelihood=(fit.log_likelihood[0] + volume, fit.log_likelihood[1] + volume),
        objective=fit.objective + 2 * volume,
        history=fit.history + 2 * volume,
        metric=scale,
        parameters=fit.parameters | {"within_variance": within_variance(source, target)},
    )


def partition_of(label: str, fit: CoupledFit) -> FittedPartition:
    """Partition with the components, shares and coupling of a fit."""
    return FittedPartition(label, fit.prevalence_source, fit.prevalence_target, fit.coupling)
