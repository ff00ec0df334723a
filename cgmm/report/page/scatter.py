"""Scatters of cells: a PNG image of the dots below a layer of SVG with names and ellipses."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from markupsafe import Markup
from PIL import Image

from cgmm._utils.labels import breadth, short_names
from cgmm.report.page.svg import el, label

WIDTH, HEIGHT = 440, 380
PIXELS_PER_UNIT = 1.7
# radius of the ellipse that holds half of a two-dimensional Gaussian
HALF = float(np.sqrt(2 * np.log(2)))
MAX_NAMES = 26


@dataclass(frozen=True)
class Panel:
    """One scatter: an image, a vector layer over it, and what it shows."""

    title: str
    alt: str
    image: str
    overlay: Markup
    map_key: str
    show: str


@dataclass(frozen=True)
class ScatterFigure:
    """Panels of one figure, and how to read them."""

    macro: ClassVar[str] = "scatter"
    key: str
    title: str
    panels: list[Panel]
    reading: str
    note: str = ""


@dataclass(frozen=True)
class View:
    """Positions of the cells on two axes, and the part of the plane that a panel shows.

    Attributes
    ----------
    key
        "UMAP" or "PC".
    axes
        Names of the two axes.
    xy
        Positions in data coordinates, shape (n, 2); NaN for a cell without one.
    low, high
        Lower left and upper right corner of the panel in data coordinates, each of shape (2,).
    """

    key: str
    axes: tuple[str, str]
    xy: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def place(self, points: np.ndarray) -> np.ndarray:
        """Turn data coordinates (n, 2) into panel coordinates, y downwards."""
        unit = (np.asarray(points, dtype=float) - self.low) / (self.high - self.low)
        return np.column_stack([unit[:, 0] * WIDTH, (1 - unit[:, 1]) * HEIGHT])


@dataclass(frozen=True)
class Name:
    """A name to place on a panel, and the size that decides which name is placed first.

    `radii` are half the width and half the height of the mark that the name stands beside; without
    them the name stands on its place.
    """

    text: str
    index: int
    x: float
    y: float
    size: float
    radii: tuple[float, float] | None = None

    def places(self, half: float) -> list[tuple[float, float]]:
        """Return where the middle of the name may stand, best first; `half` its width."""
        if self.radii is None:
            return [(self.x, self.y + up) for up in (0, -14, 14, -28, 28)]
        across, up = self.radii[0] + half + 3, self.radii[1] + 9
        moves = [(0, -up), (0, up), (across, 0), (-across, 0), (0, 0)]
        return [(self.x + dx, self.y + dy) for dx, dy in moves]


def draw_cells(
    place: np.ndarray, colours: Sequence[str] | np.ndarray, size: float, alpha: float
) -> Image.Image:
    """Draw cells at panel coordinates (n, 2) on a transparent image."""
    # the list of reports draws nothing, so its job does not load this
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100 * PIXELS_PER_UNIT)
    pixels = FigureCanvasAgg(canvas)
    canvas.patch.set_alpha(0)
    axes = canvas.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(HEIGHT, 0)
    axes.axis("off")
    if len(place):
        axes.scatter(place[:, 0], place[:, 1], s=size, c=colours, alpha=alpha, linewidths=0)
    pixels.draw()
    return Image.fromarray(np.array(pixels.buffer_rgba()))


def encode(image: Image.Image) -> str:
    """Return an image as a ``data:`` address, with 64 colours."""
    small = image.quantize(colors=64, method=Image.Quantize.FASTOCTREE)
    stream = io.BytesIO()
    small.save(stream, format="png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def dot_size(n_cells: int) -> float:
    """Return the area of a dot, smaller where there are more cells."""
    return float(np.clip(20_000 / max(n_cells, 1), 1.1, 10.0))


def place_names(names: Sequence[Name]) -> tuple[list[Markup], int]:
    """Write names, the largest first, where they do not overlap; count the names left out."""
    boxes = [(WIDTH - 52.0, HEIGHT - 18.0, float(WIDTH), float(HEIGHT)), (0.0, 0.0, 20.0, 52.0)]
    parts: list[Markup] = []
    left_out = 0
    short = short_names([name.text for name in names], 18)
    for rank, name in enumerate(sorted(names, key=lambda n: -n.size)):
        words = short[name.text]
        half = breadth(words) * 3.8 + 2
        for across, down in name.places(half) if rank < MAX_NAMES else ():
            x = float(np.clip(across, half + 2, WIDTH - half - 2))
            at = float(np.clip(down, 9, HEIGHT - 9))
            box = (x - half, at - 7, x + half, at + 7)
            if all(box[2] < b[0] or box[0] > b[2] or box[3] < b[1] or box[1] > b[3] for b in boxes):
                boxes.append(box)
                parts.append(
                    label(words, x, at, anchor="middle", class_="map-label mark", data_s=name.index)
                )
                break
        else:
            left_out += 1
    return parts, left_out


def overlay(parts: list[Markup], axes: tuple[str, str]) -> Markup:
    """Write the vector layer of a panel, with the names of the axes."""
    return el(
        "svg",
        *parts,
        label(axes[0], WIDTH - 6, HEIGHT - 9, anchor="end", class_="tick"),
        el(
            "text",
            axes[1],
            transform="translate(11,6) rotate(-90)",
            text_anchor="end",
            class_="tick",
        ),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        class_="chart overlay",
        xmlns="http://www.w3.org/2000/svg",
        aria_hidden="true",
    )


def ellipse(centre: np.ndarray, covariance: np.ndarray, view: View, **attributes: object) -> Markup:
    """Write the ellipse that holds half of a Gaussian with this centre (2,) and covariance."""
    scale = np.array([WIDTH / (view.high[0] - view.low[0]), -HEIGHT / (view.high[1] - view.low[1])])
    shaped = covariance * np.outer(scale, scale)
    values, vectors = np.linalg.eigh(shaped)
    radii = HALF * np.sqrt(np.maximum(values, 0))
    angle = float(np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1])))
    x, y = view.place(centre[None, :])[0]
    return el(
        "ellipse",
        cx=0.0,
        cy=0.0,
        rx=float(radii[1]),
        ry=float(radii[0]),
        transform=f"translate({x:.1f},{y:.1f}) rotate({angle:.1f})",
        **attributes,
    )


def arrow(start: np.ndarray, end: np.ndarray, colour: str, share: float) -> list[Markup]:
    """Write shaft and head of an arrow; the shaft is thicker for a larger share."""
    length = float(np.hypot(*(end - start)))
    along = (end - start) / length
    wing = np.array([-along[1], along[0]]) * 3.6
    neck = end - along * min(8.0, length)
    tips = neck + wing, neck - wing
    return [
        el(
            "path",
            d=f"M{start[0]:.1f},{start[1]:.1f}L{neck[0]:.1f},{neck[1]:.1f}",
            class_="arrow",
            stroke=colour,
            stroke_width=0.8 + 2.2 * share,
        ),
        el(
            "path",
            d=f"M{end[0]:.1f},{end[1]:.1f}L{tips[0][0]:.1f},{tips[0][1]:.1f}"
            f"L{tips[1][0]:.1f},{tips[1][1]:.1f}Z",
            fill=colour,
        ),
    ]


def colour_bar(colours: list[str], low: str, high: str) -> list[Markup]:
    """Write the legend of a colour scale into the lower left corner of a panel."""
    x, y, w = 10.0, HEIGHT - 18.0, 14.0
    parts = [
        el("rect", x=x + w * i, y=y, width=w + 0.5, height=10, fill=c)
        for i, c in enumerate(colours)
    ]
    return [
        *parts,
        label(low, x, y - 9, class_="bar-text halo"),
        label(high, x + w * len(colours), y - 9, anchor="end", class_="bar-text halo"),
    ]
