"""moscot: unbalanced entropic transport between cells; what a source cell sends is its factor."""

from __future__ import annotations

import warnings

import numpy as np
from _clusters import leiden
from _job import Answer, Job

TAU_SOURCE, EPSILON = 0.9, 0.05
# up to so many cells the costs are held in memory, as is the default; it is faster
IN_MEMORY, BATCH = 30_000, 1024


def moscot(job: Job) -> Answer:
    """Shares of source cells are free (tau 0.9), those of target cells are kept."""
    import anndata as ad
    import pandas as pd
    from moscot.problems.generic import SinkhornProblem

    obs = pd.DataFrame(
        {"condition": pd.Categorical(job.condition)},
        index=[f"c{i}" for i in range(len(job.points))],
    )
    # it refuses an object without variables, although the points are in obsm
    cells = ad.AnnData(np.zeros((len(obs), 1), np.float32), obs=obs)
    cells.obsm["rep"] = np.asarray(job.points, np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        problem = SinkhornProblem(cells).prepare(
            key="condition", joint_attr={"attr": "obsm", "key": "rep"}, policy="sequential"
        )
        batch = None if len(job.points) <= IN_MEMORY else BATCH
        problem = problem.solve(
            epsilon=EPSILON, tau_a=TAU_SOURCE, tau_b=1.0, batch_size=batch, max_iterations=500
        )
    solution = problem["a_source", "b_target"].solution
    sent = np.asarray(solution.a).ravel()
    cell = np.full(len(job.points), np.nan)
    cell[~job.target] = np.log2(np.maximum(sent * len(sent), 1e-6))
    # a target cell is told what the source cells around it are told
    from sklearn.neighbors import NearestNeighbors

    near = NearestNeighbors(n_neighbors=10).fit(job.points[~job.target])
    index = near.kneighbors(job.points[job.target], return_distance=False)
    cell[job.target] = cell[~job.target][index].mean(axis=1)
    return Answer(cell, groups=leiden(job.points, job.seed))
