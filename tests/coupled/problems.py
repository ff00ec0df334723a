"""Mixtures, points and short fits for the tests of the coupled fit."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

import cgmm as cg
from cgmm.coupled.objective import Objective, objective_of
from cgmm.coupled.state import Params, State, initial_state


def mixture(k: int, d: int, seed: int, spread: float = 4.0) -> cg.GaussianMixture:
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(k, d, d)) / np.sqrt(d)
    covariances = a @ a.swapaxes(1, 2) + 0.1 * np.eye(d)
    return cg.GaussianMixture(
        rng.dirichlet(5 * np.ones(k)), spread * rng.normal(size=(k, d)), covariances
    )


def pair(
    k: int = 3, d: int = 4, n: int = 600, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, cg.GaussianMixture, cg.GaussianMixture]:
    """Points of both sides, and the mixtures that they are drawn from."""
    g = mixture(k, d, seed)
    rng = np.random.default_rng(seed + 100)
    h = cg.GaussianMixture(rng.dirichlet(5 * np.ones(k)), g.means + 0.5, 1.3 * g.covariances)
    return g.sample(n, seed)[0], h.sample(n, seed + 1)[0], g, h


def blobs(n: int = 600, k: int = 3, d: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    centres = 4 * rng.normal(size=(k, d))
    x = centres[rng.integers(k, size=n)] + rng.normal(size=(n, d)) * np.linspace(0.5, 2, d)
    y = centres[rng.integers(k, size=n)] + rng.normal(size=(n, d)) + 0.5
    return x, y


def fit(x: np.ndarray, y: np.ndarray, **options: Any) -> cg.CoupledFit:
    """Fifteen steps, converged or not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cg.ConvergenceWarning)
        return cg.fit_coupled(x, y, **({"tol": 0.0, "max_steps": 15} | options))


def objective(source: cg.GaussianMixture, target: cg.GaussianMixture, **options: Any) -> Objective:
    """Constants of the objective of a fit that starts at these mixtures."""
    defaults = {
        "lam": 0.3, "epsilon": 0.5, "rho": 2.0, "ridge": 1e-6, "shrinkage": 0.0, "locked": None,
        "kind": "full",
    }  # fmt: skip
    return objective_of((source, target), **(defaults | options))


def state(source: cg.GaussianMixture, target: cg.GaussianMixture, constants: Objective) -> State:
    """State at these mixtures."""
    parts = (
        np.concatenate([getattr(source, name), getattr(target, name)])
        for name in ("weights", "means", "covariances")
    )
    return initial_state(Params(*parts), constants, k0=source.n_components, coupled=True)
