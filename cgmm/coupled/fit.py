r"""Coupled fit of two Gaussian mixtures to two weighted point clouds.

Maximises, over both mixtures ``g0 = (pi0, m0, S0)`` and ``g1``,

.. math:: L(g_0; X_0) + L(g_1; X_1) - \lambda\, UW(g_0, g_1),                \tag{P}

where ``L`` is the mean log likelihood per unit of weight and ``UW`` the unbalanced transport cost
between the components at squared Wasserstein distances (:func:`cgmm.transport_cost`).  With
``rho = inf`` this is the pair of mixtures coupled by MW2 of Delon & Desolneux (2020, SIAM J.
Imaging Sci. 13, section 6).  Pairs of mixtures with unbalanced transport were first fitted in the
tutorial "Fitting coupled GMMs" of OTT-JAX (Cuturi et al. 2022), whose entropy has another reference
measure (:func:`cgmm.transport_cost`).

The maximum is found by expectation-maximisation (:mod:`cgmm.coupled.em`): a streamed E-step
(:mod:`cgmm.mixture.e_step`) and a closed-form M-step on the moments (:mod:`cgmm.coupled.m_step`).
Ridge and prior of the M-step are part of the objective, and no step lowers the objective.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple, get_args

import numpy as np

from cgmm._utils.arguments import (
    check_callable,
    check_components,
    check_number,
    check_seed,
    check_whole,
)
from cgmm._utils.blas import one_thread
from cgmm.coupled.em import Climb, CoupledEM, WeightedSide
from cgmm.coupled.objective import as_kind, objective_of, within_variance
from cgmm.coupled.outcome import Outcome
from cgmm.coupled.result import CoupledFit
from cgmm.coupled.shares import maximum_likelihood_shares
from cgmm.coupled.state import initial_state
from cgmm.mixture.checks import check_mixture, check_points
from cgmm.mixture.chunked import column_moments
from cgmm.mixture.features import Kind
from cgmm.mixture.gaussian_mixture import GaussianMixture
from cgmm.pair import SIDES, Pair, Side, halves

DEFAULT_COMPONENTS = 10
DEFAULT_TRANSPORT_WEIGHT = 0.01
DEFAULT_RHO = 1.0
DEFAULT_EPSILON = 0.05
DEFAULT_RIDGE = 1e-6

Mixtures = tuple[GaussianMixture, GaussianMixture]


class ConvergenceWarning(UserWarning):
    """A fit stopped before it converged."""


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
    r"""Fit two Gaussian mixtures that are coupled by unbalanced transport.

    Parameters
    ----------
    points_source, points_target
        Arrays of shapes (N0, D) and (N1, D), finite.  A Dask array is never loaded as a whole:
        every pass over the points reads its chunks where they are (:mod:`cgmm.mixture.chunked`).
    n_components
        Number of components of each side, or a pair (K0, K1).  None: the numbers of ``init``; 10
        without ``init``.
    weights_source, weights_target
        Non-negative weights of the points, shapes (N0,) and (N1,); only ratios matter.
        None: equal.
    init
        Starting mixture for both sides, or a pair of starting mixtures.  None: k-means of both
        sides together when K0 = K1, so that component k starts at the same position on both sides;
        else k-means of each side.
    transport_weight
        ``lambda`` in (P).  None: 0.01 divided by the mean variance of a dimension within
        components, which gives costs and log likelihoods similar units.  Zero: two independent
        mixtures are fitted and coupled afterwards.
    epsilon, rho
        Entropy and marginal penalty, in squared units of the points.  None: 0.05 and 1 times the
        mean trace of the starting covariances.  ``rho = inf`` is balanced transport.
    covariance_type
        "full", "diag" (diagonal) or "tied" (one full matrix per side).  With "tied", a pass over
        the points costs D + 1 instead of D (D + 3) / 2 products per point and component.
    locked
        "source" or "target": this side stays as given by ``init``.  None: both sides are fitted.
    ridge
        Variance of isotropic measurement noise, a lower limit of all covariances.  None: 1e-6 times
        the mean variance of the points.
    shrinkage
        Strength of the prior that draws each covariance towards the mean covariance of its side at
        the start.  At 1, the covariance of a component of average size lies half way between its
        own scatter and this mean.
    max_steps, tol
        Largest number of passes over all points.  The fit has converged when an EM step raises the
        objective (nats per cell) by less than ``tol``.
    random_state
        Seed of k-means and of subsamples.
    callback
        Called with the number of steps taken and the objective, at the start (step 0) and after
        every step that is taken.
    n_restarts
        Number of starts from k-means, with seeds from ``random_state`` on.  The start with the
        highest objective after some EM steps is used.  No effect with ``init``.

    Returns
    -------
    CoupledFit

    Raises
    ------
    TypeError, ValueError
        When points are not finite two-dimensional arrays with the same number of columns, a side is
        empty or has fewer points than components, weights are negative or all zero, or another
        argument has a wrong type or is out of range.

    Warns
    -----
    ConvergenceWarning
        When ``max_steps`` is reached before convergence, or when rounding of large costs prevents
        convergence.

    Examples
    --------
    >>> drawn = cg.simulate.points(n_components=2, n_dims=2, n_cells=400, log2_change=[1, 0])
    >>> before, after = (drawn.points[drawn.condition == side] for side in ("source", "target"))
    >>> fit = cg.fit_coupled(before, after, n_components=2)
    >>> fit.converged, fit.coupling.shape
    (True, (2, 2))
    """
    began = time.perf_counter()
    data = (
        check_points("source", points_source, weights_source),
        check_points("target", points_target, weights_target),
    )
    max_steps, random_state, n_restarts = _check_arguments(
        data,
        covariance_type=covariance_type,
        init=init,
        locked=locked,
        shrinkage=shrinkage,
        tol=tol,
        max_steps=max_steps,
        random_state=random_state,
        n_restarts=n_restarts,
        callback=callback,
        epsilon=epsilon,
        rho=rho,
        transport_weight=transport_weight,
    )
    centre, variance = _centre_and_variance(data)
    ridge = check_number("ridge", ridge, DEFAULT_RIDGE * variance, above_zero=True)
    seeds = range(random_state, random_state + (n_restarts if init is None else 1))
    starts = [
        _in_form(_start(data, n_components, init, ridge, seed), covariance_type, locked)
        for seed in seeds
    ]
    scale = within_variance(*starts[0])
    epsilon = check_number("epsilon", epsilon, DEFAULT_EPSILON * scale, above_zero=True)
    rho = check_number("rho", rho, DEFAULT_RHO * scale, above_zero=True, finite=False)
    default = DEFAULT_TRANSPORT_WEIGHT * len(centre) / scale
    lam = check_number("transport_weight", transport_weight, default)
    penalties = (lam, epsilon, rho, ridge, shrinkage)
    objective = objective_of(starts[0], *penalties, locked, covariance_type)
    em = CoupledEM(data, centre, starts[0], objective, tol)
    em.warm_up(starts, random_state)
    climb = em.climb(max_steps, tol, callback)
    fit = CoupledFit(
        **_results(em, climb, tol),
        seconds=time.perf_counter() - began,
        parameters={
            "n_components": [m.n_components for m in starts[0]],
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
    if not fit.converged:
        warnings.warn(fit.status, ConvergenceWarning, stacklevel=2)
    return fit


class _Counts(NamedTuple):
    """Arguments that are whole numbers, as Python's ``int``."""

    max_steps: int
    random_state: int
    n_restarts: int


def _check_arguments(
    data: tuple[WeightedSide, WeightedSide],
    *,
    covariance_type: Any,
    init: Any,
    locked: Any,
    shrinkage: Any,
    tol: Any,
    max_steps: Any,
    random_state: Any,
    n_restarts: Any,
    callback: Any,
    epsilon: Any,
    rho: Any,
    transport_weight: Any,
) -> _Counts:
    """Raise a ValueError or TypeError for the first argument that is not valid; return the counts.

    ``epsilon``, ``rho`` and ``transport_weight`` have defaults that depend on the start.  Given
    values are checked here already, because the start takes time.
    """
    (x0, _), (x1, _) = data
    if x0.shape[1] != x1.shape[1]:
        msg = f"points_source has {x0.shape[1]} columns but points_target has {x1.shape[1]}"
        raise ValueError(msg)
    if covariance_type not in get_args(Kind):
        msg = f"covariance_type must be one of {get_args(Kind)}, got {covariance_type!r}"
        raise ValueError(msg)
    if locked is not None and (locked not in SIDES or init is None):
        msg = f"locked must be 'source' or 'target' and needs init for that side, got {locked!r}"
        raise ValueError(msg)
    check_number("shrinkage", shrinkage, 0.0)
    check_number("tol", tol, 0.0)
    counts = _Counts(
        check_whole("max_steps", max_steps, 1),
        check_seed(random_state),
        check_whole("n_restarts", n_restarts, 1),
    )
    check_callable("callback", callback)
    check_number("epsilon", epsilon, 1.0, above_zero=True)
    check_number("rho", rho, 1.0, above_zero=True, finite=False)
    check_number("transport_weight", transport_weight, 1.0)
    return counts


def _centre_and_variance(data: tuple[WeightedSide, WeightedSide]) -> tuple[np.ndarray, float]:
    """Return the midpoint of the two means (D,), and the mean variance of a dimension."""
    (mean0, var0), (mean1, var1) = (column_moments(x, w) for x, w in data)
    variance = (0.5 * (var0 + var1) + 0.25 * (mean1 - mean0) ** 2).mean()
    return 0.5 * (mean0 + mean1), float(variance) or 1.0


def _start(
    data: tuple[WeightedSide, WeightedSide],
    n_components: int | tuple[int, int] | None,
    init: Any,
    ridge: float,
    random_state: int,
) -> Mixtures:
    """Return the starting mixtures: ``init``, checked, or mixtures from k-means."""
    (x0, w0), (x1, w1) = data
    n_points = (len(x0), len(x1))
    if init is not None:
        pair = (init, init) if isinstance(init, GaussianMixture) else init
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            msg = f"init must be a GaussianMixture or a pair of them, got {type(init).__name__}"
            raise TypeError(msg)
        first, second = (
            check_mixture(f"init of {side}", m, x0.shape[1])
            for side, m in zip(SIDES, pair, strict=True)
        )
        there = check_components((first.n_components, second.n_components), n_points)
        if n_components is not None and check_components(n_components, n_points) != there:
            msg = f"n_components {n_components} contradicts init; leave one of them out"
            raise ValueError(msg)
        return first, second
    from cgmm.mixture.initial import kmeans_mixtures  # loads scikit-learn

    wanted = DEFAULT_COMPONENTS if n_components is None else n_components
    return kmeans_mixtures(x0, x1, w0, w1, check_components(wanted, n_points), ridge, random_state)


def _in_form(start: Mixtures, kind: Kind, locked: Side | None) -> Mixtures:
    """Return both mixtures with covariances in the form of the fit."""
    source, target = (
        as_kind(m, kind, side, locked=locked == side) for side, m in zip(SIDES, start, strict=True)
    )
    return source, target


def _results(em: CoupledEM, climb: Climb, tol: float) -> dict[str, Any]:
    """Return the fields of a CoupledFit that follow from the last state of EM."""
    k0, params, n_steps = climb.state.n_source, climb.state.params, len(climb.history)
    shares = maximum_likelihood_shares(em.cells, em.centre, climb.state, em.objective)
    # the state of the fit does not have the exact costs of pairs that cannot couple, and it has no
    # transport when the transport weight is zero
    exact = initial_state(params, em.objective, k0=k0, coupled=True)
    mixtures = Pair(
        *(
            GaussianMixture(weight / weight.sum(), mean, covariance)
            for weight, mean, covariance in zip(
                halves(params.weights, k0),
                halves(params.means + em.centre, k0),
                halves(params.covariances, k0),
                strict=True,
            )
        )
    )
    return {
        "source": mixtures.source,
        "target": mixtures.target,
        "coupling": np.asarray(exact.plan.coupling),
        "costs": np.asarray(exact.costs),
        "transport_cost": float(exact.plan.cost),
        "shares_source": shares.source.shares,
        "shares_target": shares.target.shares,
        "log_likelihood": (shares.source.log_likelihood, shares.target.log_likelihood),
        "objective": float(climb.history[-1]),
        "converged": climb.outcome is Outcome.CONVERGED,
        "status": climb.outcome.sentence(n_steps=n_steps, tol=tol, decrease=climb.decrease),
        "history": np.asarray(climb.history),
        "n_steps": n_steps,
    }
