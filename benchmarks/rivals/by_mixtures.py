"""Gaussian mixtures of each condition, then transport between components. None has a test."""

from __future__ import annotations

import warnings

import numpy as np
import scipy.sparse as sp
from _job import Answer, Job

N_COMPONENTS, MAX_DIMS = 15, 20
# fractions of the median cost; the first penalty of the entropy that POT can compute is taken
EPSILONS, RHO = (0.005, 0.01, 0.02, 0.05), 0.5


def pot(job: Job) -> Answer:
    """Mixtures of scikit-learn, costs and unbalanced transport of POT."""
    import ot

    points, source, target = _mixtures(job)
    cost = ot.gmm.dist_bures_squared(
        source.means_, target.means_, source.covariances_, target.covariances_
    )
    scale = np.median(cost)
    for epsilon in EPSILONS:
        with warnings.catch_warnings(record=True) as troubles:
            warnings.simplefilter("always")
            # method="sinkhorn_stabilized" gives other plans, at some penalties without a warning
            mass = ot.unbalanced.sinkhorn_unbalanced(
                source.weights_,
                target.weights_,
                cost,
                epsilon * scale,
                RHO * scale,
                numItermax=5000,
            )
        if not troubles:
            break
    sent = np.maximum(mass.sum(axis=0), 1e-300)
    # each target component counts for what it is, and in proportion to what it is sent
    factor = (mass @ (target.weights_ / sent)) / source.weights_
    log2 = np.log2(np.maximum(factor, 0.5 / job.target.sum()))
    rows = np.eye(len(factor)), (mass / sent).T
    return _answer(job, points, source, target, log2, *rows)


def scegot(job: Job) -> Answer:
    """Mixtures and entropic transport of scEGOT, which is balanced.

    A balanced transport sends from a source component as much as it holds, whatever changed, so
    it has no net factor. Rows are made of who belongs to whom: a target component to the source
    component that sends it most, a source component that is nobody's first to the row of the
    target component it sends most to. No row is without source or target.
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
    row = owner[mass.argmax(axis=1)]
    row[owner] = owner
    kept = np.unique(owner)
    rows = [(of[:, None] == kept).astype(float) for of in (row, owner)]
    log2 = np.log2((target.weights_ @ rows[1]) / (source.weights_ @ rows[0]))
    return _answer(job, points, source, target, log2, *rows)


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
    job: Job,
    points: np.ndarray,
    source: object,
    target: object,
    log2: np.ndarray,
    of_source: np.ndarray,
    of_target: np.ndarray,
) -> Answer:
    """Put cells into rows by their components, (n_components, n_rows) of each condition."""
    member = np.empty((len(points), len(log2)))
    member[~job.target] = source.predict_proba(points[~job.target]) @ of_source
    member[job.target] = target.predict_proba(points[job.target]) @ of_target
    cell = np.log2(np.maximum(member @ np.exp2(log2), 1e-12))
    member[member < 1e-3] = 0.0
    return Answer(cell, sp.csr_matrix(member), log2)
