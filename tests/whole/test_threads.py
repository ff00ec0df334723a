"""The number of threads changes no bit of a fit."""

from __future__ import annotations

import subprocess
import sys

from tests.compiled import compiling_anew

FIT = """
import hashlib, warnings
import numpy as np
import cgmm as cg
from cgmm.coupled import em

warnings.simplefilter("ignore", cg.ConvergenceWarning)
for work in ("inf", "0"):  # all in double precision; all that may be in single precision
    em.MIN_SINGLE_PRECISION_WORK = float(work)
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
    print(total.hexdigest())
"""


def test_threads_change_no_bit() -> None:
    said = set()
    for threads in ("1", "2", "5"):
        environment = compiling_anew() | {"NPROC": threads, "OMP_NUM_THREADS": threads}
        done = subprocess.run(
            [sys.executable, "-c", FIT],
            env=environment,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said.add(done.stdout)
    assert len(said) == 1
    double, single = said.pop().split()
    assert double != single
