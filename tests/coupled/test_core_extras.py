"""Forms of covariances, restarts, extrapolated steps, balanced weights, repeatability."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path

import jax
import numpy as np
import pytest
from sklearn.mixture import GaussianMixture as SklearnMixture

import cgmm as cg
from cgmm.coupled import em, weights
from cgmm.coupled.balanced_weights import balanced_weights
from cgmm.transport import warm_start

ROOT = Path(__file__).resolve().parents[2]


def blobs(n: int = 600, k: int = 3, d: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    centres = 4 * rng.normal(size=(k, d))
    x = centres[rng.integers(k, size=n)] + rng.normal(size=(n, d)) * np.linspace(0.5, 2, d)
    y = centres[rng.integers(k, size=n)] + rng.normal(size=(n, d)) + 0.5
    return x, y


def fit(x, y, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cg.ConvergenceWarning)
        return cg.fit_coupled(x, y, **({"n_components": 3, "tol": 0.0, "max_steps": 15} | kwargs))


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
    start = fit(x, y)
    with pytest.raises(ValueError, match="does not hold for init of the locked source"):
        cg.fit_coupled(
            x, y, init=(start.source, start.target), locked="source", covariance_type="diag"
        )


def test_restarts_never_lose():
    x, y = blobs(k=6)
    args = {"n_components": 6, "transport_weight": 0.01, "max_steps": 300, "tol": 1e-7}
    one, five = (fit(x, y, **args, n_restarts=n) for n in (1, 5))
    assert five.objective >= one.objective - 1e-3
    with pytest.raises(ValueError, match="n_restarts must be a whole number of at least 1"):
        fit(x, y, n_restarts=0)


def test_extrapolation_and_subsample_end_where_plain_steps_end(monkeypatch):
    x, y = blobs(n=3000)
    args = {"transport_weight": 0.02, "epsilon": 0.3, "rho": 5.0, "tol": 1e-10, "max_steps": 2000}
    fast = fit(x, y, **args)
    monkeypatch.setattr(em, "SUBSAMPLE", 500)
    monkeypatch.setattr(em, "SUBSAMPLE_ABOVE", 1000)
    part = fit(x, y, **args)
    monkeypatch.setattr(em, "SUBSAMPLE_ABOVE", 10**9)
    monkeypatch.setattr(em, "MAX_EXTRAPOLATION", 1.0)
    plain = fit(x, y, **args)
    for other in (fast, part):
        assert other.objective == pytest.approx(plain.objective, abs=1e-6)
        assert np.diff(other.history).min() > -1e-9


def test_balanced_weights_are_stationary_and_beat_their_neighbours():
    rng = np.random.default_rng(0)
    k, lam, epsilon = 6, 0.1, 0.05
    costs = rng.uniform(0, 20, (k, k))
    mass = np.concatenate([rng.dirichlet(np.ones(k)), rng.dirichlet(np.ones(k))])
    zero = np.float64(0.0)

    def value(pi):
        plan = warm_start.solve_near(costs, pi, np.float64(epsilon), zero, np.zeros(2 * k))
        return (mass * np.log(pi)).sum() - lam * plan.cost

    found, _ = balanced_weights(
        mass, np.full(2 * k, 1 / k), costs, np.zeros(2 * k), lam=lam, epsilon=epsilon,
        free=np.ones(2 * k, bool), smallest=1e-12,
    )  # fmt: skip
    best = value(found)
    for _ in range(40):
        scores = np.log(found) + 0.02 * rng.normal(size=2 * k)
        assert value(weights.normalised(scores, k)) < best + 1e-12


def test_a_new_number_of_cells_compiles_nothing(caplog):
    x, y = blobs(n=900)
    fit(x, y, max_steps=3)
    with caplog.at_level(logging.WARNING), jax.log_compiles(True):
        fit(x[:777], y[:654], max_steps=3)
    assert not [r for r in caplog.records if "Compiling" in r.getMessage()]


CODE = """
import numpy as np, cgmm as cg, sys
rng = np.random.default_rng(0)
c = 3 * rng.normal(size=(5, 8))
x, y = (c[rng.integers(5, size=34_000)] + rng.normal(size=(34_000, 8)) for _ in range(2))
i = rng.choice(len(x), 5)
m = cg.GaussianMixture(np.full(5, 0.2), x[i], np.tile(9 * np.eye(8), (5, 1, 1)))
f = cg.fit_coupled(x, y, init=m, tol=1e-6)
np.save(sys.argv[1], np.concatenate([f.coupling.ravel(), f.source.means.ravel(), f.history[-1:]]))
"""


def test_bits_repeat_and_threads_hardly_matter(tmp_path):
    found = []
    for i, threads in enumerate(("2", "2", "1")):
        out = tmp_path / f"{i}.npy"
        env = os.environ | {"NPROC": threads, "PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, "-c", CODE, str(out)], check=True, env=env, timeout=120)
        found.append(np.load(out))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_allclose(found[0], found[2], rtol=1e-6, atol=1e-8)
