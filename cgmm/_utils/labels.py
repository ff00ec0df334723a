"""Places of labels that must not overlap."""

from __future__ import annotations

import numpy as np


def spread(positions: np.ndarray, gap: float, low: float, high: float) -> np.ndarray:
    """Move label positions apart so that none are closer than ``gap``, near where they were.

    Pool-adjacent-violators on ``positions - gap * rank``, so the sum of squared moves is least.
    """
    order = np.argsort(positions, kind="stable")
    n = len(order)
    gap = min(gap, (high - low) / max(n - 1, 1))
    wanted = np.asarray(positions, dtype=float)[order] - gap * np.arange(n)
    blocks: list[list[float]] = []  # mean, size
    for value in wanted:
        blocks.append([value, 1.0])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, size = blocks.pop()
            last = blocks[-1]
            last[0] = (last[0] * last[1] + mean * size) / (last[1] + size)
            last[1] += size
    flat = np.concatenate([[mean] * int(size) for mean, size in blocks]) if blocks else wanted
    flat = np.clip(flat, low, high - gap * (n - 1))
    out = np.empty(n)
    out[order] = flat + gap * np.arange(n)
    return out
