"""Gaussian mixtures of each condition, then transport between components. None has a test."""

from __future__ import annotations

import warnings

import numpy as np
import scipy.sparse as sp
from _job import Answer, Job

N_COMPONENTS, MAX_DIMS = 15, 20
EPSILON, RHO = 0.005, 0.5  # fractions of the median cost, as in shiftbench


def pot(job: Job) -> Answer:
    """Mixtures of scikit-learn, costs and unbalanced transport of POT."""
    import ot

    points, source, target = _mixtures(job)
    cost = ot.gmm.dist_bures_squared(
        source.means_, target.means_, source.covariances_, target.covariances_
    )
    scale = np.median(cost)
    mass = ot.unbalanced.sinkhorn_unbalanced(
        source.weights_,
        target.weights_,
        cost,
        EPSILON * scale,
        RHO * scale,
        method="sinkhorn_stabilized",
        numItermax=5000,
    )
    return _answer(job, points, source, target, mass)


def scegot(job: Job) -> Answer:
    """Mixtures and entropic transport of scEGOT, which is balanced.

    A balanced transport has no net factor. It is read in its favour: a target component belongs
    to the source component that sends it most.
    """
    import pandas as pd
    from scegot import scEGOT

    points = _leading(job)
    frames = [pd.DataFrame(points[side]) for side in (~job.target, job.target)]
    model = scEGOT(frames, day_names=["a", "b"], verbose=False)
    # it begins with principal components of its own; it is given those that all methods are given
    model.X_pca = frames
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source, target = model.fit_gmm([N_COMPONENTS, N_COMPONENTS], random_state=job.seed)
        mass = np.asarray(model.calculate_solution(source, target))
    owner = mass.argmax(axis=0)
    dealt = np.zeros_like(mass)
    dealt[owner, np.arange(dealt.shape[1])] = target.weights_
    return _answer(job, points, source, target, dealt)


def _leading(job: Job) -> np.ndarray:
    return np.asarray(job.points, float)[:, :MAX_DIMS]


def _mixtures(job: Job) -> tuple[np.ndarray, object, object]:
    from sklearn.mixture import GaussianMixture

    points = _leading(job)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fits = [
            GaussianMixture(
                N_COMPONENTS, reg_covar=1e-2, max_iter=100, n_init=2, random_state=job.seed
            ).fit(points[side])
            for side in (~job.target, job.target)
        ]
    return points, *fits


def _answer(
    job: Job, points: np.ndarray, source: object, target: object, mass: np.ndarray
) -> Answer:
    """Factor of a source component: what it sends, each target component in proportion.

    Rows are source components; a target cell belongs to them by what they send to its component.
    """
    mass = np.asarray(mass, float)
    received = target.weights_ / np.maximum(mass.sum(axis=0), 1e-300)
    factor = (mass @ received) / source.weights_
    log2 = np.log2(np.maximum(factor, 0.5 / job.target.sum()))
    origin = mass / np.maximum(mass.sum(axis=0), 1e-300)
    member = np.empty((len(points), len(factor)))
    member[~job.target] = source.predict_proba(points[~job.target])
    member[job.target] = target.predict_proba(points[job.target]) @ origin.T
    cell = np.log2(np.maximum(member @ np.exp2(log2), 1e-12))
    member[member < 1e-3] = 0.0
    return Answer(cell, sp.csr_matrix(member), log2)
