"""First call of a fit in a fresh process, imports excluded, against a warm one (D=20, K=15).

python benchmarks/first_call.py
"""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
from _common import HERE, publish

N, D, K, PROCESSES = 5_000, 20, 15, 5
CODE = f"""
import json, sys, time, warnings
sys.path[:0] = {[str(HERE), str(HERE.parent)]!r}
import numpy as np
import cgmm as cg
from cgmm.mixture import initial as start
from _common import timed
warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
c = 2 * rng.normal(size=({K}, {D}))
x, y = (c[rng.integers({K}, size={N})] + rng.normal(size=({N}, {D})) for _ in range(2))
init = start.kmeans_mixtures(x, y, None, None, ({K}, {K}), 1e-6, 0)
cold, fit = timed(lambda: cg.fit_coupled(x, y, init=init))
warm, _ = timed(lambda: cg.fit_coupled(x, y, init=init), 5)
print(json.dumps([cold, warm, fit.n_steps]))
"""


def main() -> None:
    """Start one process after the other; the median counts."""
    rows = []
    for _ in range(PROCESSES):
        done = subprocess.run(
            [sys.executable, "-c", CODE], check=True, capture_output=True, text=True
        )
        rows.append(json.loads(done.stdout))
    cold, warm, steps = np.median(np.array(rows), axis=0)
    line = f"first {cold:.2f} s, warm {warm:.3f} s ({steps:.0f} steps): ratio {cold / warm:.0f}"
    title = f"First fit in a fresh process: 2 x {N} points, D={D}, K={K}, median of {PROCESSES}"
    publish("first_call", title, [line])


if __name__ == "__main__":
    main()
