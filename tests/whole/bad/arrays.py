"""Mistakes in calls that take arrays: the fit, the transport cost, mixtures, simulators."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

import cgmm as cg
from tests.whole.bad.cases import Case

EYE = np.eye(3)
TALL = EYE + np.triu(np.full((3, 3), 0.5), 1)


def given() -> SimpleNamespace:
    """Two point clouds and a way to make mixtures."""
    rng = np.random.default_rng(0)
    return SimpleNamespace(x=rng.normal(size=(60, 3)), y=rng.normal(size=(50, 3)) + 1)


def mixture(weights: Any = (0.5, 0.5), means: Any = None, covariance: Any = EYE) -> Any:
    means = [[0.0, 0, 0], [3, 3, 3]] if means is None else means
    return cg.GaussianMixture(
        np.asarray(weights, float), np.asarray(means, float), np.stack([covariance] * 2)
    )


def flat() -> Any:
    """Return a mixture in two dimensions."""
    return cg.GaussianMixture(np.full(2, 0.5), np.zeros((2, 2)), np.stack([np.eye(2)] * 2))


def fit(**options: Any) -> Any:
    """Call with the two clouds of :func:`given`, some of it replaced."""

    def call(a: SimpleNamespace) -> object:
        made = {
            k: v(a) if callable(v) and k in ("source", "target") else v for k, v in options.items()
        }
        points = made.pop("source", a.x), made.pop("target", a.y)
        if "init" not in made:
            made.setdefault("n_components", 2)
        return cg.fit_coupled(*points, **made)

    return call


def cost(source: Any = None, target: Any = None, **options: Any) -> Any:
    penalties = {"epsilon": 1.0, "rho": 1.0, **options}
    return lambda _: cg.transport_cost(
        mixture() if source is None else source,
        mixture() if target is None else target,
        **penalties,
    )


def spoiled(points: np.ndarray, value: float) -> np.ndarray:
    out = points.copy()
    out[3, 1] = value
    return out


def counts(**options: Any) -> Any:
    return lambda _: cg.simulate.counts(**{"n_cells": 100, "n_donors": 2, **options})


def points(**options: Any) -> Any:
    return lambda _: cg.simulate.points(**{"n_cells": 20, **options})


def sparse(a: SimpleNamespace) -> Any:
    return sp.csr_matrix(a.x)


FIT = [
    Case("points with one dimension", fit(source=lambda a: a.x[:, 0]), "points_source must be two-dimensional (cells, dimensions), got shape (60,)"),
    Case("no point", fit(source=lambda a: a.x[:0]), "points_source is empty: shape (0, 3)"),
    Case("no dimension", fit(source=lambda a: a.x[:, :0], target=lambda a: a.y[:, :0]), "points_source is empty"),
    Case("NaN among the points", fit(source=lambda a: spoiled(a.x, np.nan)), "points_source has NaN or infinite values in 1 of 60 rows"),
    Case("infinity among the points", fit(target=lambda a: spoiled(a.y, np.inf)), "points_target has NaN or infinite values in 1 of 50 rows"),
    Case("values whose squares overflow", fit(source=lambda a: a.x * 1e200), "whose squares overflow"),
    Case("masked points", fit(source=lambda a: np.ma.masked_greater(a.x, 1)), "has NaN or infinite values"),
    Case("a sparse matrix for points", fit(source=sparse), "points_source is sparse", TypeError),
    Case("text for points", fit(source=lambda a: [["a", "b"]] * 5), "must be an array (cells, dimensions) of numbers", TypeError),
    Case("complex points", fit(source=lambda a: a.x * 1j), "of complex128", TypeError),
    Case("rows of different length", fit(source=lambda a: [[1, 2], [3]]), "must be an array (cells, dimensions) of numbers", TypeError),
    Case("None for points", fit(source=lambda a: None), "must be two-dimensional"),
    Case("a table with text for points", fit(source=lambda a: pd.DataFrame({"a": ["x", "y"]})), "must be an array (cells, dimensions) of numbers", TypeError),
    Case("sides of different dimension", fit(target=lambda a: a.y[:, :2]), "points_source has 3 columns but points_target has 2"),
    Case("no component", fit(n_components=0), "n_components must be a whole number of at least 1, got 0"),
    Case("a negative number of components", fit(n_components=-2), "n_components must be a whole number of at least 1, got -2"),
    Case("half a component", fit(n_components=2.5), "n_components must be a whole number of at least 1, got 2.5", TypeError),
    Case("True for the number of components", fit(n_components=True), "n_components must be a whole number", TypeError),
    Case("text for the number of components", fit(n_components="auto"), "n_components must be a whole number", TypeError),
    Case("three numbers of components", fit(n_components=(1, 2, 3)), "one whole number or a pair of them, got (1, 2, 3)"),
    Case("more components than points", fit(n_components=1000), "source: 60 points are fewer than 1000 components"),
    Case("a billion components", fit(n_components=(2, 10**9)), "target: 50 points are fewer than 1000000000 components"),
    Case("rho = 0", fit(rho=0), "rho must be positive, got 0"),
    Case("negative rho", fit(rho=-1), "rho must be positive, got -1"),
    Case("rho is NaN", fit(rho=np.nan), "rho must be positive, got nan"),
    Case("rho is text", fit(rho="big"), "rho must be positive, got 'big'", TypeError),
    Case("rho is a list", fit(rho=[1]), "rho must be positive, got [1]", TypeError),
    Case("rho is True", fit(rho=True), "rho must be positive, got True", TypeError),
    Case("epsilon = 0", fit(epsilon=0), "epsilon must be positive and finite, got 0"),
    Case("infinite epsilon", fit(epsilon=np.inf), "epsilon must be positive and finite, got inf"),
    Case("negative transport_weight", fit(transport_weight=-1), "transport_weight must be at least 0 and finite, got -1"),
    Case("ridge = 0", fit(ridge=0), "ridge must be positive and finite, got 0"),
    Case("negative shrinkage", fit(shrinkage=-1), "shrinkage must be at least 0 and finite"),
    Case("negative tol", fit(tol=-1), "tol must be at least 0 and finite"),
    Case("no step", fit(max_steps=0), "max_steps must be a whole number of at least 1, got 0"),
    Case("max_steps is None", fit(max_steps=None), "max_steps must be a whole number", TypeError),
    Case("a negative seed", fit(random_state=-1), "random_state must be a whole number from 0 to 4294967295, got -1"),
    Case("a seed that is too large", fit(random_state=2**40), "random_state must be a whole number from 0 to"),
    Case("a seed that is None", fit(random_state=None), "random_state must be a whole number", TypeError),
    Case("no restart", fit(n_restarts=0), "n_restarts must be a whole number of at least 1"),
    Case("a callback that is no function", fit(callback=3), "callback must be a function or None, got 3", TypeError),
    Case("covariance_type misspelt", fit(covariance_type="ful"), "covariance_type must be one of ('full', 'diag', 'tied'), got 'ful'"),
    Case("locked misspelt", fit(locked="sorce", init=mixture()), "locked must be 'source' or 'target' and needs init for that side, got 'sorce'"),
    Case("locked without init", fit(locked="source"), "needs init for that side"),
    Case("negative weights", fit(weights_source=-np.ones(60)), "weights_source must be finite, non-negative and not all zero"),
    Case("weights that are all zero", fit(weights_source=np.zeros(60)), "weights_source must be finite, non-negative and not all zero"),
    Case("weights of wrong length", fit(weights_source=np.ones(5)), "weights_source must have shape (60,), got (5,)"),
    Case("NaN weights", fit(weights_target=np.full(50, np.nan)), "weights_target must be finite"),
    Case("weights whose sum overflows", fit(weights_source=np.full(60, 1e308)), "weights_source must be finite"),
    Case("text for weights", fit(weights_source=["a"] * 60), "weights_source must be one number per point", TypeError),
    Case("init is a number", fit(init=3), "init must be a GaussianMixture or a pair of them, got int", TypeError),
    Case("init has three mixtures", fit(init=(mixture(),) * 3), "init must be a GaussianMixture or a pair of them", TypeError),
    Case("init lacks a side", fit(init=(mixture(), None)), "init of target must be a GaussianMixture, got NoneType", TypeError),
    Case("init of another dimension", fit(init=flat()), "init of source has 2 dimensions, the points have 3"),
    Case("init against n_components", fit(init=mixture(), n_components=3), "contradicts init"),
    Case("init with an asymmetric covariance", fit(init=mixture(covariance=TALL)), "init of source has a covariance that is not symmetric (component 0)"),
    Case("init with a covariance that is not positive", fit(init=mixture(covariance=-EYE)), "not positive definite (component 0, eigenvalue -1)"),
    Case("init with zero covariances", fit(init=mixture(covariance=0 * EYE)), "not positive definite"),
    Case("init with covariances of wrong shape", fit(init=mixture(covariance=np.ones(3))), "covariances (K, D, D), got shapes (2,), (2, 3), (2, 3)"),
    Case("init with negative weights", fit(init=mixture(weights=(-1, 2))), "weights that are negative or all zero (min -1)"),
    Case("init with too few weights", fit(init=mixture(weights=(1,))), "got shapes (1,), (2, 3), (2, 3, 3)"),
    Case("init with NaN means", fit(init=mixture(means=np.full((2, 3), np.nan))), "init of source has NaN or infinite values"),
    Case("an argument misspelt", fit(n_component=3), "unexpected keyword argument 'n_component'", TypeError),
]  # fmt: skip

COST = [
    Case("epsilon = 0", cost(epsilon=0), "epsilon must be positive and finite, got 0"),
    Case("rho is NaN", cost(rho=np.nan), "rho must be positive, got nan"),
    Case("arrays in place of mixtures", cost(source=np.ones((3, 3))), "source must be a GaussianMixture, got ndarray", TypeError),
    Case("mixtures of different dimension", cost(target=flat()), "target has 2 dimensions, source has 3"),
    Case("a covariance that is not positive", cost(target=mixture(covariance=-EYE)), "target has a covariance that is not positive definite"),
    Case("an asymmetric covariance", cost(target=mixture(covariance=TALL)), "target has a covariance that is not symmetric"),
    Case("negative weights", cost(source=mixture(weights=(-1, 2))), "source has weights that are negative"),
    Case("NaN means", cost(target=mixture(means=np.full((2, 3), np.nan))), "target has NaN or infinite values"),
]  # fmt: skip

MIXTURE = [
    Case("a single point, not in a row", lambda a: mixture().responsibilities(a.x[0]), "points must be two-dimensional"),
    Case("points of another dimension", lambda a: mixture().log_prob(a.x[:, :2]), "points has 2 columns, but the mixture has 3 dimensions"),
    Case("NaN points", lambda a: mixture().responsibilities(spoiled(a.x, np.nan)), "points has NaN or infinite values in 1 of 60 rows"),
    Case("a negative number of draws", lambda a: mixture().sample(-1), "n_points must be a whole number of at least 0, got -1"),
    Case("draws from what is no Gaussian", lambda a: mixture(covariance=-EYE).sample(5), "not positive definite"),
    Case("new weights of wrong length", lambda a: mixture().with_weights([1, 2, 3]), "weights must be 2 numbers"),
    Case("new weights that are negative", lambda a: mixture().with_weights([-1, 2]), "non-negative and not all zero, got [-1.0, 2.0]"),
]  # fmt: skip

SIMULATE = [
    Case("a negative number of cells", counts(n_cells=-5), "n_cells must be a whole number of at least 2, got -5"),
    Case("half a cell", counts(n_cells=100.5), "n_cells must be a whole number", TypeError),
    Case("no donor", counts(n_donors=0), "n_donors must be a whole number of at least 1, got 0"),
    Case("more donors than cells", counts(n_cells=4, n_donors=9), "cannot be split over 9 donors"),
    Case("too few genes", counts(n_genes=5), "n_genes=5 is too small: 6 subpopulations need at least"),
    Case("a subpopulation that does not exist", counts(log2_change={"X": 1}), "No subpopulation is called 'X'; there are Alpha"),
    Case("shares as a list", counts(shares=[1, 2]), "shares must map names to shares", TypeError),
    Case("negative shares", counts(shares={"Alpha": -1}), "Shares must be finite, not negative and not all zero"),
    Case("a share above one", counts(new="New", new_share=2), "new_share=2 is not a share"),
    Case("one condition", counts(conditions=("a",)), "conditions must be two different names"),
    Case("twice the same condition", counts(conditions=("a", "a")), "conditions must be two different names"),
    Case("a negative standard deviation", counts(donor_share_sd=-1), "donor_share_sd must be at least 0 and finite, got -1"),
    Case("no counts", counts(median_counts=0), "median_counts must be positive and finite, got 0"),
    Case("no subpopulation of points", points(n_components=0), "n_components must be a whole number of at least 1"),
    Case("no batch", points(n_batches=0), "n_batches must be a whole number of at least 1"),
    Case("a shift that is NaN", points(shift=np.nan), "shift must be finite"),
    Case("shares of wrong length", points(shares=[1, 2, 3]), "shares has shape (3,), but there are 4 subpopulations"),
    Case("a direction that is not known", points(shift_direction="up"), 'shift_direction=\'up\' is not known: give "own" or "common"'),
]  # fmt: skip
