"""Extrapolation of two EM steps to one longer step.

SQUAREM (Varadhan & Roland 2008, Scand. J. Stat. 35): with ``r`` the first of two plain steps and
``v`` the change from the first to the second, the parameters move to ``a + 2 s r + s^2 v`` at step
length ``s = |r| / |v|``.  Differences are scaled by the size of the parameters, so that weights,
means and covariances count equally.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cgmm.coupled.objective import Objective
from cgmm.coupled.state import Params, State, initial_state
from cgmm.pair import halves
from cgmm.transport import gaussians

FIRST_LENGTH = 4.0
MIN_LENGTH = 1.01  # a shorter extrapolation is hardly longer than a plain step
MAX_LENGTH = 64.0
MIN_PART_LEFT = 0.1  # least ratio of weights, and of smallest eigenvalues, to the last state


def extrapolated(
    iterates: Sequence[State], longest: float, objective: Objective, *, coupled: bool
) -> tuple[State | None, float]:
    """Return the state extrapolated from two plain steps, and the step length.

    Parameters
    ----------
    iterates
        Three states, each one EM step after the one before.
    longest
        Largest allowed step length.
    objective
        Constants of the objective.
    coupled
        Whether to solve the transport at the new parameters.

    Returns
    -------
    The state and the step length.  The state is None where the step would be no longer than a plain
    step, or where a weight or covariance would be too small.
    """
    one, two, three = (state.params for state in iterates)
    mean_trace = float(one.weights @ gaussians.traced(one.covariances)) / 2
    scales = (1 / np.sqrt(one.weights), mean_trace**-0.5, 1 / mean_trace)

    def norm(parts: list[np.ndarray]) -> float:
        scaled = ((part * scale).ravel() for part, scale in zip(parts, scales, strict=True))
        return float(np.sqrt(sum(part @ part for part in scaled)))

    first = [b - a for a, b in zip(one, two, strict=True)]
    change = [c - b - r for b, c, r in zip(two, three, first, strict=True)]
    bend = norm(change)
    length = min(norm(first) / bend, longest) if bend > 0 else longest
    if length <= MIN_LENGTH:
        return None, length
    weights, means, covariances = (
        a + 2 * length * r + length**2 * v for a, r, v in zip(one, first, change, strict=True)
    )
    smallest, smallest_before = (
        np.linalg.eigvalsh(s)[:, 0] for s in (covariances, three.covariances)
    )
    inside = (weights > MIN_PART_LEFT * three.weights).all()
    if not (inside and (smallest > MIN_PART_LEFT * smallest_before).all()):
        return None, length
    k0 = iterates[0].n_source
    for side in halves(weights, k0):
        side /= side.sum()
    plan = iterates[-1].plan
    state = initial_state(
        Params(weights, means, covariances),
        objective,
        k0=k0,
        coupled=coupled,
        warm_start=np.concatenate([plan.f, plan.g]),
        exact=False,
    )
    return state, length


def longest_after(longest: float, length: float, *, accepted: bool) -> float:
    """Return the largest step length for the next extrapolation, after one of ``length``.

    An accepted step of the largest length raises the limit fourfold, up to ``MAX_LENGTH``.  A
    rejected step lowers the limit to a quarter of its length, but not below 2.
    """
    if not accepted:
        return max(2.0, length / 4)
    return min(MAX_LENGTH, 4 * longest) if length >= longest else longest
