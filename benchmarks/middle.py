"""A problem of middle size (2 x 5,000 points, D=10, K=8): our fit beside OTT's, in one process.

python benchmarks/middle.py [EM steps of OTT, default 50]
"""

from __future__ import annotations

import sys

import numpy as np
from _common import publish
from _ott import HEADER, Case, race

import cgmm as cg
from cgmm.mixture.initial import kmeans_mixtures

N, D, K = 5_000, 10, 8
WEIGHT, RIDGE = 0.01, 1e-6


def points() -> tuple[np.ndarray, np.ndarray]:
    """Draw two mixtures whose components moved and changed their shares."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=(K, D, D)) / np.sqrt(D)
    g = cg.GaussianMixture(
        rng.dirichlet(3 * np.ones(K)),
        1.5 * rng.normal(size=(K, D)),
        a @ a.swapaxes(1, 2) + 0.1 * np.eye(D),
    )
    moved = g.means + 0.3 * rng.normal(size=(K, D))
    h = cg.GaussianMixture(rng.dirichlet(3 * np.ones(K)), moved, g.covariances)
    return tuple(m.sample(N, seed)[0].astype(np.float32) for seed, m in enumerate((g, h)))


def main(steps: int) -> None:
    """Fit both cases with both programs, from one pooled k-means start."""
    x, y = points()
    pooled = np.concatenate([x, y])
    init, _ = kmeans_mixtures(pooled, pooled, None, None, (K, K), RIDGE, 0)
    trace = float(init.weights @ np.trace(init.covariances, axis1=1, axis2=2))
    lines = [HEADER]
    for name, rho in (("unbalanced", trace), ("balanced", np.inf)):
        lines += race(Case(name, x, y, init, WEIGHT, 0.05 * trace, rho), steps)
    publish("middle", f"2 x {N} points, D={D}, K={K} (cold of OTT: 1 step)", lines)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
