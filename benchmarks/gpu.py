"""A pass over the points and a whole fit, on a GPU beside the CPU of the same machine.

python benchmarks/gpu.py [points per side]

Without a GPU that JAX sees, the script says so and measures nothing.  "ratio" is the time of the
CPU over the time of the GPU, medians of calls in turn, compilation excluded.  "differs" is the
difference of the log likelihood per point between the two.  The CPU has all its cores.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from _common import publish, timed
from speed import RIDGE, K, points

import cgmm as cg
from cgmm.mixture.blocks import Cells
from cgmm.mixture.e_step import expectation
from cgmm.mixture.features import log_density_features
from cgmm.mixture.initial import kmeans_mixtures

ROUNDS = 3


def accelerator() -> Any:
    """Return the first device of JAX that is no CPU; None where there is none."""
    return next((d for d in jax.devices() if d.platform != "cpu"), None)


def jobs(n: int) -> dict[str, Callable[[], Callable[[], float]]]:
    """Return what is measured: functions that prepare a call whose answer is a log likelihood."""
    x, y = points(n, 1)
    init = kmeans_mixtures(x, y, None, None, (K, K), RIDGE, 0)
    theta = log_density_features(np.log(init[0].weights), init[0].means, init[0].covariances)

    def one_pass() -> Callable[[], float]:
        cells = Cells(x, None, np.float32)
        return lambda: expectation(cells, np.zeros(x.shape[1]), theta).log_likelihood

    def fit() -> Callable[[], float]:
        return lambda: sum(cg.fit_coupled(x, y, init=init, ridge=RIDGE).log_likelihood)

    return {"EM pass": one_pass, "fit": fit}


def compared(make: Callable[[], Callable[[], float]], gpu: Any) -> tuple[float, float, float]:
    """Return median seconds on the CPU and on the GPU, and how far the answers differ."""
    seconds: dict[str, list[float]] = {"cpu": [], "gpu": []}
    answers: dict[str, float] = {}
    places = {"cpu": jax.devices("cpu")[0], "gpu": gpu}
    calls = {}
    for name, place in places.items():
        with jax.default_device(place):
            calls[name] = make()
            calls[name]()
    for _ in range(ROUNDS):
        for name, place in places.items():
            with jax.default_device(place):
                took, answers[name] = timed(calls[name])
                seconds[name].append(took)
    middle = [float(np.median(seconds[name])) for name in places]
    return middle[0], middle[1], abs(answers["cpu"] - answers["gpu"])


def main(n: int) -> None:
    """Compare both devices, or say that there is only one."""
    gpu = accelerator()
    if gpu is None:
        sys.stdout.write(
            f"No GPU is present: JAX {jax.__version__} sees {jax.devices()[0].platform} only. "
            "Nothing was measured.\n"
        )
        return
    lines = [f"{'job':10}{'CPU s':>10}{'GPU s':>10}{'ratio':>9}{'differs':>11}"]
    for name, make in jobs(n).items():
        cpu, other, off = compared(make, gpu)
        lines.append(f"{name:10}{cpu:10.3f}{other:10.3f}{cpu / other:8.1f}x{off:11.1e}")
    publish("gpu", f"2 x {n} points, K={K}, on {gpu.device_kind} and on the CPU", lines)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500_000)
