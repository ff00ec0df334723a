"""Builders of escaped inline SVG, and the `Figure` that every drawing function returns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup, escape

from cgmm._utils.labels import breadth

WIDTH = 860  # of a figure with one row per population
TALL = 620  # height from which a figure takes most of a printed page
NARROW = 400  # of the same figure on a phone
NARROW_STEP = 42.0  # from row to row there: the name stands above its mark
STEP = 26.0  # from row to row
NOTHING = Markup("")


@dataclass(frozen=True)
class Figure:
    """A drawing with its title and the text on how to read it."""

    macro: ClassVar[str] = "figure"
    key: str
    title: str
    svg: Markup
    reading: str
    note: str = ""
    controls: Markup = NOTHING
    narrow: Markup = NOTHING  # the same for a phone


@dataclass(frozen=True)
class FoldAxis:
    """Axis of log2 factors: ``-limit`` at `start`, ``limit`` at `end`, all beyond at the ends."""

    start: float
    end: float
    limit: float

    def __call__(self, value: float) -> float:
        """Give the position of a log2 factor."""
        inside = max(-self.limit, min(float(value), self.limit))
        return self.start + (inside + self.limit) / (2 * self.limit) * (self.end - self.start)

    def doublings(self) -> list[tuple[int, str]]:
        """Whole log2 factors of the axis, each with its label: ×2, ×1/2."""
        whole = range(-int(self.limit), int(self.limit) + 1)
        return [(v, f"×{2**v}" if v >= 0 else f"×1/{2**-v}") for v in whole]


def el(tag: str, *children: Markup | str, **attributes: object) -> Markup:
    """Write one element; in attribute names ``_`` becomes ``-``, a trailing ``_`` is dropped."""
    parts = [f"<{tag}"]
    for key, value in attributes.items():
        if value is None:
            continue
        if isinstance(value, float):
            value = f"{value:.2f}".rstrip("0").rstrip(".")
        parts.append(f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"')
    if not children:
        return Markup("".join(parts) + "/>")
    inside = "".join(str(escape(c)) for c in children)
    return Markup(f"{''.join(parts)}>{inside}</{tag}>")


def drawing(
    children: list[Markup], *, width: float, height: float, title: str, text: str, key: str
) -> Markup:
    """Write the ``<svg>`` element with its accessible name and description.

    A `width` of `NARROW` marks the drawing as the one for phones.
    """
    narrow = " narrow" if width == NARROW else ""
    tall = " tall" if height > TALL else ""  # print needs more of the page for it
    key += narrow.replace(" ", "-")
    return el(
        "svg",
        el("title", title, id=f"{key}-t"),
        el("desc", text, id=f"{key}-d"),
        *children,
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        width=round(width),
        height=round(height),
        role="img",
        aria_labelledby=f"{key}-t {key}-d",
        class_=f"chart{narrow}{tall}",
        style=f"--w:{width:.0f}px",
        xmlns="http://www.w3.org/2000/svg",
    )


def label(content: str, x: float, y: float, *, anchor: str = "start", **more: object) -> Markup:
    """Write a text element, vertically centred on `y`."""
    return el("text", content, x=x, y=y, dy="0.35em", text_anchor=anchor, **more)


def names_width(names: Sequence[str], limit: int = 27) -> float:
    """Return the width of the longest name before the rows of a figure, cut to `limit` letters."""
    longest = max((min(breadth(n), limit) for n in names), default=4)
    return max(longest * 7.6 + 8, 70.0)


def about(subs: Sequence[int]) -> dict[str, object]:
    """Return the attribute with the populations of a mark, for the selection in the browser."""
    keys = ("data_s", "data_t")
    named: dict[str, object] = dict(zip(keys, subs, strict=False))
    if len(subs) > len(keys):
        named["data_more"] = " ".join(str(i) for i in subs[len(keys) :])
    return named


def tip(content: str) -> Markup:
    """Write the hover text of the enclosing element (works without JavaScript)."""
    return el("title", content)


def ticks(low: float, high: float, n: int = 5) -> list[float]:
    """Return about `n` round numbers between `low` and `high`."""
    if not high > low:
        return [low]
    raw = (high - low) / n
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= raw)
    first = -(-low // step) * step
    values = []
    while first <= high + 1e-9 * step:
        values.append(round(first, 12) + 0.0)
        first += step
    return values


def polyline(xs: list[float], ys: list[float]) -> str:
    """Return path data through the points."""
    points = [f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True)]
    return "M" + "L".join(points) if points else ""
