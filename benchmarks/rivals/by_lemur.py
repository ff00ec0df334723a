"""LEMUR: one linear embedding per condition, aligned; clusters of the common embedding."""

from __future__ import annotations

import warnings

import numpy as np
from _clusters import leiden, of_clusters
from _job import Answer, Job

N_EMBEDDING = 15


def lemur(job: Job) -> Answer:
    """Fit to the points, align by its Harmony, cluster, and test clusters by propeller.

    LEMUR begins with principal components; it is given those that all methods are given.
    """
    import anndata as ad
    import pandas as pd
    import pylemur

    obs = pd.DataFrame(
        {"condition": job.condition}, index=[f"c{i}" for i in range(len(job.points))]
    )
    cells = ad.AnnData(np.asarray(job.points, float), obs=obs)
    n = min(N_EMBEDDING, job.points.shape[1] - 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = pylemur.tl.LEMUR(cells, design="~ condition", n_embedding=n)
        model.fit(verbose=False)
        model.align_with_harmony(verbose=False)
    return of_clusters(job, leiden(np.asarray(model.embedding), job.seed))
