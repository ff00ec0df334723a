"""Layout of the heatmaps: names along both sides, an empty background, cells with numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from cgmm._utils.labels import breadth
from cgmm.report.page.svg import NOTHING, el, label, tip

Named = Sequence[tuple[str, int]]  # texts, each with the index of its population


def _angle(width: float) -> int:
    """Return the slant of the names above columns of a width, in degrees."""
    return 40 if width >= 20 else 60


def _ink(strength: float) -> str:
    """Return the class of a number on a colour of this strength; report.js has the same rule."""
    return "heat-ink" if strength > 0.8 else "heat-mid" if strength > 0.55 else "heat-text"


def rise(width: float, names: Sequence[str], size: float) -> float:
    """Return the height that the longest of the slanted names takes above its column."""
    longest = max(map(breadth, names), default=4)
    return longest * size * 0.62 * float(np.sin(np.radians(_angle(width))))


def reach(grid: Grid, names: Sequence[str], size: float) -> float:
    """Return how far to the right the slanted names above the columns go."""
    along = size * 0.62 * float(np.cos(np.radians(_angle(grid.width))))
    return max(
        (grid.left + grid.width * (j + 0.5) + breadth(n) * along for j, n in enumerate(names)),
        default=grid.right,
    )


@dataclass(frozen=True)
class Grid:
    """Position of the cells of a heatmap: upper left corner, size of a cell, number of cells."""

    left: float
    top: float
    width: float
    height: float
    n_rows: int
    n_columns: int

    @property
    def right(self) -> float:
        """Right edge of the last column."""
        return self.left + self.width * self.n_columns

    @property
    def bottom(self) -> float:
        """Lower edge of the last row."""
        return self.top + self.height * self.n_rows

    def column_names(self, names: Named, size: float) -> list[Markup]:
        """Write slanted names above the columns."""
        return [
            el(
                "text",
                name,
                transform=f"translate({self.left + self.width * (j + 0.5):.1f},{self.top - 8:.1f}) "
                f"rotate(-{_angle(self.width)})",
                class_="mark",
                data_s=index,
                font_size=size,
            )
            for j, (name, index) in enumerate(names)
        ]

    def row_names(self, names: Named, size: float) -> list[Markup]:
        """Write names of populations before the rows."""
        return [
            label(
                name,
                self.left - 8,
                self.top + self.height * (i + 0.5),
                anchor="end",
                class_="mark",
                data_s=index,
                font_size=size,
            )
            for i, (name, index) in enumerate(names)
        ]

    def background(self) -> list[Markup]:
        """Draw one background with grid lines; an empty cell then needs no element of its own."""
        w, h = self.width * self.n_columns, self.height * self.n_rows
        x, y = self.left, self.top
        lines = [f"M{x + self.width * j:.1f},{y:.1f}v{h:.1f}" for j in range(1, self.n_columns)]
        lines += [f"M{x:.1f},{y + self.height * i:.1f}h{w:.1f}" for i in range(1, self.n_rows)]
        return [
            el("rect", x=x, y=y, width=w, height=h, rx=2, class_="heat-bg"),
            el("path", d="".join(lines), class_="heat-lines"),
        ]

    def middle(self, i: int, j: int) -> tuple[float, float]:
        """Return the middle of a cell."""
        x, y = self.left + self.width * j, self.top + self.height * i
        return x + self.width / 2, y + self.height / 2

    def square(
        self,
        i: int,
        j: int,
        fill: str,
        *,
        corner: float,
        strength: float | None = None,
        inset: float = 0.5,
    ) -> Markup:
        """Draw the square of a cell, `strength` (0 to 1) of its colour."""
        return el(
            "rect",
            x=self.left + self.width * j + inset,
            y=self.top + self.height * i + inset,
            width=self.width - 2 * inset,
            height=self.height - 2 * inset,
            rx=corner,
            class_=fill,
            fill_opacity=None if strength is None else round(strength, 3),
        )

    def cell(
        self,
        i: int,
        j: int,
        hover: str,
        ink: str | None,
        *,
        strength: float,
        size: float,
        corner: float,
        fill: str,
        **data: object,
    ) -> Markup:
        """Draw one cell, `strength` (0 to 1) of its colour, and a number where there is room."""
        return el(
            "g",
            tip(hover),
            self.square(i, j, fill, strength=strength, corner=corner),
            NOTHING
            if ink is None
            else label(
                ink,
                *self.middle(i, j),
                anchor="middle",
                class_=_ink(strength),
                font_size=size,
            ),
            class_="mark cell",
            **data,
        )
