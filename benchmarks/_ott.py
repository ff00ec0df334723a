"""OTT's coupled fit of two mixtures, and the race of ours to the objective that it reaches.

Both ends are scored by one function: log likelihood minus lambda UW, with UW solved to the end.
OTT's own figure is shown too: its Sinkhorn stops at 2,000 iterations, and where it has not
converged (balanced, small epsilon) that figure is not an objective of anything.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from _common import timed

import cgmm as cg

M_STEPS = 20
WARM_RUNS = 9
HEADER = f"{'case':12}{'method':24}{'cold s':>9}{'warm s':>9}{'objective':>13}  note"


class Case(NamedTuple):
    """One problem: points, start of both sides, penalties."""

    name: str
    x: np.ndarray
    y: np.ndarray
    start: cg.GaussianMixture
    transport_weight: float
    epsilon: float
    rho: float


def score(case: Case, g: cg.GaussianMixture, h: cg.GaussianMixture) -> float:
    """Log likelihood minus lambda UW."""
    with jax.enable_x64(True):
        cost, _ = cg.transport_cost(g, h, epsilon=case.epsilon, rho=case.rho)
    likelihood = g.log_prob(case.x).mean() + h.log_prob(case.y).mean()
    return float(likelihood - case.transport_weight * float(cost))


def ours(case: Case, callback=None) -> cg.CoupledFit:
    """Our fit, to the end."""
    return cg.fit_coupled(
        case.x, case.y, init=case.start, transport_weight=case.transport_weight,
        epsilon=case.epsilon, rho=case.rho, ridge=1e-9, tol=1e-9, max_steps=2000,
        callback=callback,
    )  # fmt: skip


def reached_after(case: Case, objective: float) -> float:
    """Seconds from the call of our fit until it has an objective."""
    marks: list[tuple[float, float]] = []
    began = time.perf_counter()
    ours(case, lambda _, value: marks.append((value, time.perf_counter() - began)))
    return next((t for v, t in marks if v >= objective), float("nan"))


def race(case: Case, steps: int) -> list[str]:
    """Fit by both programs, each cold and warm; lines of a table.

    Ours is warm at once, OTT after a call with one EM step; our time is the median of
    ``WARM_RUNS`` runs, OTT's of one.
    """
    from ott.tools.gaussian_mixture import fit_gmm_pair, gaussian_mixture, gaussian_mixture_pair

    tau = 1.0 if np.isinf(case.rho) else case.rho / (case.rho + case.epsilon)
    m = case.start
    start = gaussian_mixture.GaussianMixture.from_mean_cov_component_weights(
        mean=jnp.asarray(m.means, jnp.float32), cov=jnp.asarray(m.covariances, jnp.float32),
        component_weights=jnp.asarray(m.weights, jnp.float32),
    )  # fmt: skip
    points = [jnp.asarray(a, jnp.float32) for a in (case.x, case.y)]
    learn = fit_gmm_pair.get_fit_model_em_fn(weight_transport=case.transport_weight, jit=True)

    def theirs(steps: int):
        pair = gaussian_mixture_pair.GaussianMixturePair(
            gmm0=start, gmm1=start, epsilon=case.epsilon, tau=tau
        )
        pair, loss = learn(
            pair=pair, points0=points[0], points1=points[1], point_weights0=None,
            point_weights1=None, em_steps=steps, m_steps=M_STEPS,
        )  # fmt: skip
        plan = pair.get_sinkhorn(pair.get_cost_matrix())
        mixtures = [
            cg.GaussianMixture(
                *(np.asarray(a, float) for a in (m.component_weights, m.loc, m.covariance))
            )
            for m in (pair.gmm0, pair.gmm1)
        ]
        return mixtures, float(loss), bool(plan.converged)

    cold, _ = timed(lambda: ours(case))
    warm, fit = timed(lambda: ours(case), WARM_RUNS)
    first, _ = timed(lambda: theirs(1))
    slow, (pair, loss, settled) = timed(lambda: theirs(steps))
    reached, best = score(case, *pair), score(case, fit.source, fit.target)
    when = float(np.median([reached_after(case, reached) for _ in range(WARM_RUNS)]))
    return [
        f"{case.name:12}{'cgmm':24}{cold:9.3f}{warm:9.4f}{best:13.6f}  {fit.n_steps} steps",
        f"{'':12}{f'OTT, {steps} x {M_STEPS}':24}{first:9.3f}{slow:9.2f}{reached:13.6f}  "
        f"says {loss:.6f}, Sinkhorn {'converged' if settled else 'NOT converged'}",
        f"{'':12}OTT's objective reached after {when:.4f} s: {slow / when:,.0f} times faster",
    ]
