"""Time of the check and of the join for many samples in one file.

    python benchmarks/many_samples.py

Both grow with the cells, not with samples times cells.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

from cgmm import pp

CELLS = 40
N_GENES = 1000


def main() -> None:
    """Print a row for each number of samples."""
    rng = np.random.default_rng(0)
    print(f"{CELLS} cells of {N_GENES} genes for each sample; seconds of processor time")
    print(f"{'samples':>8} {'cells':>8} {'check':>8} {'join':>8}")
    for n_samples in (50, 200, 800):
        donors = np.repeat([f"D{i:04d}" for i in range(n_samples)], CELLS)
        obs = pd.DataFrame({"donor": donors}, index=[f"c{i}" for i in range(len(donors))])
        values = sp.random(len(donors), N_GENES, density=0.2, format="csr", random_state=rng)
        values.data = rng.integers(1, 9, values.nnz).astype(np.float32)
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "cells.h5ad")
            ad.AnnData(values.astype(np.float32), obs=obs).write_h5ad(path)
            samples = [
                pp.Sample(
                    sample=d,
                    path=path,
                    condition="ab"[i % 2],
                    donor=d,
                    obs_column="donor",
                    obs_value=d,
                )
                for i, d in enumerate(dict.fromkeys(donors))
            ]
            start = time.process_time()
            pp.check_samples(samples)
            middle = time.process_time()
            pp.join_samples(samples)
            end = time.process_time()
        print(f"{n_samples:8} {len(donors):8} {middle - start:8.2f} {end - middle:8.2f}")


if __name__ == "__main__":
    main()
