"""cgmm at its defaults: populations that it finds, without labels."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
from _clusters import one_hot
from _job import Answer, Job

import cgmm as cg


def cgmm(job: Job) -> Answer:
    """Fit, find populations, test them over donors."""
    obs = pd.DataFrame(
        {"condition": job.condition, "donor": job.donor.astype(object)},
        index=[f"c{i}" for i in range(len(job.points))],
    )
    cells = ad.AnnData(obs=obs, obsm={"rep": job.points})
    cg.tl.fit(
        cells,
        condition_key="condition",
        source="a_source",
        target="b_target",
        donor_key="donor",
        use_rep="rep",
        random_state=job.seed,
    )
    found = cg.get.populations(cells).set_index("name")
    labels = cells.obs["cgmm_population"].astype(str).to_numpy()
    found = found.loc[np.unique(labels)]
    # of a population that one side lacks: half a cell of it
    log2 = found["log2_net"].to_numpy(float)
    floor = np.log2(0.5 / len(job.points))
    cell = cells.obs["cgmm_log2_net_factor"].to_numpy(float)
    return Answer(
        np.clip(cell, floor, -floor),
        one_hot(labels),
        np.clip(np.nan_to_num(log2, posinf=-floor, neginf=floor), floor, -floor),
        p=found["p"].to_numpy(float),
        low=found["ci_low"].to_numpy(float),
        high=found["ci_high"].to_numpy(float),
    )
