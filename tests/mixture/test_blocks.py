"""Blocks and parts of points, and the devices that share them."""

from __future__ import annotations

import os
import subprocess
import sys

import jax
import numpy as np
import pytest

from cgmm.mixture.blocks import BLOCK_ROWS, PART_ROWS, Cells
from cgmm.mixture.e_step import Pass, accumulate

FIT = """
import hashlib, sys, warnings
import jax
import numpy as np
import cgmm as cg
from cgmm.coupled import em
from cgmm.mixture import blocks as cells

warnings.simplefilter("ignore", cg.ConvergenceWarning)
em.SINGLE_PRECISION_WORK = float(sys.argv[1])
rng = np.random.default_rng(0)
x, y = (rng.standard_normal((n, 4)).astype(np.float32) for n in (150_000, 20_000))
x[: 50_000] += 2
shapes = np.stack([np.eye(4)] * 3)
start = cg.GaussianMixture(np.full(3, 1 / 3), rng.standard_normal((3, 4)), shapes)
fit = cg.fit_coupled(x, y, init=start, max_steps=4)
total = hashlib.sha256()
for part in (fit.coupling, fit.source.covariances, fit.target.means, fit.history):
    total.update(np.ascontiguousarray(part).tobytes())
said = [total.hexdigest(), len(cells.devices())]
with jax.default_device(jax.devices()[-1]):
    said.append(len(cells.devices()))
print(*said)
"""


@pytest.mark.parametrize("work", ["inf", "0"], ids=["double", "single"])
def test_devices_change_no_bit(work: str) -> None:
    said = {}
    for n in (1, 4):
        flags = f"--xla_force_host_platform_device_count={n}"
        done = subprocess.run(
            [sys.executable, "-c", FIT, work],
            env=os.environ | {"XLA_FLAGS": flags},
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said[n] = done.stdout.split()
    assert said[1][0] == said[4][0]
    assert [found[1:] for found in said.values()] == [["1", "1"], ["4", "1"]]


def test_parts_hold_every_point_once() -> None:
    n = 2 * PART_ROWS + 5
    x = np.arange(2.0 * n).reshape(n, 2)
    of = Cells(x, np.arange(n), np.float64)
    blocks = [block for i in range(of.n_parts) for block in of.part(i)]
    assert {block.points.shape for block in blocks} == {(BLOCK_ROWS, 2)}
    np.testing.assert_array_equal(np.concatenate([b.points[: b.n] for b in blocks]), x)
    weights = np.concatenate([b.weights for b in blocks])
    np.testing.assert_array_equal(weights[:n], np.arange(n) / np.arange(n).sum())
    assert not weights[n:].any()


@pytest.mark.parametrize("statistic", ["moments", "overlaps"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_chunks_together_give_what_one_after_the_other_gives(statistic, dtype) -> None:
    rng = np.random.default_rng(0)
    x, theta = rng.standard_normal((5000, 3)), rng.standard_normal((10, 4))
    of = Cells(x, None, dtype)
    one = Pass.of(of, np.zeros(3), theta, "full", statistic)
    sums = np.zeros((5, one.width))
    with jax.enable_x64(True):
        (block,) = of.part(0)
        arguments = (sums, *block, one.centre, one.theta, "full", statistic)
        apart, together = (np.asarray(accumulate(*arguments, wide=wide)) for wide in (False, True))
    np.testing.assert_allclose(together, apart, rtol=1e-12 if dtype == np.float64 else 1e-5)
    np.testing.assert_allclose(apart, one(of.part(0)), rtol=0)
