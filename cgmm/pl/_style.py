"""Colours, sizes and text shared by all figures."""

from __future__ import annotations

from typing import Literal

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

# Okabe & Ito 2008, without black.
OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#B8A800")
UP, DOWN, FLAT = "#0072B2", "#D55E00", "#6B6B6B"
GRID, TEXT = "#E3E3E3", "#222222"
LONGEST_NAME = 28


def colours(n: int) -> list[tuple[float, float, float]]:
    """Give n colours: the Okabe-Ito seven, then the same darker and lighter."""
    out = []
    for i in range(n):
        base = np.array(to_rgb(OKABE_ITO[i % len(OKABE_ITO)]))
        turn = i // len(OKABE_ITO) % 4
        base = base * (1.0, 0.6, 0.8, 0.4)[turn] + (0.0, 0.0, 0.2, 0.15)[turn]
        red, green, blue = np.clip(base, 0, 1).tolist()
        out.append((red, green, blue))
    return out


def short(name: object) -> str:
    """Cut a long name and keep matplotlib from reading it as mathematics."""
    text = str(name)
    if len(text) > LONGEST_NAME:
        text = text[: LONGEST_NAME - 1].rstrip() + "…"
    return text.replace("$", r"\$")


def new_axes(ax: Axes | None, *, width: float, height: float) -> Axes:
    """Return ``ax``, or the Axes of a new figure of that size in inches."""
    if ax is not None:
        return ax
    figure = plt.figure(figsize=(width, height), layout="constrained")
    return figure.subplots()


def bare(ax: Axes, *, grid: Literal["x", "y"] | None = None) -> None:
    """Take off frame and ticks that say nothing; light grid along one axis."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(length=0)
    ax.set_axisbelow(True)
    if grid is not None:
        ax.grid(axis=grid, color=GRID, linewidth=0.8)


def rows_height(n: int, *, per_row: float = 0.3, extra: float = 1.2, least: float = 2.4) -> float:
    """Height in inches of a figure with n rows."""
    return max(least, per_row * n + extra)


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
