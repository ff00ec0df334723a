"""The table of marker genes for made-up results folders."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

N_GENES = 5


def marker_table(names: Sequence[str], rng: np.random.Generator) -> pd.DataFrame:
    """Five markers for each population, the last one shared with the next population."""
    frames = []
    n = len(names)
    for i, of in enumerate(names):
        for rank in range(1, N_GENES + 1):
            mean = rng.uniform(0.05, 0.6, n)
            mean[i] = 2.5 + rng.uniform()
            if rank == N_GENES:
                mean[(i + 1) % n] = 2.0
            frames.append(
                pd.DataFrame({
                    "marker_of": of, "rank": rank, "gene": f"MARK{i + 1}{'ABCDE'[rank - 1]}",
                    "name": list(names), "mean": mean, "fraction": 1 - np.exp(-mean),
                    "scaled_mean": (mean - mean.min()) / np.ptp(mean) if n > 1 else 0.0,
                })
            )  # fmt: skip
    return pd.concat(frames, ignore_index=True)
