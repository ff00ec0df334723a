"""EM: the objective never falls, restarts, fewer passes, bits that repeat.

The grid of penalties is thinned; CGMM_LONG=1 runs it complete.
"""

from __future__ import annotations

import itertools
import logging
import subprocess
import sys
import warnings
from pathlib import Path

import jax
import numpy as np
import pytest

import cgmm as cg
from cgmm.coupled import em, extrapolation
from cgmm.coupled.em import CoupledEM
from cgmm.coupled.outcome import Outcome
from tests.compiled import compiling_anew
from tests.coupled.problems import blobs, fit, objective, pair

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = (1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0)
RHOS = (0.1, 1.0, 10.0, 100.0, 1e4, np.inf)
EPSILONS = (1e-3, 1e-2, 0.1, 1.0, 10.0)
SIZES = ((2, 1), (2, 3), (2, 40), (10, 8), (30, 15), (50, 1), (50, 40))
DATA = ("double", "single", "thin", "copies", "few modes", "far component")
TOLERANCE = 1e-9


def problem(kind: str, d: int, k: int) -> tuple[np.ndarray, np.ndarray, cg.GaussianMixture]:
    """Points of both sides, and a start whose components sit on points."""
    rng = np.random.default_rng(d + 100 * k)
    n = max(200, 6 * k)
    modes = 2 if kind == "few modes" else k
    centres = 2 * rng.normal(size=(modes, d))
    x, y = (centres[rng.integers(modes, size=n)] + rng.normal(size=(n, d)) for _ in range(2))
    y += 0.5
    if kind == "thin":
        flat = rng.normal(size=(d, max(1, d // 2)))
        x, y = (p @ flat @ flat.T / d + 1e-7 * rng.normal(size=(n, d)) for p in (x, y))
    if kind == "copies":
        x[: n // 2], y[: n // 3] = x[0], x[0]
    means = x[rng.choice(n, k, replace=False)]
    if kind == "far component":
        means[-1] += 1e3
    spread = np.tile(np.cov(x.T).reshape(d, d) + 1e-3 * np.eye(d), (k, 1, 1))
    start = cg.GaussianMixture(np.full(k, 1 / k), means, spread)
    if kind == "single":
        x, y = x.astype(np.float32), y.astype(np.float32)
    return x, y, start


def rises(kind: str, d: int, k: int, weight: float, rho: float, epsilon: float, steps: int) -> None:
    x, y, start = problem(kind, d, k)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cg.ConvergenceWarning)
        fit = cg.fit_coupled(
            x, y, init=start, transport_weight=weight, rho=rho, epsilon=epsilon, tol=0.0,
            max_steps=steps,
        )  # fmt: skip
    where = (kind, d, k, weight, rho, epsilon)
    assert np.isfinite(fit.history).all(), where
    fall = -np.diff(fit.history).min(initial=0)
    assert fall <= TOLERANCE * np.abs(fit.history).max(), (*where, fall)
    for m in (fit.source, fit.target):
        assert np.linalg.eigvalsh(m.covariances).min() > 0, where
        assert m.weights.sum() == pytest.approx(1), where
    assert np.isfinite(fit.coupling).all(), where
    assert (fit.coupling >= 0).all(), where


@pytest.mark.parametrize("kind", DATA)
def test_objective_never_falls_on_bad_data(kind):
    for weight, rho, epsilon in ((1e-2, 1.0, 0.1), (1.0, np.inf, 1e-2), (0.1, 1e4, 1.0)):
        rises(kind, 3, 5, weight, rho, epsilon, 8)


@pytest.mark.parametrize(
    ("rho", "epsilon"), list(itertools.product((0.1, 1e4, np.inf), (1e-3, 10.0)))
)
def test_objective_never_falls_at_the_corners(rho, epsilon):
    for weight in (1e-4, 0.1, 10.0):
        rises("single", 2, 3, weight, rho, epsilon, 8)


@pytest.mark.parametrize(("d", "k"), [(2, 40), (20, 10), (50, 1), (50, 40)])
def test_objective_never_falls_at_any_size(d, k):
    rises("double", d, k, 0.01, float(d), 0.05 * d, 3)


@pytest.mark.long
@pytest.mark.timeout(0)
@pytest.mark.parametrize("kind", DATA)
@pytest.mark.parametrize(("d", "k"), SIZES)
def test_objective_never_falls_anywhere(d, k, kind):
    """All penalties at small sizes; at large ones a part, another one for every kind of data."""
    grid = list(itertools.product(WEIGHTS, RHOS, EPSILONS))
    thinning = 1 if d * k <= 80 else 5 if d * k <= 500 else 23
    first = (SIZES.index((d, k)) + DATA.index(kind)) % thinning
    for weight, rho, epsilon in grid[first::thinning]:
        rises(kind, d, k, weight, rho, epsilon, 5 if d * k > 500 else 10)


def test_restarts_never_lose():
    x, y = blobs(k=6)
    args = {"n_components": 6, "transport_weight": 0.01, "max_steps": 300, "tol": 1e-7}
    one, five = (fit(x, y, **args, n_restarts=n) for n in (1, 5))
    assert five.objective >= one.objective - 1e-3
    with pytest.raises(ValueError, match="n_restarts must be a whole number of at least 1"):
        fit(x, y, n_components=3, n_restarts=0)


def test_extrapolation_and_subsample_end_where_plain_steps_end(monkeypatch):
    x, y = blobs(n=3000)
    args = {"transport_weight": 0.02, "epsilon": 0.3, "rho": 5.0, "tol": 1e-10, "max_steps": 2000}
    args["n_components"] = 3
    fast = fit(x, y, **args)
    monkeypatch.setattr(em, "SUBSAMPLE", 500)
    monkeypatch.setattr(em, "MIN_POINTS_TO_SUBSAMPLE", 1000)
    part = fit(x, y, **args)
    monkeypatch.setattr(em, "MIN_POINTS_TO_SUBSAMPLE", 10**9)
    monkeypatch.setattr(extrapolation, "MAX_LENGTH", 1.0)
    plain = fit(x, y, **args)
    for other in (fast, part):
        assert other.objective == pytest.approx(plain.objective, abs=1e-6)
        assert np.diff(other.history).min() > -1e-9


def test_a_new_number_of_cells_compiles_nothing(caplog):
    x, y = blobs(n=900)
    fit(x, y, n_components=3, max_steps=3)
    with caplog.at_level(logging.WARNING), jax.log_compiles(True):
        fit(x[:777], y[:654], n_components=3, max_steps=3)
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
        env = compiling_anew() | {"NPROC": threads, "PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, "-c", CODE, str(out)], check=True, env=env, timeout=120)
        found.append(np.load(out))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_allclose(found[0], found[2], rtol=1e-6, atol=1e-8)


def steps_of(x, y, g, h) -> CoupledEM:
    return CoupledEM(((x, None), (y, None)), np.zeros(x.shape[1]), (g, h), objective(g, h))


def test_the_caller_need_not_set_double_precision():
    x, y, g, h = pair(n=200)
    plain = steps_of(x, y, g, h).climb(5, 0.0, None)
    with jax.enable_x64(True):
        inside = steps_of(x, y, g, h).climb(5, 0.0, None)
    assert plain.history == inside.history
    np.testing.assert_array_equal(plain.state.theta, inside.state.theta)


def test_the_watcher_sees_every_recorded_objective():
    x, y, g, h = pair(n=200)
    seen = []
    climb = steps_of(x, y, g, h).climb(12, 0.0, lambda step, value: seen.append((step, value)))
    assert seen == list(enumerate(climb.history))


def test_the_outcome_says_how_the_climb_ended():
    x, y, g, h = pair(n=200)
    assert steps_of(x, y, g, h).climb(2, 0.0, None).outcome is Outcome.MAX_STEPS
    climb = steps_of(x, y, g, h).climb(200, 1e-3, None)
    assert climb.outcome is Outcome.CONVERGED
    assert climb.decrease == 0
