"""Time of the check and of the join for many samples in one file, whose cells lie by turns.

    python benchmarks/many_samples.py

Columns: processor seconds of the check, of the join in memory, and of the preparation in blocks;
check and join together. All grow with the cells, not with samples times cells: a sample more costs
no pass over the file.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp
from _common import publish

from cgmm import pp

CELLS = 40
N_GENES = 1000
SAMPLES = (50, 200, 800)


def samples_in(path: Path, n_samples: int) -> list[pp.Sample]:
    """Write a file with many samples, cell by cell in turn; returns the samples."""
    rng = np.random.default_rng(0)
    donors = [f"D{i:04d}" for i in range(n_samples)]
    obs = pd.DataFrame({"donor": donors * CELLS}, index=[f"c{i}" for i in range(n_samples * CELLS)])
    values = sp.random(len(obs), N_GENES, density=0.2, format="csr", random_state=rng)
    values.data = rng.integers(1, 9, values.nnz).astype(np.float32)
    ad.AnnData(values.astype(np.float32), obs=obs).write_h5ad(path)
    where = {"path": str(path), "obs_column": "donor"}
    return [
        pp.Sample(sample=d, condition="ab"[i % 2], donor=d, obs_value=d, **where)
        for i, d in enumerate(donors)
    ]


def seconds(call: Callable[[], Any]) -> float:
    """Processor seconds of a call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def main() -> None:
    """Print a row for each number of samples."""
    lines = [f"{'samples':>8} {'cells':>8} {'check':>8} {'join':>8} {'together':>9} {'blocks':>8}"]
    for n_samples in SAMPLES:
        with tempfile.TemporaryDirectory() as folder:
            samples = samples_in(Path(folder) / "cells.h5ad", n_samples)
            prepared = Path(folder) / "prepared.h5ad"
            check = seconds(lambda s=samples: pp.check_samples(s))
            join = seconds(lambda s=samples: pp.join_samples(s))
            blocks = seconds(lambda s=samples, p=prepared: pp.prepare_lazily(s, p, min_genes=1))
        n_cells = n_samples * CELLS
        lines.append(
            f"{n_samples:8} {n_cells:8} {check:6.2f} s {join:6.2f} s {check + join:7.2f} s "
            f"{blocks:6.2f} s"
        )
    title = f"Many samples in one file: {CELLS} cells of {N_GENES} genes each, by turns"
    publish("many_samples", title, lines)


if __name__ == "__main__":
    main()
