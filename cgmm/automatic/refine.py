"""Refine a start by a few steps of the coupled fit, in a metric learned from the components."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cgmm.automatic.counterparts import MIN_WEIGHT, without_unmatched
from cgmm.automatic.metric import LearnedMetric, learn_metric
from cgmm.automatic.partitions import FittedPartition
from cgmm.automatic.penalties import Penalties
from cgmm.automatic.starts import RIDGE, Start
from cgmm.coupled.fit import fit_coupled
from cgmm.coupled.objective import within_variance
from cgmm.coupled.result import CoupledFit
from cgmm.mixture.chunked import Points, column_moments, mapped
from cgmm.mixture.gaussian_mixture import GaussianMixture
from cgmm.transport.coupling import share_of_source, share_of_target

SHRINKAGE = 1.0
FIRST_STEPS = 8
IMAGE_STEPS = 6
LAST_STEPS = 4
FIRST_TOL = 1e-4


def images(
    source: GaussianMixture, target: GaussianMixture, coupling: np.ndarray, metric: LearnedMetric
) -> GaussianMixture:
    """Return a start for the target: source components moved, so borders match the source.

    Two partitions that are made separately have different borders, and a difference of borders
    looks like a change of share.  Each source component keeps its shape and moves by the posterior
    mean of its movement ``delta``, averaged over the target components to which it goes.

    Parameters
    ----------
    source, target
        Mixtures with K0 and K1 components in D dimensions; weights are shares.
    coupling
        ``W``, shape (K0, K1); rows and columns without mass are components that are gone or new.
    metric
        From :func:`cgmm.automatic.metric.learn_metric`.

    Returns
    -------
    Mixture of two kinds of components.  The images of source components that are not gone have the
    shares of the target that came from them as weights.  New target components are unchanged.
    """
    kept, new = coupling.sum(1) > 0, coupling.sum(0) <= 0
    gap = share_of_source(coupling) @ target.means - source.means
    arriving = share_of_target(coupling, source.weights) @ target.weights
    weights = np.maximum(np.concatenate([arriving[kept], target.weights[new]]), MIN_WEIGHT)
    return GaussianMixture(
        weights / weights.sum(),
        np.concatenate([(source.means + gap @ metric.gain.T)[kept], target.means[new]]),
        np.concatenate([source.covariances[kept], target.covariances[new]]),
    )


def refine_start(
    start: Start,
    points: Sequence[np.ndarray],
    weights: Sequence[np.ndarray | None],
    penalties: Penalties,
    *,
    between_donors: np.ndarray | None,
    with_images: bool,
    **options: Any,
) -> tuple[FittedPartition, LearnedMetric]:
    """Return a start refined by a few steps, and the metric of its costs.

    Parameters
    ----------
    start
        The start.
    points, weights
        Drawn cells of source and target, and their weights or None.
    penalties
        Penalties of the coupled fit.
    between_donors
        Covariance between donors of the same condition, shape (D, D), or None.
    with_images
        Whether to partition the target a second time, from :func:`images` of the source components,
        and to learn the metric again from the result.
    options
        Further arguments of :func:`cgmm.fit_coupled`.

    Returns
    -------
    The refined partition, and the metric in which it was fitted.
    """

    def learn(source: GaussianMixture, target: GaussianMixture) -> LearnedMetric:
        return learn_metric(
            source,
            target,
            between_donors=between_donors,
            rho=penalties.rho,
            epsilon=penalties.epsilon,
        )

    def climb(
        source: GaussianMixture, target: GaussianMixture, metric: LearnedMetric, max_steps: int
    ) -> FittedPartition:
        fit = fit_in_metric(
            points,
            weights,
            (source, target),
            metric,
            penalties,
            max_steps=max_steps,
            tol=FIRST_TOL,
            **options,
        )
        return partition_of(start.label, fit)

    metric = learn(start.source, start.target)
    partition = climb(start.source, start.target, metric, FIRST_STEPS)
    if not with_images:
        return partition, metric
    metric = learn(partition.source, partition.target)
    image = images(partition.source, partition.target, partition.coupling, metric)
    partition = climb(partition.source, image, metric, IMAGE_STEPS)
    metric = learn(partition.source, partition.target)
    return climb(partition.source, partition.target, metric, LAST_STEPS), metric


def fit_in_metric(
    points: Sequence[Points],
    weights: Sequence[np.ndarray | None],
    start: tuple[GaussianMixture, GaussianMixture],
    metric: LearnedMetric,
    penalties: Penalties,
    **options: Any,
) -> CoupledFit:
    """Return the coupled fit whose costs are measured in a metric.

    The fit is made in coordinates in which the costs are squared distances, and mapped back.  Rows
    and columns of unmatched components are set to zero in the coupling
    (:func:`cgmm.automatic.counterparts.without_unmatched`).

    Parameters
    ----------
    points, weights
        Cells of source and target in their own units, and their weights or None.
    start
        Mixtures of source and target to start from.
    metric
        From :func:`cgmm.automatic.metric.learn_metric`.
    penalties
        Penalties of the coupled fit, in units of the costs.
    options
        Further arguments of :func:`cgmm.fit_coupled`.
    """
    scale, back = metric.scale, np.linalg.inv(metric.scale)
    scaled = [mapped(x, scale) for x in points]
    fit = fit_coupled(
        scaled[0],
        scaled[1],
        weights_source=weights[0],
        weights_target=weights[1],
        init=(start[0].mapped(scale), start[1].mapped(scale)),
        ridge=RIDGE * 0.5 * float(sum(column_moments(x, None)[1].mean() for x in scaled)),
        shrinkage=SHRINKAGE,
        **penalties._asdict(),
        **options,
    )
    source, target = fit.source.mapped(back), fit.target.mapped(back)
    if options.get("locked") == "source":  # mapping there and back rounds
        source = start[0]
    prevalence = source.with_weights(fit.shares_source), target.with_weights(fit.shares_target)
    volume = float(np.linalg.slogdet(scale)[1])
    return replace(
        fit,
        source=source,
        target=target,
        coupling=without_unmatched(fit.coupling, *prevalence, metric.noise),
        log_likelihood=(fit.log_likelihood[0] + volume, fit.log_likelihood[1] + volume),
        objective=fit.objective + 2 * volume,
        history=fit.history + 2 * volume,
        metric=scale,
        parameters=fit.parameters | {"within_variance": within_variance(source, target)},
    )


def partition_of(label: str, fit: CoupledFit) -> FittedPartition:
    """Return the components, shares and coupling of a fit as a partition."""
    return FittedPartition(label, fit.prevalence_source, fit.prevalence_target, fit.coupling)
