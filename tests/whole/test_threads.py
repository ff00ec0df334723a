"""The number of threads changes no bit of a fit."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

FIT = """
import hashlib, sys, warnings
import numpy as np
import cgmm as cg
from cgmm.coupled import em

warnings.simplefilter("ignore", cg.ConvergenceWarning)
em.MIN_SINGLE_PRECISION_WORK = float(sys.argv[1])
total = hashlib.sha256()
for n, d, k in ((3000, 10, 4), (2000, 20, 12)):
    rng = np.random.default_rng(d)
    sides = [rng.standard_normal((n, d)).astype(np.float32) for _ in range(2)]
    for side in sides:
        side[: n // 2] += 2
    centres = rng.standard_normal((k, d))
    start = cg.GaussianMixture(np.full(k, 1 / k), centres, np.stack([np.eye(d)] * k))
    fit = cg.fit_coupled(*sides, init=start, max_steps=4)
    for part in (fit.coupling, fit.source.covariances, fit.target.means, fit.history):
        total.update(np.ascontiguousarray(part).tobytes())
sys.stdout.write(total.hexdigest())
"""


@pytest.mark.parametrize("work", ["inf", "0"], ids=["double", "single"])
def test_threads_change_no_bit(work: str) -> None:
    said = set()
    for threads in ("1", "2", "5"):
        environment = os.environ | {"NPROC": threads, "OMP_NUM_THREADS": threads}
        command = [sys.executable, "-c", FIT, work]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=200, check=False
        )
        assert done.returncode == 0, done.stderr
        said.add(done.stdout)
    assert len(said) == 1
