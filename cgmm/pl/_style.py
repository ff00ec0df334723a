"""Colours, sizes, panels and text shared by all figures.

Figures and report have the colours of :mod:`cgmm._utils.colours`: what rises is orange and points
up, what falls is blue and points down.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import matplotlib.patheffects as patheffects
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure

from cgmm._utils.arguments import check_whole
from cgmm._utils.colours import DOWN as DOWN_RGB
from cgmm._utils.colours import MIDDLE, mix, population_colours
from cgmm._utils.colours import UP as UP_RGB
from cgmm._utils.labels import short_names, shortened
from cgmm.thresholds import ALPHA

UP, DOWN = (mix(colour, colour, 0.0) for colour in (UP_RGB, DOWN_RGB))
FLAT, NEW, CONTEXT, BAR = "#6B6B6B", "#9A9A9A", "#E6E6E6", "#DADADA"
BEFORE, AFTER = "#4D4D4D", "#029E73"
GRID, TEXT = "#E3E3E3", "#222222"
LENGTHS = ("#C9C9C4", "#6A1B7A")
MAX_NAME = 28  # characters
MAX_LARGE = 16  # more labels than this have smaller text

DIVERGING = LinearSegmentedColormap.from_list(
    "cgmm_change",
    [
        mix(DOWN_RGB, (0, 0, 0), 0.35),
        DOWN,
        "#F4F4F2",
        UP,
        mix(UP_RGB, (0, 0, 0), 0.35),
    ],
)
AMOUNT = LinearSegmentedColormap.from_list(
    "cgmm_amount", ["#F7F9FB", mix(DOWN_RGB, (255, 255, 255), 0.45), mix(DOWN_RGB, (0, 0, 0), 0.45)]
)
#: For points on white: no change is grey, not white.
CHANGE = LinearSegmentedColormap.from_list(
    "cgmm_change_points", [DOWN, mix(MIDDLE, MIDDLE, 0.0), UP]
)
LENGTH = LinearSegmentedColormap.from_list("cgmm_length", list(LENGTHS))

Colour = tuple[float, float, float]


def colours(n: int) -> list[Colour]:
    """Return n colours: the base palette, then the same colours darker, lighter and greyer."""
    return [to_rgb(colour) for colour in population_colours(n)]


def text_size(n: int, *, large: float = 9.0, small: float = 7.5) -> float:
    """Return the size of the text of n labels, in points."""
    return large if n <= MAX_LARGE else small


def plain(name: object) -> str:
    """Return a text that matplotlib does not read as mathematics."""
    return str(name).replace("$", r"\$")


def short(name: object, limit: int = MAX_NAME) -> str:
    """Return a name cut to ``limit`` characters, which matplotlib does not read as mathematics."""
    return plain(shortened(str(name), limit))


def all_short(names: Iterable[object], limit: int = MAX_NAME) -> list[str]:
    """Return names cut to ``limit`` characters that differ where the whole names differ."""
    texts = [str(name) for name in names]
    made = short_names(texts, limit)
    return [plain(made[text]) for text in texts]


def new_axes(ax: Axes | None, *, width: float, height: float) -> Axes:
    """Return ``ax``, or the Axes of a new figure of that size in inches."""
    if ax is not None:
        if not isinstance(ax, Axes):
            msg = f"ax must be matplotlib Axes, got {type(ax).__name__}."
            raise TypeError(msg)
        return ax
    figure = plt.figure(figsize=(width, height), layout="constrained")
    return figure.subplots()


def panels(
    n: int, *, n_columns: int, width: float, height: float, **shared: Any
) -> tuple[Figure, list[Axes]]:
    """Return a figure of n small panels and their Axes, row by row; sizes in inches per panel."""
    n_columns = min(check_whole("n_columns", n_columns, 1), max(n, 1))
    n_rows = -(-n // n_columns)
    figure = plt.figure(
        figsize=(width * n_columns + 0.6, height * n_rows + 0.5), layout="constrained"
    )
    axes = figure.subplots(n_rows, n_columns, squeeze=False, **shared).ravel()
    for ax in axes[n:]:
        ax.set_visible(False)
    if shared.get("sharex"):  # the lowest panel of a column has the labels of its ticks
        for ax in axes[max(n - n_columns, 0) : n]:
            ax.tick_params(labelbottom=True)
    return figure, list(axes[:n])


def called(log2_net: float, ci_low: float, ci_high: float, q: float) -> int:
    """Return 1 for a growth, -1 for a loss, 0 where none is reported.

    A change is reported where q is below 0.05 and the interval excludes ×1, as in the report.
    """
    if not (q < ALPHA and ci_low * ci_high > 0):  # also False where a number is missing
        return 0
    return 1 if log2_net > 0 else -1


def trend(name: object, change: int) -> str:
    """Return a name, with a triangle for a change that is reported (:func:`called`)."""
    return f"{name}{('', '  ▲', '  ▼')[change]}"


def legend_below(ax: Axes, handles: list[Any], *, n_columns: int = 4) -> None:
    """Draw a legend below a figure from :func:`new_axes`, or inside Axes that the caller gave."""
    style: dict[str, Any] = {"handles": handles, "frameon": False, "fontsize": 8}
    if ax.figure.get_layout_engine() is None:
        ax.legend(**style)
    else:
        ax.figure.legend(loc="outside lower center", ncols=n_columns, **style)


def percent(share: float) -> str:
    """Return a share in per cent as text without the sign; one decimal below ten per cent."""
    value = 100 * share
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 0.05 else "0"


def number(ax: Axes, x: float, y: float, words: str, *, size: float) -> None:
    """Write the number of a subpopulation with a white edge, readable on any colour."""
    text = ax.text(
        x,
        y,
        words,
        ha="center",
        va="center",
        fontsize=size,
        fontweight="bold",
        color=TEXT,
        zorder=5,
    )
    text.set_path_effects([patheffects.withStroke(linewidth=2.5, foreground="white")])


def bare(ax: Axes, *, grid: Literal["x", "y"] | None = None) -> None:
    """Remove the frame and the ticks, and draw a light grid along one axis."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(length=0)
    ax.set_axisbelow(True)
    if grid is not None:
        ax.grid(axis=grid, color=GRID, linewidth=0.8)


def rows_height(n: int, *, per_row: float = 0.3, extra: float = 1.2, least: float = 2.4) -> float:
    """Return the height in inches of a figure with n rows."""
    return max(least, per_row * n + extra)


def apart(ax: Axes, points: np.ndarray, *, size: float) -> np.ndarray:
    """Return points (n, 2) moved apart, so that labels at the points overlap as little as possible.

    ``size`` is the size of the text in points. No label moves by more than twice this size.
    """
    if len(points) < 2:
        return points
    inches = np.array(ax.get_window_extent().size) / ax.figure.dpi
    low, high = np.array([ax.get_xlim(), ax.get_ylim()]).T
    unit = (high - low) / (72 * inches)  # data per typographic point
    at = points / unit
    start, wanted = at.copy(), 1.35 * size
    for _ in range(80):
        gap = at[:, None] - at[None]
        # Labels at the same place move apart in their order.
        rank = np.arange(len(at))
        gap = gap + 1e-3 * np.stack([(rank[:, None] - rank[None]) * x for x in (1.0, 0.6)], axis=-1)
        length = np.maximum(np.linalg.norm(gap, axis=-1), 1e-9)
        push = np.maximum(wanted - length, 0.0) / length
        np.fill_diagonal(push, 0.0)
        at = at + 0.3 * (push[..., None] * gap).sum(axis=1)
        away = at - start
        far = np.linalg.norm(away, axis=1, keepdims=True)
        at = start + away * np.minimum(1.0, 2 * size / np.maximum(far, 1e-9))
    return at * unit
