"""Cells and components on the page: rasterised scatters with crisp labels, and ellipses."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from PIL import Image

from cgmm._utils.colours import diverging, mix
from cgmm.report.page import text
from cgmm.report.page.svg import el, label, tip
from cgmm.results.read import Results, Subpopulation, each

WIDTH, HEIGHT = 440, 380
SCALE = 1.7
# radius of the ellipse that holds half of a two-dimensional Gaussian
HALF = float(np.sqrt(2 * np.log(2)))
MAX_LABELS = 26
BAR_STEPS = 9
CONDITION = ("#85857f", "#0b8a8a")  # source, target


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
class Map:
    """A two-dimensional view of the cells: name, axis names and positions scaled to the panel."""

    key: str
    axes: tuple[str, str]
    xy: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def place(self, points: np.ndarray) -> np.ndarray:
        """Turn data coordinates (n, 2) into panel coordinates, y downwards."""
        unit = (np.asarray(points, dtype=float) - self.low) / (self.high - self.low)
        return np.column_stack([unit[:, 0] * WIDTH, (1 - unit[:, 1]) * HEIGHT])


def cell_index(results: Results) -> np.ndarray:
    """Subpopulation of each drawn cell (n,), 255 for none."""
    known = {s.name: s.index for s in results.subpopulations}
    names = results.cells["component"].astype(str)
    return np.array([known.get(n, 255) for n in names], dtype=np.int64)


def cell_side(results: Results) -> np.ndarray:
    """0 for source cells, 1 for target cells, 2 for others (n,)."""
    condition = results.cells["condition"].astype(str).to_numpy(dtype=object)
    return np.where(condition == results.source, 0, np.where(condition == results.target, 1, 2))


def make_map(results: Results, key: str) -> Map | None:
    """Make the view `key` ("UMAP" or "PC") of the cells, or None when its columns are absent."""
    cells = results.cells
    found = {str(c).upper(): str(c) for c in cells.columns}
    wanted = [f"{key}1", f"{key}2"]
    if not len(cells) or any(w not in found for w in wanted):
        return None
    xy = cells[[found[w] for w in wanted]].to_numpy(dtype=float)
    good = xy[np.isfinite(xy).all(axis=1)]
    if not len(good):
        return None
    low, high = np.percentile(good, 0.1, axis=0), np.percentile(good, 99.9, axis=0)
    pad = 0.06 * np.maximum(high - low, 1e-9)
    return Map(key=key, axes=(wanted[0], wanted[1]), xy=xy, low=low - pad, high=high + pad)


def _png(
    place: np.ndarray, colours: list[str] | np.ndarray, size: float, alpha: float
) -> Image.Image:
    canvas = Canvas(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100 * SCALE)
    FigureCanvasAgg(canvas)
    canvas.patch.set_alpha(0)
    axes = canvas.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(HEIGHT, 0)
    axes.axis("off")
    if len(place):
        axes.scatter(place[:, 0], place[:, 1], s=size, c=colours, alpha=alpha, linewidths=0)
    stream = io.BytesIO()
    canvas.savefig(stream, format="png", transparent=True)
    stream.seek(0)
    return Image.open(stream).convert("RGBA")


def _encode(image: Image.Image) -> str:
    small = image.quantize(colors=128, method=Image.Quantize.FASTOCTREE)
    stream = io.BytesIO()
    small.save(stream, format="png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _size(n: int) -> float:
    return float(np.clip(20_000 / max(n, 1), 1.1, 10.0))


Centre = tuple[Subpopulation, float, float, float]  # and its size, for what is named first


def _medians(
    results: Results, place: np.ndarray, index: np.ndarray, cells: np.ndarray
) -> list[Centre]:
    """Middle of the `cells` of every subpopulation on the panel."""
    centres = []
    for sub in results.subpopulations:
        own = cells[index[cells] == sub.index]
        if len(own):
            x, y = np.median(place[own], axis=0)
            centres.append((sub, float(x), float(y), float(len(own))))
    return centres


def _labels(centres: list[Centre]) -> tuple[list[Markup], int]:
    """Place the names of the largest subpopulations without overlap; count those left out."""
    boxes = [(WIDTH - 52.0, HEIGHT - 18.0, float(WIDTH), float(HEIGHT)), (0.0, 0.0, 20.0, 52.0)]
    parts: list[Markup] = []
    left_out = 0
    for rank, (sub, x, y, _) in enumerate(sorted(centres, key=lambda c: -c[3])):
        words = text.short(sub.name, 18)
        half = len(words) * 3.8 + 2
        x = float(np.clip(x, half + 2, WIDTH - half - 2))
        tries = (0, -14, 14, -28, 28, -42, 42)
        for offset in tries if rank < MAX_LABELS else ():
            at = float(np.clip(y + offset, 9, HEIGHT - 9))
            box = (x - half, at - 7, x + half, at + 7)
            if all(box[2] < b[0] or box[0] > b[2] or box[3] < b[1] or box[1] > b[3] for b in boxes):
                boxes.append(box)
                parts.append(
                    label(words, x, at, anchor="middle", class_="map-label mark", data_s=sub.index)
                )
                break
        else:
            left_out += 1
    return parts, left_out


def _overlay(parts: list[Markup], axes: tuple[str, str]) -> Markup:
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


def _ellipse(centre: np.ndarray, covariance: np.ndarray, view: Map, **attributes: object) -> Markup:
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


def _gaussians(results: Results, side: str) -> list[tuple[Subpopulation, np.ndarray, np.ndarray]]:
    block = (results.meta.get("components") or {}).get(side) or {}
    means, covariances = block.get("means"), block.get("covariances")
    if not means or not covariances:
        return []
    centre = np.asarray(means, dtype=float)
    shape = np.asarray(covariances, dtype=float)
    if centre.ndim != 2 or centre.shape[1] < 2 or shape.shape != (*centre.shape, centre.shape[1]):
        return []
    found = []
    for sub in results.subpopulations:
        k = sub.source if side == "source" else sub.target
        if k is not None and 0 <= k < len(centre):
            found.append((sub, centre[k, :2], shape[k, :2, :2]))
    return found


def _ellipses(results: Results, side: str, view: Map) -> list[Markup]:
    return [
        _ellipse(
            centre,
            covariance,
            view,
            class_=f"ellipse {side} mark",
            stroke=sub.colour,
            data_s=sub.index,
        )
        for sub, centre, covariance in _gaussians(results, side)
    ]


def _arrow(a: np.ndarray, b: np.ndarray, colour: str, share: float) -> list[Markup]:
    """Shaft and head of an arrow from `a` to `b`; the shaft is thicker for a larger share."""
    length = float(np.hypot(*(b - a)))
    along = (b - a) / length
    wing = np.array([-along[1], along[0]]) * 3.6
    neck = b - along * min(8.0, length)
    tips = neck + wing, neck - wing
    return [
        el(
            "path",
            d=f"M{a[0]:.1f},{a[1]:.1f}L{neck[0]:.1f},{neck[1]:.1f}",
            class_="arrow",
            stroke=colour,
            stroke_width=0.8 + 2.2 * share,
        ),
        el(
            "path",
            d=f"M{b[0]:.1f},{b[1]:.1f}L{tips[0][0]:.1f},{tips[0][1]:.1f}"
            f"L{tips[1][0]:.1f},{tips[1][1]:.1f}Z",
            fill=colour,
        ),
    ]


def cell_panels(results: Results, view: Map, *, ellipses: bool) -> tuple[list[Panel], int]:
    """Source and target cells side by side on the same axes, coloured by subpopulation.

    Returns
    -------
    panels
        Two panels.
    left_out
        The larger number of labels left out for lack of room.
    """
    index, side = cell_index(results), cell_side(results)
    place = view.place(view.xy)
    palette = [s.colour for s in results.subpopulations]
    good = np.isfinite(place).all(axis=1)
    panels, left_out = [], 0
    order = np.random.default_rng(0).permutation(len(place))
    for number, which, name in ((0, "source", results.source), (1, "target", results.target)):
        mine = order[good[order] & (side[order] == number) & (index[order] < len(palette))]
        rest = order[good[order] & (side[order] == 1 - number)]
        image = _png(place[rest], ["#8a8a8a"] * len(rest), _size(len(order)), 0.10)
        image.alpha_composite(
            _png(place[mine], [palette[i] for i in index[mine]], _size(len(order)), 0.75)
        )
        parts = _ellipses(results, which, view) if ellipses else []
        labels, missing = _labels(_medians(results, place, index, mine))
        left_out = max(left_out, missing)
        panels.append(
            Panel(
                title=f"{name}: {text.count(len(mine))} cells drawn",
                alt=f"Scatter of {name} cells on {view.axes[0]} and {view.axes[1]}, "
                "coloured by subpopulation",
                image=_encode(image),
                overlay=_overlay([*parts, *labels], view.axes),
                map_key=view.key,
                show=which,
            )
        )
    return panels, left_out


def both_panel(results: Results, view: Map) -> Panel:
    """Cells of both conditions over each other, coloured by condition."""
    side = cell_side(results)
    place = view.place(view.xy)
    good = np.isfinite(place).all(axis=1)
    order = np.random.default_rng(1).permutation(len(place))
    shown = order[good[order] & (side[order] < 2)]
    colours = [CONDITION[i] for i in side[shown]]
    image = _png(place[shown], colours, _size(len(order)), 0.6)
    return Panel(
        title=f"{results.source} grey, {results.target} teal",
        alt=f"Scatter of the cells of both conditions on {view.axes[0]} and {view.axes[1]}, "
        "coloured by condition",
        image=_encode(image),
        overlay=_overlay([], view.axes),
        map_key=view.key,
        show="all",
    )


def movement_panel(results: Results, view: Map) -> tuple[Panel | None, int]:
    """Ellipses of both sides over each other, with an arrow for every transfer of 10 % or more.

    Returns
    -------
    panel
        None when the fit left no ellipses.
    left_out
        Labels left out for lack of room.
    """
    source, target = _gaussians(results, "source"), _gaussians(results, "target")
    if not source or not target:
        return None, 0
    place = view.place(view.xy)
    good = np.isfinite(place).all(axis=1)
    mine = good & (cell_side(results) < 2)
    colours = [CONDITION[i] for i in cell_side(results)[mine]]
    image = _png(place[mine], colours, _size(len(place)), 0.16)
    parts = [*_ellipses(results, "source", view), *_ellipses(results, "target", view)]
    start = {s.name: view.place(c[None, :])[0] for s, c, _ in source}
    end = {s.name: view.place(c[None, :])[0] for s, c, _ in target}
    for row in each(results.tables["transfers"]):
        if not row.share_of_source >= 0.1 or row.source not in start or row.target not in end:
            continue
        a, b = start[row.source], end[row.target]
        if np.hypot(*(b - a)) < 4:
            continue
        i = results.index_of(row.source)
        parts.append(
            el(
                "g",
                tip(f"{row.source} → {row.target}: {text.percent(row.share_of_source)}"),
                *_arrow(a, b, results.subpopulations[i].colour, float(row.share_of_source)),
                class_="mark",
                data_s=i,
                data_t=results.index_of(row.target),
            )
        )
    scale = HEIGHT / (view.high[1] - view.low[1])
    above = [HALF * scale * float(np.sqrt(shape[1, 1])) + 8 for _, _, shape in target]
    labels, left_out = _labels(
        [
            (s, *view.place(c[None, :])[0] - np.array([0.0, up]), s.share_target)
            for (s, c, _), up in zip(target, above, strict=True)
        ]
    )
    panel = Panel(
        title=f"{results.source} (dashed, grey cells) to {results.target} (solid, teal cells)",
        alt="Ellipses of the subpopulations of both conditions with arrows for transfers",
        image=_encode(image),
        overlay=_overlay([*parts, *labels], view.axes),
        map_key=view.key,
        show="all",
    )
    return panel, left_out


def change_panels(results: Results, view: Map) -> list[Panel]:
    """Every cell coloured by its net factor, and source cells by how far they moved."""
    side, unit = cell_side(results), _spread(results)
    made = [
        _coloured(
            results,
            view,
            values=_column(results, "log2_net_factor"),
            mine=side < 2,
            colour=diverging,
            title="Prevalence (net factor)",
            ends=lambda limit: (f"×{text.ratio(2**-limit)}", f"×{text.ratio(2**limit)}"),
            low=-1.0,
            show="all",
        ),
        _coloured(
            results,
            view,
            values=_column(results, "shift") / unit,
            mine=side == 0,
            colour=_purple,
            title=f"State shift, {results.source} cells",
            ends=lambda limit: ("0", f"{text.fixed(limit, 1)}{' SD' if unit != 1 else ''}"),
            low=0.0,
            show="source",
        ),
    ]
    return [panel for panel in made if panel is not None]


def _spread(results: Results) -> float:
    """Length of one SD in units of the representation; 1 when it is not known."""
    shifts = results.tables["shifts"]
    ratio = (shifts["mean_shift"] / shifts["mean_shift_sd"]).to_numpy(dtype=float)
    known = ratio[np.isfinite(ratio) & (ratio > 0)]
    return float(np.median(known)) if len(known) else 1.0


def _column(results: Results, name: str) -> np.ndarray:
    """Numbers of the cells table, NaN where it has no such column."""
    if name not in results.cells.columns:
        return np.full(len(results.cells), np.nan)
    return pd.to_numeric(results.cells[name], errors="coerce").to_numpy(dtype=float)


def _purple(value: float, limit: float) -> str:
    return mix((0xC9, 0xC9, 0xC4), (0x9C, 0x33, 0xB8), float(np.clip(value / limit, 0, 1)))


def _coloured(
    results: Results,
    view: Map,
    *,
    values: np.ndarray,
    mine: np.ndarray,
    colour: Callable[[float, float], str],
    title: str,
    ends: Callable[[float], tuple[str, str]],
    low: float,
    show: str,
) -> Panel | None:
    """Cells coloured by a number, with a bar of colours from ``low`` times the limit to it."""
    place = view.place(view.xy)
    keep = np.flatnonzero(np.isfinite(place).all(axis=1) & mine & np.isfinite(values))
    if not len(keep):
        return None
    keep = keep[np.argsort(np.abs(values[keep]), kind="stable")]
    limit = float(max(np.percentile(np.abs(values[keep]), 98), 1.0 if low < 0 else 1e-9))
    colours = [colour(float(v), limit) for v in values[keep]]
    steps = [colour(float(v), limit) for v in np.linspace(low, 1.0, BAR_STEPS) * limit]
    return Panel(
        title=title,
        alt=title,
        image=_encode(_png(place[keep], colours, _size(len(place)), 0.8)),
        overlay=_overlay(_colour_bar(steps, *ends(limit)), view.axes),
        map_key=view.key,
        show=show,
    )


def _colour_bar(colours: list[str], low: str, high: str) -> list[Markup]:
    """Legend in the lower left corner; values beyond its ends have the colours of the ends."""
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


def island(results: Results, views: list[Map]) -> dict[str, object]:
    """Positions for highlighting in the browser: 16-bit coordinates in base64."""
    if not views:
        return {}
    index, side = cell_index(results), cell_side(results)
    data: dict[str, object] = {
        "width": WIDTH,
        "height": HEIGHT,
        "component": _pack(np.clip(index, 0, 255).astype("<u1")),
        "side": _pack(side.astype("<u1")),
    }
    for view in views:
        place = np.nan_to_num(view.place(view.xy), nan=-100.0) / np.array([WIDTH, HEIGHT])
        data[view.key] = _pack((np.clip(place + 0.5, 0, 2) / 2 * 65535).astype("<u2"))
    return data


def _pack(values: np.ndarray) -> str:
    return base64.b64encode(values.tobytes()).decode("ascii")
