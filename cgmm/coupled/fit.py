r"""Coupled fit of two Gaussian mixtures to two weighted point clouds.

Maximises, over both mixtures ``g0 = (pi0, m0, S0)`` and ``g1``,

.. math:: L(g_0; X_0) + L(g_1; X_1) - \lambda\, UW(g_0, g_1),                \tag{P}

where ``L`` is the mean log likelihood per unit of weight and ``UW`` the unbalanced transport
between the components under squared Wasserstein costs (:func:`transport_cost`).  With
``rho = inf`` this is the pair of mixtures coupled by MW2 of Delon & Desolneux (2020, SIAM J.
Imaging Sci. 13, section 6); the unbalanced form is that of the tutorial "Fitting coupled GMMs"
of OTT-JAX (Cuturi et al. 2022).  Expectation-maximisation: a streamed E-step
(:mod:`cgmm.mixture.gaussian_mixture`) and a closed-form M-step on the moments
(:mod:`cgmm.coupled.m_step`).  Ridge and prior of the M-step are part of the objective that is
monitored, so it never falls.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any, get_args

import jax
import numpy as np

from cgmm._utils.arguments import (
    check_callable,
    check_components,
    check_number,
    check_seed,
    check_whole,
)
from cgmm._utils.blas import one_thread
from cgmm.coupled.em import CoupledEM
from cgmm.coupled.objective import as_kind, objective_of, within_variance
from cgmm.coupled.result import CoupledFit
from cgmm.coupled.state import initial_state
from cgmm.mixture.checks import check_mixture, check_points
from cgmm.mixture.chunked import Points, column_moments
from cgmm.mixture.features import Kind
from cgmm.mixture.gaussian_mixture import GaussianMixture
from cgmm.pair import Side

DEFAULT_TRANSPORT_WEIGHT = 0.01
DEFAULT_RHO = 1.0
DEFAULT_EPSILON = 0.05
DEFAULT_RIDGE = 1e-6


class ConvergenceWarning(UserWarning):
    """A fit stopped before it converged."""


# Public functions ---------------------------------------------------------------


@one_thread()
def fit_coupled(
    points_source: Any,
    points_target: Any,
    *,
    n_components: int | tuple[int, int] | None = None,
    weights_source: np.ndarray | None = None,
    weights_target: np.ndarray | None = None,
    init: GaussianMixture | tuple[GaussianMixture, GaussianMixture] | None = None,
    transport_weight: float | None = None,
    epsilon: float | None = None,
    rho: float | None = None,
    covariance_type: Kind = "full",
    locked: Side | None = None,
    ridge: float | None = None,
    shrinkage: float = 0.0,
    max_steps: int = 500,
    tol: float = 1e-6,
    random_state: int = 0,
    callback: Callable[[int, float], None] | None = None,
    n_restarts: int = 1,
) -> CoupledFit:
    r"""Fit two Gaussian mixtures that are tied by unbalanced transport.

    Parameters
    ----------
    points_source, points_target
        Arrays of shapes (N0, D) and (N1, D), finite.  Dask arrays are never held as a whole: every
        pass over the points reads their chunks where they are (:mod:`cgmm.mixture.chunked`).
    n_components
        Number of components of both sides, or a pair (K0, K1).  None: that of ``init``, else 10.
    weights_source, weights_target
        Non-negative weights of the points, shapes (N0,) and (N1,); only ratios matter.
        None: equal.
    init
        Mixture to start both sides from, or one for each.  None: k-means of both sides together
        when K0 = K1 (so that component k starts alike on both sides), else of each side.
    transport_weight
        ``lambda`` in (P).  None: 0.01 per mean variance of a dimension within components, so that
        costs count in about the unit of the likelihood.  Zero fits two independent mixtures and
        matches them afterwards.
    epsilon, rho
        Entropy and marginal penalty, in squared units of the points.  None: 0.05 and 1 times the
        mean trace of the starting covariances.  ``rho = inf`` is balanced transport.
    covariance_type
        "full"; "diag": diagonal; "tied": one full matrix per side, for which a pass over the points
        costs D + 1 instead of D (D + 3) / 2 products per point and component.
    locked
        Side that stays as given by ``init``.
    ridge
        Variance of isotropic measurement noise, a floor of all covariances.  None: 1e-6 times the
        mean variance of the points.
    shrinkage
        Strength of the prior that draws each covariance to the mean shape of the start; at 1, a
        component of average size lies half way.
    max_steps, tol
        Largest number of EM steps; the fit has converged when a step raises the objective (nats
        per cell) by less than ``tol``.
    random_state
        Seed of the start.
    callback
        Called with the step and the objective after every E-step on all points.
    n_restarts
        Number of starts from k-means (seeds ``random_state`` and up) among which the objective
        chooses; no effect with ``init``.

    Returns
    -------
    CoupledFit

    Raises
    ------
    ValueError
        Points that are not finite two-dimensional arrays of one width, empty sides, fewer points
        than components, weights that are negative or all zero, parameters out of range.

    Warns
    -----
    ConvergenceWarning
        When ``max_steps`` is reached first.

    Examples
    --------
    >>> drawn = cg.simulate.points(n_components=2, n_dims=2, n_cells=400, log2_change=[1, 0])
    >>> before, after = (drawn.points[drawn.condition == side] for side in ("source", "target"))
    >>> fit = cg.fit_coupled(before, after, n_components=2)
    >>> fit.converged, fit.coupling.shape
    (True, (2, 2))
    """
    began = time.perf_counter()
    x0, w0 = check_points("source", points_source, weights_source)
    x1, w1 = check_points("target", points_target, weights_target)
    if x0.shape[1] != x1.shape[1]:
        msg = f"points_source has {x0.shape[1]} columns but points_target has {x1.shape[1]}"
        raise ValueError(msg)
    if covariance_type not in get_args(Kind):
        msg = f"covariance_type must be one of {get_args(Kind)}, got {covariance_type!r}"
        raise ValueError(msg)
    if locked is not None and (locked not in ("source", "target") or init is None):
        msg = f"locked must be 'source' or 'target' and needs init for that side, got {locked!r}"
        raise ValueError(msg)
    check_number("shrinkage", shrinkage, 0.0)
    check_number("tol", tol, 0.0)
    max_steps = check_whole("max_steps", max_steps, 1)
    random_state = check_seed(random_state)
    n_restarts = check_whole("n_restarts", n_restarts, 1)
    check_callable("callback", callback)
    # before the start, which takes time; their defaults depend on it
    check_number("epsilon", epsilon, 1.0, above_zero=True)
    check_number("rho", rho, 1.0, above_zero=True, finite=False)
    check_number("transport_weight", transport_weight, 1.0)
    (mean0, var0), (mean1, var1) = column_moments(x0, w0), column_moments(x1, w1)
    centre = 0.5 * (mean0 + mean1)
    variance = float((0.5 * (var0 + var1) + 0.25 * (mean1 - mean0) ** 2).mean()) or 1.0
    ridge = check_number("ridge", ridge, DEFAULT_RIDGE * variance, above_zero=True)

    seeds = range(random_state, random_state + (n_restarts if init is None else 1))
    starts = [_start(x0, x1, w0, w1, n_components, init, ridge, seed) for seed in seeds]
    starts = [
        (
            as_kind(one, covariance_type, "source", locked=locked == "source"),
            as_kind(two, covariance_type, "target", locked=locked == "target"),
        )
        for one, two in starts
    ]
    start0, start1 = starts[0]
    scale = within_variance(start0, start1)
    epsilon = check_number("epsilon", epsilon, DEFAULT_EPSILON * scale, above_zero=True)
    rho = check_number("rho", rho, DEFAULT_RHO * scale, above_zero=True, finite=False)
    lam = DEFAULT_TRANSPORT_WEIGHT * x0.shape[1] / scale
    lam = check_number("transport_weight", transport_weight, lam)

    with jax.enable_x64(True):
        knobs = objective_of(
            starts[0], lam, epsilon, rho, ridge, shrinkage, locked, covariance_type
        )
        run = CoupledEM(((x0, w0), (x1, w1)), centre, starts[0], knobs)
        run.warm_up(starts, random_state)
        history, converged = run.climb(max_steps, tol, callback)
        shares = [run.shares(side) for side in (0, 1)]
        k0 = start0.n_components
        params = run.state.params
        plan = initial_state(run.state.params, run.knobs, k0=k0, coupled=True)
    means = params.means + centre
    mixtures = [
        GaussianMixture(
            params.weights[part] / params.weights[part].sum(), means[part], params.covariances[part]
        )
        for part in (slice(None, k0), slice(k0, None))
    ]
    status = _status(len(history), tol, run.fall, converged=converged)
    if not converged:
        warnings.warn(status, ConvergenceWarning, stacklevel=2)
    return CoupledFit(
        source=mixtures[0],
        target=mixtures[1],
        coupling=np.asarray(plan.plan.coupling),
        costs=np.asarray(plan.costs),
        transport_cost=float(plan.plan.cost),
        shares_source=shares[0][0],
        shares_target=shares[1][0],
        log_likelihood=(shares[0][1], shares[1][1]),
        objective=float(history[-1]),
        converged=converged,
        status=status,
        history=np.asarray(history),
        n_steps=len(history),
        seconds=time.perf_counter() - began,
        parameters={
            "n_components": [start0.n_components, start1.n_components],
            "transport_weight": lam,
            "epsilon": epsilon,
            "rho": rho,
            "within_variance": scale,
            "ridge": ridge,
            "shrinkage": float(shrinkage),
            "covariance_type": covariance_type,
            "locked": locked,
            "max_steps": max_steps,
            "tol": tol,
            "random_state": random_state,
            "n_restarts": len(starts),
        },
    )


# Starts and sentences ---------------------------------------------------------------------------


def _status(n_steps: int, tol: float, fall: float, *, converged: bool) -> str:
    if converged:
        return f"converged after {n_steps} EM steps (objective rose by less than {tol:g})"
    if fall:
        return (
            f"not converged after {n_steps} EM steps: rounding of costs that are large beside "
            f"epsilon would lower the objective by {fall:.2g}; raise epsilon or drop far components"
        )
    return (
        f"not converged after {n_steps} EM steps: the objective still rises by more than {tol:g} "
        "per step; raise max_steps or tol"
    )


def _start(
    x0: Points,
    x1: Points,
    w0: np.ndarray | None,
    w1: np.ndarray | None,
    n_components: int | tuple[int, int] | None,
    init: GaussianMixture | tuple[GaussianMixture, GaussianMixture] | None,
    ridge: float,
    random_state: int,
) -> tuple[GaussianMixture, GaussianMixture]:
    n_points = (len(x0), len(x1))
    if init is not None:
        pair = (init, init) if isinstance(init, GaussianMixture) else init
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            msg = f"init must be a GaussianMixture or a pair of them, got {type(init).__name__}"
            raise TypeError(msg)
        first, second = (
            check_mixture(f"init of {side}", m, x0.shape[1])
            for side, m in zip(("source", "target"), pair, strict=True)
        )
        there = check_components((first.n_components, second.n_components), n_points)
        if n_components is not None and check_components(n_components, n_points) != there:
            msg = f"n_components {n_components} contradicts init; leave one of them out"
            raise ValueError(msg)
        return first, second
    from cgmm.mixture.initial import kmeans_mixtures

    counts = check_components(10 if n_components is None else n_components, n_points)
    return kmeans_mixtures(x0, x1, w0, w1, counts, ridge, random_state)
