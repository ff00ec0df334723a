"""Coupled fit of 2 x 50,000 points (D=30, K=20) against two scikit-learn fits, and what helped.

python benchmarks/speed.py [points per side]
"""

from __future__ import annotations

import sys
import warnings

import numpy as np
from _common import publish, timed
from sklearn.mixture import GaussianMixture as Peer

import cgmm as cg
from cgmm.coupled import em, extrapolation
from cgmm.mixture.initial import kmeans_mixtures

D, K, TOL, RIDGE = 30, 20, 1e-4, 1e-6


def points(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw two overlapping mixtures."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=(K, D, D)) / np.sqrt(D)
    g = cg.GaussianMixture(
        rng.dirichlet(3 * np.ones(K)),
        1.2 * rng.normal(size=(K, D)),
        a @ a.swapaxes(1, 2) + 0.1 * np.eye(D),
    )
    h = cg.GaussianMixture(rng.dirichlet(3 * np.ones(K)), g.means + 0.2, g.covariances)
    return g.sample(n, seed)[0].astype(np.float32), h.sample(n, seed + 1)[0].astype(np.float32)


def peer(x: np.ndarray, m: cg.GaussianMixture) -> tuple[float, int]:
    """Fit scikit-learn's mixture; mean log likelihood and steps."""
    model = Peer(
        K, weights_init=m.weights.astype(x.dtype), means_init=m.means.astype(x.dtype),
        precisions_init=np.linalg.inv(m.covariances).astype(x.dtype), tol=TOL, reg_covar=RIDGE,
        max_iter=500,
    ).fit(x)  # fmt: skip
    return float(model.score(x)), model.n_iter_


def main(n: int) -> None:
    """Time all of them on the same points and start."""
    warnings.simplefilter("ignore")
    x, y = points(n, 1)
    init = kmeans_mixtures(x, y, None, None, (K, K), RIDGE, 0)
    cg.fit_coupled(x[:2000], y[:2000], init=init, max_steps=3, ridge=RIDGE)
    settings = {"both": (64.0, em.MIN_POINTS_TO_SUBSAMPLE), "plain EM": (1.0, 10**9)}
    settings |= {"extrapolation": (64.0, 10**9), "subsample": (1.0, em.MIN_POINTS_TO_SUBSAMPLE)}
    rows, likelihood = [], {}
    for weight in (0.0, None):
        for name, (extrapolation.MAX_LENGTH, em.MIN_POINTS_TO_SUBSAMPLE) in settings.items():
            seconds, fit = timed(
                lambda weight=weight: cg.fit_coupled(
                    x, y, init=init, transport_weight=weight, tol=TOL, ridge=RIDGE
                )
            )
            likelihood[name, weight] = sum(fit.log_likelihood)
            rows.append((name, weight, seconds, fit.n_steps, sum(fit.log_likelihood)))
    theirs, scores = timed(lambda: [peer(x, init[0]), peer(y, init[1])])
    total = scores[0][0] + scores[1][0]
    lines = [f"{'fit':16}{'weight':>8}{'s':>9}{'steps':>7}{'log lik.':>13}{'faster':>9}"]
    for name, weight, seconds, steps, value in rows:
        w = "0" if weight == 0 else "auto"
        lines.append(
            f"{name:16}{w:>8}{seconds:9.2f}{steps:7d}{value:13.5f}{theirs / seconds:8.1f}x"
        )
    steps = f"{scores[0][1]}+{scores[1][1]}"
    lines.append(f"{'scikit-learn':16}{'':8}{theirs:9.2f}{steps:>7}{total:13.5f}{'1.0x':>9}")
    publish("speed", f"2 x {n} points, D={D}, K={K}, float32, tol {TOL:g}, one start", lines)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000)
