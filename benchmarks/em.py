"""One EM iteration (N=100,000, D=50, K=20, float32) against the rate of a square sgemm.

python benchmarks/em.py
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from _common import publish, timed

from cgmm.mixture.blocks import Cells
from cgmm.mixture.e_step import expectation
from cgmm.mixture.features import log_density_features

N, D, K, SIZE = 100_000, 50, 20, 4096


def main() -> None:
    """Alternate passes and products, so that both see the same load."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, D)).astype(np.float32)
    square = rng.normal(size=(SIZE, SIZE)).astype(np.float32)
    held, product = jnp.asarray(square), jax.jit(lambda a: a @ a)
    theta = log_density_features(
        np.log(np.full(K, 1 / K)), rng.normal(size=(K, D)), np.tile(np.eye(D), (K, 1, 1))
    )
    centre, rows = np.zeros(D), []
    for kind in ("full", "diag", "tied"):
        with jax.enable_x64(True):
            cells = Cells(x, None, np.float32)
            expectation(cells, centre, theta, kind)
            ratios, times = [], []
            for _ in range(5):
                seconds, _ = timed(lambda: expectation(cells, centre, theta, kind))  # noqa: B023
                peers = (lambda: square @ square, lambda: product(held).block_until_ready())
                rate = 2 * SIZE**3 / min(timed(peer)[0] for peer in peers)
                ratios.append(4 * N * K * D * D / seconds / rate)
                times.append((seconds, rate / 1e9))
        best = int(np.argsort(ratios)[len(ratios) // 2])
        seconds, rate = times[best]
        rows.append(f"{kind:6}{seconds:9.3f} s{rate:9.0f} GF{100 * ratios[best]:9.0f} %")
    head = f"{'form':6}{'one pass':>11}{'sgemm':>12}{'of its rate by 4NKD^2':>24}"
    publish("em", f"One EM iteration: N={N}, D={D}, K={K}, median of 5 ratios", [head, *rows])


if __name__ == "__main__":
    main()
