"""Blocks and parts of points, and the devices that share them."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np

from cgmm.mixture.blocks import BLOCK_ROWS, PART_ROWS, Cells

FIT = """
import hashlib, warnings
import jax
import numpy as np
import cgmm as cg
from cgmm.coupled import em
from cgmm.mixture import blocks as cells

warnings.simplefilter("ignore", cg.ConvergenceWarning)
rng = np.random.default_rng(0)
x, y = (rng.standard_normal((n, 4)).astype(np.float32) for n in (150_000, 20_000))
x[: 50_000] += 2
shapes = np.stack([np.eye(4)] * 3)
start = cg.GaussianMixture(np.full(3, 1 / 3), rng.standard_normal((3, 4)), shapes)
said = [len(cells.devices())]
for work in ("inf", "0"):  # all in double precision; all that may be in single precision
    em.MIN_SINGLE_PRECISION_WORK = float(work)
    fit = cg.fit_coupled(x, y, init=start, max_steps=4)
    total = hashlib.sha256()
    for part in (fit.coupling, fit.source.covariances, fit.target.means, fit.history):
        total.update(np.ascontiguousarray(part).tobytes())
    said.append(total.hexdigest())
with jax.default_device(jax.devices()[-1]):
    said.append(len(cells.devices()))
print(*said)
"""


def test_devices_change_no_bit() -> None:
    said = {}
    for n in (1, 4):
        flags = f"--xla_force_host_platform_device_count={n}"
        done = subprocess.run(
            [sys.executable, "-c", FIT],
            env=os.environ | {"XLA_FLAGS": flags},
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said[n] = done.stdout.split()
    assert said[1][1:] == said[4][1:]
    assert [found[0] for found in said.values()] == ["1", "4"]
    assert said[1][-1] == "1"
    assert said[1][1] != said[1][2]  # the two precisions differ, so both were computed


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


def test_second_moments_are_those_of_numpy() -> None:
    rng = np.random.default_rng(0)
    x, w, centre = rng.normal(size=(20_000, 3)), rng.random(20_000), np.ones(3)
    off = x - centre
    expected = (off * (w / w.sum())[:, None]).T @ off
    np.testing.assert_allclose(Cells(x, w, np.float32).second_moment(centre), expected)


def test_blocks_are_kept_from_pass_to_pass_unless_told_otherwise() -> None:
    x = np.zeros((10, 2))
    for keep in (True, False):
        of = Cells(x, None, np.float64, keep=keep)
        first, second = next(of.part(0)), next(of.part(0))
        assert (first.points is second.points) == keep
