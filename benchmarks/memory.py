"""Peak memory of a fit beyond its data, N = 2 x 1,000,000, D=30, K=10, float32.

python benchmarks/memory.py [points in all]
"""

from __future__ import annotations

import resource
import sys
import warnings

import numpy as np
from _common import publish

import cgmm as cg


def peak() -> float:
    """Peak resident memory in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(n: int) -> None:
    """Fit small points first, so that code and libraries are counted before."""
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((n // 2, 30), dtype=np.float32) for _ in range(2))
    for side in (x, y):
        side[: n // 4] += 3
    cg.fit_coupled(x[:60_000], y[:60_000], n_components=10, max_steps=3)
    before = peak()
    cg.fit_coupled(x, y, n_components=10, max_steps=5)
    line = f"data {(x.nbytes + y.nbytes) / 2**20:.0f} MB, beyond them {peak() - before:.0f} MB"
    publish("memory", f"Memory of a fit, N={n}, D=30, K=10", [line])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000)
