"""The objective never falls: over penalties, dimensions, numbers of components and bad data.

A thinned grid always, the complete one with CGMM_LONG=1.
"""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest

import cgmm as cg

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
