"""Covarying neighbourhood analysis: cells whose neighbourhood goes with the condition."""

from __future__ import annotations

import io
import warnings
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
from _clusters import neighbours
from _job import Answer, Job

N_NEIGHBOURS = 15


def cna(job: Job) -> Answer:
    """Correlations of neighbourhoods with the condition; calls at an FDR of 5 %.

    A correlation is no factor: cells have it as their score, and no factor is scored.
    """
    import anndata as ad
    import cna as package
    import pandas as pd

    obs = pd.DataFrame({"id": job.sample}, index=[f"c{i}" for i in range(len(job.points))])
    cells = ad.AnnData(obs=obs)
    cells.obsm["rep"] = job.points
    neighbours(cells, job.seed, N_NEIGHBOURS)
    names = np.unique(job.sample)
    y = pd.Series(np.char.startswith(names, "b_target").astype(float), index=names)
    quiet = io.StringIO()
    with warnings.catch_warnings(), redirect_stdout(quiet), redirect_stderr(quiet):
        warnings.simplefilter("ignore")
        found = package.tl.association(
            cells, y, "id", allow_low_sample_size=True, seed=job.seed, return_full=True
        )
    kept = np.asarray(found.kept, bool)
    cell = np.zeros(len(job.points))
    cell[kept] = np.asarray(found.ncorrs, float)
    limit = np.inf if found.fdr_5p_t is None else found.fdr_5p_t
    called = np.where(np.abs(cell) > limit, np.sign(cell), 0)
    return Answer(cell, called=called, factor=False)
