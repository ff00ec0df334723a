"""The tutorial "Fitting coupled GMMs" of OTT: our fit beside OTT's, in one process.

Both ends are scored by one function: log likelihood minus lambda UW, with UW solved to the end.
OTT's own figure is shown too: its Sinkhorn stops at 2,000 iterations, and where it has not
converged (balanced, small epsilon) that figure is not an objective of anything.

    python benchmarks/tutorial.py [EM steps of OTT, default 300]
"""

from __future__ import annotations

import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
from _common import DATA, publish, timed

import cgmm as cg

CASES = {"unbalanced": (0.1, 1.0), "balanced": (0.01, np.inf)}
EPSILON = 0.01


def score(g: cg.GaussianMixture, h: cg.GaussianMixture, x, y, lam: float, rho: float) -> float:
    """Log likelihood minus lambda UW."""
    with jax.enable_x64(True):
        cost, _ = cg.transport_cost(g, h, epsilon=EPSILON, rho=rho)
    return float(g.log_prob(x).mean() + h.log_prob(y).mean() - lam * float(cost))


def main(steps: int) -> None:
    """Fit both cases with both programs."""
    from ott.tools.gaussian_mixture import fit_gmm_pair, gaussian_mixture, gaussian_mixture_pair

    z = np.load(DATA / "tutorial_points.npz")
    x, y = z["X0"], z["X1"]
    start = cg.GaussianMixture(*(z[k].astype(float) for k in ("pw", "pm", "pc")))
    theirs_start = gaussian_mixture.GaussianMixture.from_mean_cov_component_weights(
        mean=jnp.asarray(z["pm"]), cov=jnp.asarray(z["pc"]), component_weights=jnp.asarray(z["pw"])
    )
    lines = [f"{'case':12}{'method':24}{'cold s':>9}{'warm s':>9}{'objective':>13}  note"]
    for name, (lam, rho) in CASES.items():
        tau = 1.0 if np.isinf(rho) else rho / (rho + EPSILON)

        def ours(lam=lam, rho=rho, callback=None) -> cg.CoupledFit:
            return cg.fit_coupled(
                x, y, init=start, transport_weight=lam, epsilon=EPSILON, rho=rho, ridge=1e-9,
                tol=1e-9, max_steps=2000, callback=callback,
            )  # fmt: skip

        cold, _ = timed(ours)
        warm, fit = timed(ours, 5)
        learn = fit_gmm_pair.get_fit_model_em_fn(weight_transport=lam, jit=True)

        def theirs(steps: int, learn=learn, tau=tau):
            pair = gaussian_mixture_pair.GaussianMixturePair(
                gmm0=theirs_start, gmm1=theirs_start, epsilon=EPSILON, tau=tau
            )
            pair, loss = learn(
                pair=pair, points0=jnp.asarray(x), points1=jnp.asarray(y), point_weights0=None,
                point_weights1=None, em_steps=steps, m_steps=20,
            )  # fmt: skip
            plan = pair.get_sinkhorn(pair.get_cost_matrix())
            mixtures = [
                cg.GaussianMixture(
                    *(np.asarray(a, float) for a in (m.component_weights, m.loc, m.covariance))
                )
                for m in (pair.gmm0, pair.gmm1)
            ]
            return mixtures, float(loss), bool(plan.converged)

        first, _ = timed(lambda: theirs(1))
        slow, (pair, loss, settled) = timed(lambda: theirs(steps))
        reached = score(*pair, x, y, lam, rho)
        best = score(fit.source, fit.target, x, y, lam, rho)
        marks: list[tuple[float, float]] = []
        began = time.perf_counter()

        def watch(_: int, value: float, marks=marks, began=began) -> None:
            marks.append((value, time.perf_counter() - began))

        ours(callback=watch)
        when = next((t for v, t in marks if v >= reached), float("nan"))
        lines += [
            f"{name:12}{'cgmm':24}{cold:9.3f}{warm:9.4f}{best:13.6f}  {fit.n_steps} steps",
            f"{'':12}{f'OTT, {steps} x 20':24}{first:9.3f}{slow:9.2f}{reached:13.6f}  "
            f"says {loss:.6f}, "
            f"Sinkhorn {'converged' if settled else 'NOT converged'}",
            f"{'':12}OTT's objective reached after {when:.4f} s: {slow / when:,.0f} times faster",
        ]
    publish(
        "tutorial",
        "Tutorial: 2 x 10,000 points, D=2, K=3, epsilon .01 (cold of OTT: 1 step)",
        lines,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
