"""Points in Dask arrays: the same bits as in memory, on threads and on processes that die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tracemalloc
import warnings
from collections.abc import Iterator
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
from distributed import Client, LocalCluster

import cgmm as cg
from cgmm.automatic.fit import fit_automatic
from cgmm.mixture import chunked
from cgmm.mixture.blocks import PART_ROWS


@pytest.fixture(scope="module")
def clouds() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((n, 3)).astype(np.float32) for n in (150_000, 70_000))
    x[:60_000] += 3
    y[:40_000] += 3.3
    return x, y, rng.random(len(x))


def lazy(points: np.ndarray, rows: int = 40_000) -> da.Array:
    return da.from_array(points, chunks=(rows, 2))


def fit(x: Any, y: Any, **options: Any) -> cg.CoupledFit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cg.ConvergenceWarning)
        return cg.fit_coupled(x, y, **({"n_components": 3, "max_steps": 6, "tol": 0.0} | options))


def assert_same(one: cg.CoupledFit, two: cg.CoupledFit) -> None:
    for name in ("coupling", "shares_source", "shares_target", "history", "objective"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)
    for side in ("source", "target"):
        for part in ("weights", "means", "covariances"):
            found = (getattr(getattr(of, side), part) for of in (one, two))
            np.testing.assert_array_equal(*found, err_msg=f"{part} of {side}")


@pytest.mark.parametrize(
    "options",
    [{}, {"covariance_type": "tied"}, {"covariance_type": "diag", "n_components": (3, 2)}],
    ids=["full", "tied", "diag"],
)
def test_chunks_give_the_bits_of_arrays_in_memory(clouds, options) -> None:
    x, y, w = clouds
    expected = fit(x, y, weights_source=w, **options)
    assert_same(fit(lazy(x), lazy(y, 9_000), weights_source=w, **options), expected)
    assert_same(fit(x, lazy(y), weights_source=w, **options), expected)


def test_whole_numbers_become_floating(clouds) -> None:
    x, y = (np.rint(4 * side).astype(int) for side in clouds[:2])
    assert_same(fit(lazy(x), lazy(y), max_steps=2), fit(x, y, max_steps=2))


def test_a_fit_without_tuning_takes_chunks(clouds) -> None:
    x, y = clouds[0][:80_000], clouds[1][:45_000]  # several parts and chunks on both sides
    expected, found = (
        fit_automatic(*sides, n_components=2, max_steps=3) for sides in ((x, y), (lazy(x), lazy(y)))
    )
    assert_same(found, expected)
    assert found.reasons == expected.reasons


def test_chunks_are_cut_where_parts_are() -> None:
    points = chunked.points_of(da.zeros((100_000, 2), chunks=((10_000, 50_000, 40_000), 1)))
    assert points.sizes == [2 * PART_ROWS, PART_ROWS, 100_000 - 3 * PART_ROWS]
    assert points.shape == (100_000, 2)


def test_rows_are_taken_in_their_order(clouds) -> None:
    rows = np.array([0, 5, 39_999, 40_000, 65_536, 149_999])
    found = chunked.taken(chunked.points_of(lazy(clouds[0])), rows)
    np.testing.assert_array_equal(found, clouds[0][rows])


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (da.zeros(10), r"two-dimensional .* got shape \(10,\)"),
        (da.zeros((0, 3)), r"points_source is empty"),
        (da.full((100, 3), np.nan), r"NaN or infinite values in 100 of 100 rows"),
        (da.ones((100, 3))[da.arange(100) > 2], r"compute_chunk_sizes\(\) of the Dask array"),
    ],
    ids=["flat", "empty", "missing", "unknown"],
)
def test_what_cannot_be_fitted_is_said(points, message) -> None:
    with pytest.raises(ValueError, match=message):
        cg.fit_coupled(points, np.zeros((10, 3)))


def test_memory_holds_chunks_and_not_all_points() -> None:
    def draw(block_info: dict) -> np.ndarray:
        start, stop = block_info[None]["array-location"][0]
        rng = np.random.default_rng(start)
        return rng.standard_normal((stop - start, 8)) + 4 * (rng.random((stop - start, 1)) > 0.5)

    n = 30 * PART_ROWS
    points = da.map_blocks(
        draw, chunks=((PART_ROWS,) * 30, (8,)), dtype=float, meta=np.empty((0, 8))
    )
    few = np.random.default_rng(0).standard_normal((1000, 8))
    start = cg.GaussianMixture(
        np.full(2, 0.5), np.stack([np.zeros(8), np.full(8, 4)]), [np.eye(8)] * 2
    )
    with dask.config.set(scheduler="threads", num_workers=2):
        fit(points, few, init=start, n_components=None, max_steps=2)
        tracemalloc.start()
        fit(points, few, init=start, n_components=None, max_steps=3)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < n * 8 * 8 / 4


@pytest.fixture
def workers() -> Iterator[Client]:
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "20s"}),
        LocalCluster(3, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.mark.timeout(300)
def test_a_worker_that_is_killed_changes_nothing(clouds, workers) -> None:
    x, y, w = clouds
    before = workers.run(os.getpid)
    victim = next(iter(before.values()))

    def kill(step: int, _: float) -> None:
        if step == 2:
            os.kill(victim, signal.SIGKILL)

    found = fit(lazy(x), lazy(y), weights_source=w, callback=kill)
    assert_same(found, fit(x, y, weights_source=w))
    assert victim not in workers.run(os.getpid).values()


def test_without_dask_arrays_dask_is_not_imported() -> None:
    code = (
        "import sys, numpy as np, cgmm as cg\n"
        "rng = np.random.default_rng(0)\n"
        "cg.fit_coupled(*rng.standard_normal((2, 200, 2)), n_components=1)\n"
        "sys.exit('dask' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
