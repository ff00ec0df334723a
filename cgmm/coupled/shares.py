"""Prevalence of components: weights of largest likelihood for fitted shapes."""

from __future__ import annotations

import numpy as np

from cgmm.coupled.weights import FLOOR

MAX_SHARE_STEPS = 25
SHARE_TOLERANCE = 1e-6
FIRST_DAMPING = 0.01
MIN_DAMPING = 1e-6


def newton_shares(
    weights: np.ndarray, mass: np.ndarray, overlap: np.ndarray, caution: float
) -> np.ndarray:
    """Newton step of the log weights, held back by a step of EM.

    The gradient is ``mass - weights``; ``overlap`` holds the mean products of responsibilities,
    which are minus the second derivatives up to terms that vanish at the solution.  A ``caution``
    of 1 replaces them by their bound ``diag(mass)``, which is EM; between, as Levenberg (1944,
    Q. Appl. Math. 2:164), components that say the same of all points do not run away.
    """
    bound = caution * mass + 1e-15
    system = (1 - caution) * overlap + np.diag(bound)
    move = np.clip(np.linalg.solve(system, mass - weights), -1.0, 1.0)
    new = np.maximum(weights, FLOOR) * np.exp(move)
    return new / new.sum()
