"""Many refits at once, in threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from cgmm.donors.refit import Refit


def run_all(
    job: Callable[[tuple[np.ndarray, np.ndarray]], Refit],
    weights: Iterable[tuple[np.ndarray, np.ndarray]],
    *,
    n_jobs: int = 1,
    tick: Callable[[], None] | None = None,
) -> list[Refit]:
    """Return a refit for each pair of weights, in the order of the weights.

    Parameters
    ----------
    job
        Function that makes the refit for weights of source and target donors.
    weights
        The pairs of weights.
    n_jobs
        Threads; the result does not depend on it.
    tick
        Called after every refit.
    """

    def one(pair: tuple[np.ndarray, np.ndarray]) -> Refit:
        refit = job(pair)
        if tick is not None:
            tick()
        return refit

    if n_jobs == 1:
        return [one(pair) for pair in weights]
    with ThreadPoolExecutor(n_jobs) as pool:
        return list(pool.map(one, weights))
