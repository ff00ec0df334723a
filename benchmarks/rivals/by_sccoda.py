"""scCODA of pertpy on Leiden clusters after Harmony: credible changes."""

from __future__ import annotations

import warnings

import numpy as np
from _clusters import counts, harmony, leiden, one_hot
from _job import Answer, Job

FDR = 0.05


def sccoda(job: Job) -> Answer:
    """Sample the model at its defaults; a credible change has p 0, every other p 1."""
    import anndata as ad
    import pandas as pd
    import pertpy

    member = one_hot(leiden(harmony(job), job.seed))
    table, target = counts(job, member)
    obs = pd.DataFrame(
        {"condition": np.where(target, "b_target", "a_source")},
        index=[f"s{i}" for i in range(len(table))],
    )
    var = pd.DataFrame(index=[f"k{i}" for i in range(table.shape[1])])
    samples = ad.AnnData(table.astype(float), obs=obs, var=var)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = pertpy.tl.Sccoda()
        mdata = model.load(samples, type="sample_level", covariate_obs=["condition"])
        mdata = model.prepare(mdata, formula="condition", reference_cell_type="automatic")
        model.run_nuts(mdata, rng_key=job.seed)
        model.set_fdr(mdata, est_fdr=FDR)
        effects = model.get_effect_df(mdata)
    log2 = effects["log2-fold change"].to_numpy(float)
    p = (effects["Final Parameter"].to_numpy(float) == 0).astype(float)
    return Answer(np.asarray(member @ log2), member, log2, p=p)
