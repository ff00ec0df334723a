"""Kompot: log fold change of two Gaussian-process densities, with its uncertainty."""

from __future__ import annotations

import warnings

import numpy as np
from _clusters import leiden
from _job import Answer, Job


def kompot(job: Job) -> Answer:
    """Densities of both conditions at every cell, samples as replicates."""
    import anndata as ad
    import kompot as package
    import pandas as pd

    obs = pd.DataFrame(
        {"condition": pd.Categorical(job.condition), "sample": pd.Categorical(job.sample)},
        index=[f"c{i}" for i in range(len(job.points))],
    )
    cells = ad.AnnData(obs=obs)
    cells.obsm["rep"] = np.asarray(job.points, float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        package.da(
            cells,
            "condition",
            "a_source",
            "b_target",
            obsm_key="rep",
            sample_col="sample",
        )
    # kompot_da_a_source_to_b_target_lfc, and the same with _direction_sample_var
    [change] = [c for c in cells.obs if c.endswith("_lfc")]
    [direction] = [c for c in cells.obs if "_lfc_direction" in c]
    # natural logarithms
    cell = cells.obs[change].to_numpy(float) / np.log(2)
    words = cells.obs[direction].astype(str).to_numpy()
    called = np.where(words == "up", 1, np.where(words == "down", -1, 0))
    return Answer(cell, called=called, groups=leiden(job.points, job.seed))
