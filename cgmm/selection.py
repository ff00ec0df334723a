"""Fit without tuning: where to start, how many components, and which penalties.

Started from clusters of each condition by itself (Leiden on a neighbour graph, Traag, Waltman &
van Eck 2019, Sci. Rep. 9), so that nothing is integrated away, and refined by the coupled fit with
covariances drawn towards the shape that the components of a side share.  All penalties are in
units of the variance within components, so that one set of defaults serves principal components,
latent spaces of neural networks and cytometry markers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from .coupled import CoupledFit, fit_coupled, within_variance
from .mixture import GaussianMixture
from .start import kmeans_mixtures, leiden_mixture

RESOLUTION = 1.0
MIN_CELLS = 20
SHRINKAGE = 1.0
TRANSPORT_WEIGHT = 0.01
RHO = 1.0
EPSILON = 0.2
RIDGE = 1e-3


def fit_automatic(
    x0: np.ndarray,
    x1: np.ndarray,
    *,
    weights_source: np.ndarray | None = None,
    weights_target: np.ndarray | None = None,
    n_components: int | tuple[int, int] | None = None,
    rho: float | None = None,
    epsilon: float | None = None,
    transport_weight: float | None = None,
    max_steps: int = 500,
    tol: float = 1e-5,
    random_state: int = 0,
    progress: Callable[[int, float], None] | None = None,
) -> CoupledFit:
    """Fit with a start found in the data and scale-free defaults for what is left open.

    Parameters
    ----------
    x0, x1
        Points of source (N0, D) and target (N1, D).
    weights_source, weights_target
        Weights of the points, for instance so that donors count equally.
    n_components
        Number of components or a pair; None: the clusters that Leiden finds on each side.
    rho, epsilon
        Penalties in units of the variance within components (see ``within_variance`` in the
        parameters of the result).
    transport_weight
        ``lambda`` of the objective, per mean variance of a dimension within components.
    max_steps, tol, random_state
        As in :func:`cgmm.fit_coupled`.
    progress
        Called with the step and the objective after every E-step.

    Returns
    -------
    CoupledFit
        With ``reasons`` for every parameter that was None.
    """
    reasons: dict[str, str] = {}
    ridge = RIDGE * 0.5 * float(np.var(x0, axis=0).mean() + np.var(x1, axis=0).mean())
    start = _start(
        x0, x1, weights_source, weights_target, n_components, ridge, random_state, reasons
    )
    unit = within_variance(*start)
    chosen = {
        "rho": (
            rho,
            RHO,
            "the further a subpopulation moves beyond the spread of a component, the more of it "
            "the coupling gives up",
        ),
        "epsilon": (
            epsilon,
            EPSILON,
            "matches closer than a fraction of the spread of a component are not told apart",
        ),
    }
    values = {}
    for name, (given, default, why) in chosen.items():
        values[name] = (default if given is None else given) * unit
        if given is None:
            reasons[name] = f"{default:g} times the variance within components: {why}"
    if transport_weight is None:
        transport_weight = TRANSPORT_WEIGHT
        reasons["transport_weight"] = (
            f"{TRANSPORT_WEIGHT:g}: enough to keep matched components together, too little to move "
            "what the data determine"
        )
    fit = fit_coupled(
        x0,
        x1,
        init=start,
        weights_source=weights_source,
        weights_target=weights_target,
        transport_weight=transport_weight * x0.shape[1] / unit,
        ridge=ridge,
        shrinkage=SHRINKAGE,
        max_steps=max_steps,
        tol=tol,
        random_state=random_state,
        callback=progress,
        rho=values["rho"],
        epsilon=values["epsilon"],
    )
    reasons["shrinkage"] = (
        f"{SHRINKAGE:g}: a component of average size lies half way between its own shape and the "
        "shape that its side shares"
    )
    return replace(fit, reasons=reasons)


def _start(
    x0: np.ndarray,
    x1: np.ndarray,
    w0: np.ndarray | None,
    w1: np.ndarray | None,
    n_components: int | tuple[int, int] | None,
    ridge: float,
    random_state: int,
    reasons: dict[str, str],
) -> tuple[GaussianMixture, GaussianMixture]:
    if n_components is not None:
        k0, k1 = np.broadcast_to(n_components, 2)
        return kmeans_mixtures(x0, x1, w0, w1, (int(k0), int(k1)), ridge, random_state)
    source, target = (
        leiden_mixture(x, w, RESOLUTION, MIN_CELLS, ridge, random_state)
        for x, w in ((x0, w0), (x1, w1))
    )
    reasons["n_components"] = (
        f"{source.n_components} and {target.n_components}: the clusters that Leiden finds in "
        f"source and target at resolution {RESOLUTION:g}"
    )
    return source, target
