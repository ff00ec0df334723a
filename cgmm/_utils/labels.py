"""Labels of figures: short forms of long names, and positions without overlap."""

from __future__ import annotations

import numpy as np


def shortened(name: str, limit: int) -> str:
    """Return a name; a name of more than ``limit`` characters is cut and ends in an ellipsis."""
    return name if len(name) <= limit else name[: limit - 1].rstrip() + "…"


def spread(positions: np.ndarray, gap: float, low: float, high: float) -> np.ndarray:
    """Return label positions, moved apart until no two are closer than ``gap``.

    The order of the labels does not change, and the sum of squared moves is minimal (pool adjacent
    violators on ``positions - gap * rank``).

    Parameters
    ----------
    positions
        Wanted positions, shape (n,), in any order.
    gap
        Least distance between labels; reduced when the limits leave too little space.
    low, high
        Limits of the positions.

    Returns
    -------
    Positions, shape (n,).
    """
    order = np.argsort(positions, kind="stable")
    n = len(order)
    gap = min(gap, (high - low) / max(n - 1, 1))
    start = np.asarray(positions, dtype=float)[order] - gap * np.arange(n)
    blocks: list[list[float]] = []  # mean, size
    for value in start:
        blocks.append([value, 1.0])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, size = blocks.pop()
            last = blocks[-1]
            last[0] = (last[0] * last[1] + mean * size) / (last[1] + size)
            last[1] += size
    flat = np.concatenate([[mean] * int(size) for mean, size in blocks]) if blocks else start
    flat = np.clip(flat, low, high - gap * (n - 1))
    out = np.empty(n)
    out[order] = flat + gap * np.arange(n)
    return out
