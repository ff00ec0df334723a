"""Never a hang: fits and gradients in fresh processes on two threads, each under a time limit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 120
CODE = """
import sys, numpy as np, jax, jax.numpy as jnp, cgmm as cg
seed = int(sys.argv[1]); rng = np.random.default_rng(seed); K, D, n = 30, 50, 3000
c = 3 * rng.normal(size=(K, D))
x, y = (c[rng.integers(K, size=n)] + rng.normal(size=(n, D)) for _ in range(2))
if seed % 2:
    shapes = np.eye(D) * (1 + np.arange(K) / K)[:, None, None]
    m = cg.GaussianMixture(np.full(K, 1 / K), c, shapes)
    with jax.enable_x64(True):
        a = jax.tree.map(jnp.asarray, m)
        g = jax.jit(jax.grad(lambda s: cg.transport_cost(s, a, epsilon=1.0, rho=50.0)[0]))
        for _ in range(5):
            assert np.isfinite(np.asarray(g(a).covariances)).all()
else:
    import warnings; warnings.simplefilter("ignore")
    assert np.isfinite(cg.fit_coupled(x, y, n_components=K, max_steps=6).objective)
"""


def run(seed: int) -> None:
    env = os.environ | {"NPROC": "2", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", CODE, str(seed)], check=True, env=env, timeout=LIMIT)


@pytest.mark.parametrize("seed", range(2))
def test_two_processes_end(seed):
    run(seed)


@pytest.mark.long
@pytest.mark.timeout(0)
def test_a_hundred_processes_end():
    for seed in range(2, 102):
        run(seed)
