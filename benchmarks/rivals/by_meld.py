"""MELD: densities of the two conditions, smoothed over the graph of the cells. It has no test."""

from __future__ import annotations

import warnings

import numpy as np
from _clusters import harmony, leiden
from _job import Answer, Job


def meld(job: Job) -> Answer:
    """MELD on the points as they are."""
    return _meld(job, job.points)


def harmony_meld(job: Job) -> Answer:
    """MELD after Harmony with the published penalty of 1."""
    return _meld(job, harmony(job, 1.0))


def _meld(job: Job, points: np.ndarray) -> Answer:
    import meld as package

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        density = package.MELD(n_pca=None, verbose=0).fit_transform(points, job.condition)
    source, target = (np.maximum(density[c].to_numpy(), 1e-9) for c in ("a_source", "b_target"))
    return Answer(np.log2(target / source), groups=leiden(points, job.seed))
