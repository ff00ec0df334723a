"""The coupled fit: limits, identities, invariances, recovery, bad input."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.mixture import GaussianMixture as SklearnMixture

import cgmm as cg
from tests.coupled.problems import blobs, fit, mixture, pair

# The objective ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weight", "rho", "epsilon"),
    list(itertools.product([1e-4, 0.1, 10.0], [0.1, 1e4, np.inf], [1e-3, 10.0])),
)
def test_objective_never_falls(weight, rho, epsilon):
    x, y, *_ = pair(k=3, d=3, n=300, seed=3)
    x[:30] = x[0]
    counts = {"n_components": (5, 4)}
    result = fit(
        x.astype(np.float32), y, transport_weight=weight, rho=rho, epsilon=epsilon, **counts
    )
    assert np.isfinite(result.history).all()
    assert np.diff(result.history).min(initial=0) > -1e-7 * (1 + abs(result.objective))


def test_prior_and_ridge_keep_the_objective_rising_on_singular_data():
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(300, 2)) @ rng.normal(size=(2, 6))
    result = fit(flat, flat[::-1] + 1, n_components=4, transport_weight=0.1, shrinkage=1.0)
    assert np.diff(result.history).min(initial=0) > -1e-9 * (1 + abs(result.objective))
    assert np.linalg.eigvalsh(result.source.covariances).min() > 0


# Limits and identities ---------------------------------------------------------------


def test_without_transport_it_is_two_scikit_learn_fits():
    x, y, g, h = pair(n=1500)
    result = cg.fit_coupled(
        x, y, init=(g, h), transport_weight=0.0, ridge=1e-6, tol=1e-10, max_steps=2000
    )
    for points, ours, start, likelihood in (
        (x, result.source, g, result.log_likelihood[0]),
        (y, result.target, h, result.log_likelihood[1]),
    ):
        other = SklearnMixture(
            3,
            weights_init=start.weights,
            means_init=start.means,
            reg_covar=1e-6,
            tol=1e-12,
            precisions_init=np.linalg.inv(start.covariances),
            max_iter=2000,
        ).fit(points)
        np.testing.assert_allclose(ours.means, other.means_, atol=1e-3)
        np.testing.assert_allclose(ours.weights, other.weights_, atol=1e-4)
        assert likelihood == pytest.approx(other.score(points), abs=1e-6)


def test_mass_accounting_is_exact():
    x, y, *_ = pair()
    result = fit(x, y, n_components=(3, 4), transport_weight=0.1, rho=5.0)
    w, pi0, pi1 = result.coupling, result.source.weights, result.target.weights
    leave, enter = w.sum(1) / pi0, pi1 / w.sum(0)
    moved = w / w.sum(1, keepdims=True)
    np.testing.assert_allclose((pi0 * leave) @ moved * enter, pi1, atol=1e-12)


def test_swapping_the_sides_transposes_the_answer():
    x, y, g, h = pair()
    args = {"transport_weight": 0.1, "epsilon": 0.2, "rho": 3.0, "ridge": 1e-6}
    one = fit(x, y, init=(g, h), **args)
    two = fit(y, x, init=(h, g), **args)
    np.testing.assert_allclose(one.coupling, two.coupling.T, atol=1e-7)
    np.testing.assert_allclose(one.source.means, two.target.means, atol=1e-6)


def test_order_of_cells_and_of_components_changes_nothing():
    x, y, g, h = pair()
    args = {"transport_weight": 0.1, "epsilon": 0.2, "rho": 3.0, "ridge": 1e-6}
    one = fit(x, y, init=(g, h), **args)
    order = np.array([2, 0, 1])
    turned = cg.GaussianMixture(g.weights[order], g.means[order], g.covariances[order])
    shuffled = x[np.random.default_rng(0).permutation(len(x))]
    two = fit(shuffled, y, init=(turned, h), **args)
    np.testing.assert_allclose(one.coupling[order], two.coupling, atol=1e-8)


def test_rotation_and_translation_move_the_fit_along():
    x, y, g, h = pair()
    d = x.shape[1]
    rng = np.random.default_rng(5)
    q, t = np.linalg.qr(rng.normal(size=(d, d)))[0], 10 * rng.normal(size=d)

    def move(m):
        return cg.GaussianMixture(m.weights, m.means @ q.T + t, q @ m.covariances @ q.T)

    args = {"transport_weight": 0.1, "epsilon": 0.2, "rho": 3.0, "ridge": 1e-6}
    one = fit(x, y, init=(g, h), **args)
    two = fit(x @ q.T + t, y @ q.T + t, init=(move(g), move(h)), **args)
    np.testing.assert_allclose(two.source.means, one.source.means @ q.T + t, atol=1e-6)
    np.testing.assert_allclose(two.coupling, one.coupling, atol=1e-8)


def test_integer_weights_are_copies_of_points():
    x, y, g, h = pair(n=400)
    counts = np.random.default_rng(1).integers(0, 4, len(x))
    args = {"init": (g, h), "transport_weight": 0.05, "epsilon": 0.2, "rho": 3.0, "ridge": 1e-6}
    weighted = fit(x, y, weights_source=counts, **args)
    copied = fit(np.repeat(x, counts, axis=0), y, **args)
    np.testing.assert_allclose(weighted.source.means, copied.source.means, atol=1e-7)
    np.testing.assert_allclose(weighted.coupling, copied.coupling, atol=1e-8)


def test_locked_side_stays():
    x, y, g, h = pair()
    result = fit(x, y, init=(g, h), locked="source", transport_weight=0.5, rho=10.0)
    np.testing.assert_allclose(result.source.means, g.means, atol=1e-12)
    np.testing.assert_allclose(result.source.covariances, g.covariances, atol=1e-12)
    np.testing.assert_allclose(result.source.weights, g.weights, atol=1e-9)
    assert np.abs(result.target.means - h.means).max() > 1e-3


def test_heavy_transport_draws_the_sides_together():
    x, y, *_ = pair()
    gaps = []
    for weight in (0.0, 0.1, 10.0):
        result = fit(x, y, n_components=3, transport_weight=weight, rho=50.0, epsilon=0.05)
        gaps.append((result.coupling * result.costs).sum() / result.coupling.sum())
    assert gaps[0] > gaps[1] > gaps[2]


# Recovery ------------------------------------------------------------------------------


def test_finds_a_known_shift_and_a_known_change_of_prevalence():
    rng = np.random.default_rng(2)
    means = 6 * rng.normal(size=(5, 6))
    g = cg.GaussianMixture(np.full(5, 0.2), means, np.stack([np.eye(6)] * 5))
    truth = np.array([0.4, 0.1, 0.2, 0.2, 0.1])
    h = cg.GaussianMixture(truth, means + np.array([1.5, 0, 0, 0, 0, 0]), g.covariances)
    x, y = g.sample(4000, 0)[0], h.sample(4000, 1)[0]
    result = cg.fit_coupled(x, y, n_components=5, max_steps=300)
    assert result.converged
    best = result.coupling.argmax(1)
    assert sorted(best) == list(range(5))
    order = np.square(result.source.means[:, None] - means).sum(-1).argmin(1)
    np.testing.assert_allclose(result.shares_target[best], truth[order], atol=0.03)
    shift = result.target.means[best] - result.source.means
    np.testing.assert_allclose(shift, np.tile([1.5, 0, 0, 0, 0, 0], (5, 1)), atol=0.25)


def test_same_seed_same_bits():
    x, y, *_ = pair()
    one, two = (fit(x, y, n_components=4, random_state=3) for _ in range(2))
    np.testing.assert_array_equal(one.coupling, two.coupling)
    np.testing.assert_array_equal(one.history, two.history)


def test_stationary_point_of_the_tutorial(shared_data):
    z = np.load(shared_data / "tutorial_points.npz")
    start = cg.GaussianMixture(*(z[k].astype(float) for k in ("pw", "pm", "pc")))
    result = cg.fit_coupled(
        z["X0"],
        z["X1"],
        init=start,
        transport_weight=0.1,
        epsilon=0.01,
        rho=1.0,
        ridge=1e-9,
        tol=1e-9,
    )
    assert result.objective == pytest.approx(-7.26315358, abs=2e-8)
    np.testing.assert_allclose(result.source.weights, [0.19662, 0.59929, 0.20409], atol=1e-5)
    np.testing.assert_allclose(result.target.weights, [0.38233, 0.21815, 0.39952], atol=1e-5)
    np.testing.assert_allclose(np.diag(result.coupling), [0.14872, 0.26797, 0.18227], atol=1e-5)


# Forms of the covariances --------------------------------------------------------------


@pytest.mark.parametrize("kind", ["full", "diag", "tied"])
def test_without_transport_every_form_is_two_scikit_learn_fits(kind):
    x, y = blobs()
    result = cg.fit_coupled(
        x, y, n_components=3, covariance_type=kind, transport_weight=0.0, ridge=1e-6, tol=1e-9,
        max_steps=500,
    )  # fmt: skip
    for points, found in ((x, result.log_likelihood[0]), (y, result.log_likelihood[1])):
        peer = SklearnMixture(3, covariance_type=kind, n_init=3, tol=1e-9, max_iter=500)
        peer.set_params(random_state=0)
        assert found == pytest.approx(peer.fit(points).score(points), abs=1e-4)


@pytest.mark.parametrize("rho", [1.0, np.inf])
@pytest.mark.parametrize("kind", ["diag", "tied"])
def test_every_form_keeps_its_form_and_a_rising_objective(kind, rho):
    x, y = blobs()
    for weight in (0.01, 1.0):
        result = fit(
            x, y, n_components=(3, 4), covariance_type=kind, transport_weight=weight, rho=rho,
            epsilon=0.1, shrinkage=0.3,
        )  # fmt: skip
        assert np.diff(result.history).min(initial=0) > -1e-9 * (1 + abs(result.objective))
        for m in (result.source, result.target):
            if kind == "diag":
                np.testing.assert_array_equal(m.covariances, m.covariances * np.eye(m.n_dims))
            else:
                np.testing.assert_array_equal(m.covariances[0], m.covariances[-1])


def test_a_locked_side_must_have_the_form():
    x, y = blobs()
    start = fit(x, y, n_components=3)
    with pytest.raises(ValueError, match="does not hold for init of the locked source"):
        cg.fit_coupled(
            x, y, init=(start.source, start.target), locked="source", covariance_type="diag"
        )


# The outcome ------------------------------------------------------------------------------


def test_global_flags_stay_as_they_were():
    x, y, *_ = pair(n=100)
    before = jax.config.jax_enable_x64
    fit(x, y, n_components=2, max_steps=2)
    assert jax.config.jax_enable_x64 == before
    assert jnp.zeros(1).dtype == jnp.float32


# Convergence as a value, and bad input -----------------------------------------------------


def test_convergence_is_a_sentence():
    x, y, *_ = pair()
    done = cg.fit_coupled(x, y, n_components=3, tol=1e-3)
    assert done.converged
    assert "converged after" in done.status
    with pytest.warns(cg.ConvergenceWarning, match="not converged after 2 EM steps"):
        short = cg.fit_coupled(x, y, n_components=3, tol=1e-12, max_steps=2)
    assert not short.converged
    assert short.n_steps == len(short.history) == 2
    assert "3 source and 3 target" in repr(short)


GOOD = np.random.default_rng(0).normal(size=(50, 3))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"points_source": GOOD[:, 0]}, "points_source must be two-dimensional"),
        ({"points_target": GOOD[:, :2]}, "3 columns but points_target has 2"),
        ({"points_source": np.where(np.arange(50)[:, None] == 3, np.nan, GOOD)}, "NaN or infinite"),
        ({"points_target": np.where(np.arange(50)[:, None] < 2, np.inf, GOOD)}, "in 2 of 50 rows"),
        ({"points_source": GOOD[:0]}, "points_source is empty"),
        ({"n_components": 51}, "fewer than 51 components"),
        ({"n_components": 0}, "n_components must be a whole number of at least 1"),
        ({"weights_source": -np.ones(50)}, "weights_source must be finite, non-negative"),
        ({"weights_target": np.zeros(50)}, "weights_target must be finite, non-negative"),
        ({"weights_target": np.ones(49)}, r"weights_target must have shape \(50,\)"),
        ({"rho": -1.0}, "rho must be positive, got -1"),
        ({"epsilon": 0.0}, "epsilon must be positive and finite, got 0"),
        ({"transport_weight": -0.1}, "transport_weight must be at least 0"),
        ({"transport_weight": np.nan}, "transport_weight must be"),
        ({"ridge": -1.0}, "ridge must be positive"),
        ({"shrinkage": -1.0}, "shrinkage must be at least 0"),
        ({"covariance_type": "round"}, "covariance_type must be"),
        ({"locked": "source"}, "needs init"),
        ({"init": mixture(2, 4, 0)}, "init of source has 4 dimensions, the points have 3"),
        ({"init": mixture(2, 3, 0), "n_components": 3}, "contradicts init"),
    ],
)
def test_bad_input_is_named(change, words):
    args = {"points_source": GOOD, "points_target": GOOD} | change
    with pytest.raises(ValueError, match=words):
        cg.fit_coupled(**args)


def test_more_components_than_distinct_points_survive():
    x = np.repeat(np.array([[0.0, 0.0], [5.0, 5.0]]), 20, axis=0)
    result = fit(x, x, n_components=4, transport_weight=0.1)
    assert np.isfinite(result.objective)
    assert np.isfinite(result.coupling).all()
