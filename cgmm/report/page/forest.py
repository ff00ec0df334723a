"""Parts of a forest plot: rows of factors with their intervals on a log scale."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from cgmm.report.page.svg import NOTHING, FoldAxis, el, label
from cgmm.thresholds import MIN_CHANGE


def fold_axis_marks(
    x: FoldAxis,
    top: float,
    bottom: float,
    *,
    beside: bool = True,
    ends: tuple[str, str] = ("rarer", "more common"),
) -> list[Markup]:
    """Draw the axis of factors with its headings and the band within 1.5-fold.

    With `beside` the numbers stand beside the axis and have a heading. `ends` are the words for
    factors below and above one.
    """
    low, high = x(-MIN_CHANGE), x(MIN_CHANGE)
    parts: list[Markup] = [
        el("rect", x=low, y=top - 4, width=high - low, height=bottom - top + 8, class_="band"),
        label(f"← {ends[0]}", x(0) - 14, 12, anchor="end", class_="down-text head"),
        label(f"{ends[1]} →", x(0) + 14, 12, class_="up-text head"),
        label("factor [95% interval]", x.end + 24, 12, class_="head") if beside else NOTHING,
    ]
    for value, name in x.doublings():
        kind = "zero" if value == 0 else "grid"
        parts.append(el("line", x1=x(value), x2=x(value), y1=top - 4, y2=bottom + 4, class_=kind))
        for y in (32.0, bottom + 16):
            parts.append(label(name, x(value), y, anchor="middle", class_="tick"))
    return parts


def fold_mark(
    value: float,
    ends: tuple[float, float] | None,
    y: float,
    x: FoldAxis,
    *,
    kind: str,
    words: str,
    at: tuple[float, float, str] | None = None,
) -> list[Markup]:
    """Draw the dot and the interval of a factor, and write its number beside the axis.

    Parameters
    ----------
    value, ends
        Log2 factor and its interval; without an interval the dot is hollow.
    y, x
        Place of the row, and the axis. Beyond the axis stands an arrowhead.
    kind
        Class of the marks: "up", "down" or "flat".
    words
        The number as text.
    at
        Place and anchor of the number; None: beside the axis.
    """
    parts: list[Markup] = []
    if ends is not None:
        low, high = ends
        parts.append(el("line", x1=x(low), x2=x(high), y1=y, y2=y, class_=f"ci {kind}"))
        for end, side in ((low, -1), (high, 1)):
            if abs(end) > x.limit and np.sign(end) == side:
                parts.append(_arrowhead(x(end), y, side, 4, kind))
    if abs(value) > x.limit:
        side = int(np.sign(value))
        parts.append(_arrowhead(x(value) - side * 4, y, side, 6, kind))
    else:
        hollow = "" if ends is not None else " hollow"
        parts.append(el("circle", cx=x(value), cy=y, r=5, class_=f"dot {kind}{hollow}"))
    place_x, place_y, anchor = at or (x.end + 24, y, "start")
    return [*parts, label(words, place_x, place_y, anchor=anchor, class_="value")]


def _arrowhead(x: float, y: float, side: int, size: int, kind: str) -> Markup:
    length = size + 2 if size < 6 else size + 4
    return el(
        "path",
        d=f"M{x:.1f},{y - size:.1f}l{side * length},{size}l{-side * length},{size}z",
        class_=f"fill {kind}",
    )
