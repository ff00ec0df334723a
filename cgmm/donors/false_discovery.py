"""Correction of p-values for the number of tests.

Reference: Benjamini & Hochberg 1995, J R Stat Soc B 57:289.
"""

from __future__ import annotations

import numpy as np
import scipy.stats


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Return the q-values of Benjamini and Hochberg; NaN stays NaN and does not count as a test.

    Parameters
    ----------
    p
        p-values, shape (n,), may hold NaN.

    Returns
    -------
    q-values, shape (n,).
    """
    q = np.full(len(p), np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    if len(tested):
        q[tested] = scipy.stats.false_discovery_control(p[tested], method="bh")
    return q
