"""The differentiable cost between two mixtures: gradients, precision, batches, OTT."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cgmm as cg
from cgmm.coupled.cost import transport_cost
from tests.coupled.problems import mixture


@pytest.mark.parametrize("rho", [2.0, np.inf])
def test_gradient_agrees_with_finite_differences(rho):
    d, k0, k1 = 30, 3, 2
    g, h = mixture(k0, d, 1, spread=1.0), mixture(k1, d, 2, spread=1.0)
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        arrays = [jax.tree.map(jnp.asarray, m) for m in (g, h)]

        def cost(a, b):
            return transport_cost(a, b, epsilon=5.0, rho=rho)[0]

        slopes = jax.jit(jax.grad(cost, argnums=(0, 1)))(*arrays)
        for side in (0, 1):
            noise = rng.normal(size=arrays[side].covariances.shape)
            weights = rng.normal(size=arrays[side].weights.shape)
            directions = {
                "means": rng.normal(size=arrays[side].means.shape),
                "covariances": noise + noise.swapaxes(1, 2),
                "weights": weights - weights.mean(),
            }
            for name, direction in directions.items():
                values = []
                for sign in (1, -1):
                    value = getattr(arrays[side], name) + sign * 1e-5 * jnp.asarray(direction)
                    moved = {
                        n: value if n == name else getattr(arrays[side], n)
                        for n in ("weights", "means", "covariances")
                    }
                    both = list(arrays)
                    both[side] = cg.GaussianMixture(**moved)
                    values.append(float(cost(*both)))
                expected = (values[0] - values[1]) / 2e-5
                found = float((getattr(slopes[side], name) * jnp.asarray(direction)).sum())
                assert found == pytest.approx(expected, rel=2e-5, abs=1e-6), (side, name)


def test_cost_runs_in_single_precision_and_under_vmap():
    g, h = mixture(3, 4, 1), mixture(2, 4, 2)
    one = [jax.tree.map(lambda a: jnp.asarray(a, jnp.float32), m) for m in (g, h)]
    alone = transport_cost(*one, epsilon=1.0, rho=5.0)[0]
    assert alone.dtype == jnp.float32
    stacked = jax.tree.map(lambda a: jnp.stack([a, a]), one[1])
    both = jax.vmap(lambda b: transport_cost(one[0], b, epsilon=1.0, rho=5.0)[0])(stacked)
    np.testing.assert_allclose(both, [alone, alone], rtol=1e-4)
    with jax.enable_x64(True):
        exact = transport_cost(g, h, epsilon=1.0, rho=5.0)[0]
    assert float(alone) == pytest.approx(float(exact), rel=1e-3)


def test_a_penalty_that_is_not_positive_is_an_error():
    g = mixture(2, 3, 0)
    with pytest.raises(ValueError, match="epsilon must be positive and finite, got 0"):
        transport_cost(g, g, epsilon=0.0, rho=1.0)
    with pytest.raises(ValueError, match="source has 3"):
        transport_cost(g, mixture(2, 4, 0), epsilon=1.0, rho=1.0)


def ott(costs, a, b, epsilon, rho):
    """Coupling of OTT, whose entropy is against the counting measure."""
    from ott.geometry import geometry
    from ott.problems.linear import linear_problem
    from ott.solvers.linear import sinkhorn

    tau = 1.0 if np.isinf(rho) else rho / (rho + epsilon)
    with (
        jax.enable_x64(True),
        jax.numpy_dtype_promotion("standard"),
        jax.numpy_rank_promotion("allow"),
    ):
        geom = geometry.Geometry(cost_matrix=jnp.asarray(costs), epsilon=epsilon)
        problem = linear_problem.LinearProblem(geom, jnp.asarray(a), jnp.asarray(b), tau, tau)
        solved = sinkhorn.Sinkhorn(threshold=1e-10, max_iterations=50_000)(problem)
        return np.asarray(solved.matrix)


def squared_distances(g, h):
    """Costs of components whose covariances are equal."""
    return np.square(g.means[:, None] - h.means).sum(-1)


def alike(k: int, seed: int) -> cg.GaussianMixture:
    rng = np.random.default_rng(seed)
    return cg.GaussianMixture(
        rng.dirichlet(np.ones(k)), rng.normal(size=(k, 2)), np.tile(np.eye(2), (k, 1, 1))
    )


def test_ott_takes_the_entropy_against_another_measure():
    """The page "Coming from another method" states the relation that is tested here."""
    pytest.importorskip("ott")
    g, h, epsilon, rho = alike(3, 0), alike(3, 1), 0.5, 2.0
    a, b = g.weights, h.weights
    costs = squared_distances(g, h)
    with jax.enable_x64(True):
        coupling = np.asarray(transport_cost(g, h, epsilon=epsilon, rho=rho)[1])
    matrix = ott(costs, a, b, epsilon, rho)
    assert abs(matrix.sum() - coupling.sum()) > 0.01
    shifted = ott(costs - epsilon * np.log(a[:, None] * b), a, b, epsilon, rho)
    np.testing.assert_allclose(shifted, coupling, atol=1e-7)
    # balanced: the same coupling without any shift
    with jax.enable_x64(True):
        balanced = np.asarray(transport_cost(g, h, epsilon=epsilon, rho=np.inf)[1])
    np.testing.assert_allclose(ott(costs, a, b, epsilon, np.inf), balanced, atol=1e-7)
