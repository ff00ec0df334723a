r"""Transport cost between two mixtures, differentiable in all their parameters.

The ground cost is the squared Wasserstein distance between components
(:mod:`cgmm.transport.gaussians`).  The transport is unbalanced (:mod:`cgmm.transport.solver`).  At
``rho = inf`` and ``epsilon -> 0`` the cost is the squared MW2 of Delon & Desolneux (2020, SIAM J.
Imaging Sci. 13, eq. 4.4).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cgmm._utils.arguments import check_number
from cgmm.mixture.checks import check_mixture
from cgmm.mixture.gaussian_mixture import GaussianMixture
from cgmm.transport import gaussians, solver


def transport_cost(
    source: GaussianMixture, target: GaussianMixture, *, epsilon: float, rho: float
) -> tuple[jax.Array, jax.Array]:
    """Return the unbalanced transport cost between two mixtures, and the optimal coupling.

    Parameters
    ----------
    source, target
        Mixtures of K0 and K1 components in D dimensions.
    epsilon, rho
        Entropy and marginal penalty, in squared units of the means; ``rho = inf``: balanced.

    Returns
    -------
    ``UW`` (scalar) and ``W`` of shape (K0, K1).  ``UW`` is differentiable in all parameters of
    both mixtures; ``W`` is not differentiable.

    Raises
    ------
    TypeError, ValueError
        When a penalty is not positive, or a mixture is not valid.

    Notes
    -----
    The derivative of ``UW`` is 2 sum_l W_kl (m_k - m_l) by a mean, sum_l W_kl (I - A_kl) by a
    covariance (Bhatia, Jain & Lim 2019), and (1 + eps/rho) h(f_k) - eps by a weight.  The reference
    measure of the entropy is the product of the weights.  OTT-JAX uses the counting measure: the
    unbalanced coupling of OTT-JAX at costs ``C`` is the coupling of this function at costs
    ``C + epsilon log(a_k b_l)``.

    Examples
    --------
    >>> one = cg.GaussianMixture(np.ones(1), np.zeros((1, 2)), np.eye(2)[None])
    >>> two = cg.GaussianMixture(np.ones(1), np.full((1, 2), 3.0), np.eye(2)[None])
    >>> cost, coupling = cg.transport_cost(one, two, epsilon=0.1, rho=np.inf)
    >>> round(float(cost), 3), coupling.shape
    (18.0, (1, 1))
    """
    epsilon = check_number("epsilon", epsilon, 1.0, above_zero=True)
    rho = check_number("rho", rho, 1.0, above_zero=True, finite=False)
    check_mixture("source", source)
    check_mixture("target", target, source.n_dims, "source has")
    arrays = [jax.tree.map(_floating, m) for m in (source, target)]
    return _cost_and_plan(*arrays, epsilon, 0.0 if np.isinf(rho) else 1 / rho)


def _floating(array: Any) -> jax.Array:
    array = jnp.asarray(array)
    return array if jnp.issubdtype(array.dtype, jnp.floating) else array.astype(float)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _cost_and_plan(
    source: GaussianMixture, target: GaussianMixture, epsilon: float, inv_rho: float
) -> tuple[jax.Array, jax.Array]:
    return _cost_forward(source, target, epsilon, inv_rho)[0]


@jax.jit
def _cost_forward(
    source: GaussianMixture, target: GaussianMixture, epsilon: Any, inv_rho: Any
) -> tuple[tuple[jax.Array, jax.Array], tuple]:
    joined = jnp.concatenate([source.covariances, target.covariances])
    k0 = source.covariances.shape[0]
    roots = gaussians.roots(joined)
    pairs = gaussians.pair_roots(roots.root[:k0], target.covariances)
    costs = gaussians.wasserstein_costs(
        source.means, target.means, source.covariances, target.covariances, pairs.fidelity
    )
    dtype = costs.dtype
    penalties = jnp.asarray(epsilon, dtype), jnp.asarray(inv_rho, dtype)
    plan = solver.solve(
        solver.Problem(costs, source.weights, target.weights, *penalties),
        jnp.zeros(costs.shape[0], dtype),
        jnp.zeros(costs.shape[1], dtype),
        tol=1e-11 if dtype == jnp.float64 else 1e-5,
    )
    return (plan.cost, plan.coupling), (source, target, roots, pairs, plan)


def _cost_backward(epsilon: float, inv_rho: float, saved: tuple, seed: tuple) -> tuple:
    """Return the derivative of ``UW`` at fixed optimal coupling, by the envelope theorem."""
    source, target, roots, pairs, plan = saved
    slope = seed[0]
    w, k0, d = plan.coupling, plan.coupling.shape[0], source.means.shape[1]
    leave, enter = w.sum(1), w.sum(0)
    forth, back = gaussians.sum_of_maps_traced(
        gaussians.Roots(*(part[:k0] for part in roots)), pairs, w
    )
    eye = jnp.eye(d, dtype=w.dtype)[None]
    grow = [
        (1 + epsilon * inv_rho) * solver.gain(f, jnp.asarray(inv_rho, w.dtype)) - epsilon
        for f in (plan.f, plan.g)
    ]
    return (
        GaussianMixture(
            slope * grow[0],
            slope * 2 * (leave[:, None] * source.means - w @ target.means),
            slope * (leave[:, None, None] * eye - forth),
        ),
        GaussianMixture(
            slope * grow[1],
            slope * 2 * (enter[:, None] * target.means - w.T @ source.means),
            slope * (enter[:, None, None] * eye - back),
        ),
    )


_cost_and_plan.defvjp(_cost_forward, _cost_backward)
