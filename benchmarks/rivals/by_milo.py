"""Milo of pertpy: neighbourhoods, negative binomial test, plain and with a random donor."""

from __future__ import annotations

import io
import warnings
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
import scipy.sparse as sp
from _clusters import harmony, leiden, neighbours
from _job import Answer, Job

N_NEIGHBOURS, PART = 50, 0.1


def milo(job: Job) -> Answer:
    """Milo on the points as they are."""
    return _milo(job, job.points)


def harmony_milo(job: Job) -> Answer:
    """Milo after Harmony with the published penalty of 1, the best variant of shiftbench."""
    return _milo(job, harmony(job, 1.0))


def milo_mixed(job: Job) -> Answer:
    """Milo with a random intercept for the donor."""
    if not job.paired:
        msg = "a random donor needs donors with several samples"
        raise NotImplementedError(msg)
    return _milo(job, job.points, "~condition + (1 | donor)")


def _milo(job: Job, points: np.ndarray, design: str | None = None) -> Answer:
    import anndata as ad
    import pandas as pd
    import pertpy

    if design is None:
        design = "~donor+condition" if job.paired else "~condition"
    obs = pd.DataFrame(
        {
            "condition": pd.Categorical(job.condition, categories=["a_source", "b_target"]),
            "donor": pd.Categorical(job.donor),
            "sample": pd.Categorical(job.sample),
        },
        index=[f"c{i}" for i in range(len(points))],
    )
    cells = ad.AnnData(sp.csr_matrix((len(points), 1), dtype=np.float32), obs=obs)
    cells.obsm["rep"] = np.asarray(points)
    tool = pertpy.tl.Milo()
    # it prints its results and its progress
    quiet = io.StringIO()
    with warnings.catch_warnings(), redirect_stdout(quiet), redirect_stderr(quiet):
        warnings.simplefilter("ignore")
        mdata = tool.load(cells)
        cells = mdata["rna"]
        neighbours(cells, job.seed, N_NEIGHBOURS)
        tool.make_nhoods(cells, prop=PART, seed=job.seed)
        mdata = tool.count_nhoods(mdata, sample_col="sample")
        tool.da_nhoods(mdata, design=design, solver="pydeseq2")
    found = mdata["milo"].var
    change = found["logFC"].to_numpy(float)
    p = found["PValue"].to_numpy(float)
    kept = np.isfinite(change)
    member = sp.csr_matrix(cells.obsm["nhoods"])[:, kept].astype(float)
    return Answer(
        _cells(member, change[kept], cells),
        member,
        change[kept],
        p=p[kept],
        groups=leiden(points, job.seed),
    )


def _cells(member: sp.csr_matrix, change: np.ndarray, cells: object) -> np.ndarray:
    """Mean change of the neighbourhoods of a cell; without any, the mean of its neighbours."""
    total, count = member @ change, np.asarray(member.sum(axis=1)).ravel()
    graph = (cells.obsp["connectivities"] > 0).astype(float)
    empty = count == 0
    total = np.where(empty, graph @ total, total)
    count = np.where(empty, graph @ count, count)
    return total / np.maximum(count, 1.0)
