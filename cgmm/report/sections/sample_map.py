"""Maps of the samples: near each other are samples with alike shares, or alike states."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from markupsafe import Markup

from cgmm._utils.colours import CONDITION_COLOURS
from cgmm._utils.labels import breadth
from cgmm._utils.scaling import classical_scaling, square
from cgmm.report.page import text
from cgmm.report.page.svg import NARROW, WIDTH, Figure, drawing, el, label, tip
from cgmm.results.read import Results, each

SIDE = 300.0  # height of a panel
PAD = 34.0
MIN_SAMPLES = 3
LETTER = 6.2
KINDS = {"composition": "by shares of populations", "state": "by states of populations"}
SHAPES = 6  # of batches that can be told apart


def sample_map_figure(results: Results) -> Figure | None:
    """Draw both maps of the samples; None with fewer than three samples or without distances."""
    samples, pairs = results.tables["samples"], results.tables["sample_distances"]
    if len(samples) < MIN_SAMPLES or pairs.empty:
        return None
    return Figure(
        key="sample-map",
        title="Which samples are alike",
        svg=_drawing(results, samples, pairs, WIDTH, side_by_side=True),
        narrow=_drawing(results, samples, pairs, NARROW, side_by_side=False),
        reading=(
            "Each mark is a sample; near each other lie samples with alike shares of populations "
            "(first; Hellinger distance) and with alike mean cells in every population (second; in "
            "SD, less what drawing cells adds). The percentage is the part of all differences that "
            "the two axes show. Lines join the samples of one donor. A name without room is left "
            "out: hover over its mark. Where conditions lie apart, the whole study differs. Where "
            "batches lie apart more than conditions, or one sample lies far from all, look at it "
            "before you believe a change."
        ),
    )


def _drawing(
    results: Results,
    samples: pd.DataFrame,
    pairs: pd.DataFrame,
    width: float,
    *,
    side_by_side: bool,
) -> Markup:
    """Draw both maps beside or below each other, and the legend."""
    step = ((width + 20) / 2, 0.0) if side_by_side else (0.0, SIDE + 44)
    wide = (width - 20) / 2 if side_by_side else width
    parts: list[Markup] = []
    for i, (kind, words) in enumerate(KINDS.items()):
        points, shown = _points(samples, pairs, kind)
        x, y = i * step[0], i * step[1]
        parts += _panel(results, samples, points, (x, y + 24.0), wide)
        share = f" ({text.percent(shown)})" if np.isfinite(shown) else ""
        parts.append(label(words + share, x, y + 10, class_="head"))
    legend, height = _legend(results, samples, SIDE + 42 + step[1], width)
    return drawing(
        [*parts, *legend],
        width=width,
        height=height,
        title="Maps of the samples",
        text="Each mark is a sample; samples that are alike lie near each other. "
        "sample_distances.tsv has all distances.",
        key="sample-map",
    )


def _points(samples: pd.DataFrame, pairs: pd.DataFrame, kind: str) -> tuple[np.ndarray, float]:
    place = {name: i for i, name in enumerate(samples["sample"])}
    known = pairs.loc[pairs["sample"].isin(place) & pairs["other"].isin(place)]
    i, j = (known[c].map(place).to_numpy(dtype=int) for c in ("sample", "other"))
    return classical_scaling(square(len(samples), i, j, known[kind].to_numpy(dtype=float)))


def _panel(
    results: Results,
    samples: pd.DataFrame,
    points: np.ndarray,
    corner: tuple[float, float],
    width: float,
) -> list[Markup]:
    x0, y0 = corner
    middle = (points.max(axis=0) + points.min(axis=0)) / 2
    span = max(float(np.ptp(points[:, 0])) / (width - 2 * PAD), 1e-9)
    span = max(span, float(np.ptp(points[:, 1])) / (SIDE - 2 * PAD))
    at = (points - middle) / span * [1, -1] + [x0 + width / 2, y0 + SIDE / 2]
    parts: list[Markup] = [el("rect", x=x0, y=y0, width=width, height=SIDE, rx=5, class_="panel")]
    for donor, rows in samples.groupby("donor", sort=True):
        if donor and len(rows) > 1:
            line = "L".join(f"{at[i, 0]:.1f},{at[i, 1]:.1f}" for i in rows.index)
            parts.append(el("path", d=f"M{line}", class_="leader faint"))
    batches = _batches(samples)
    for i, row in enumerate(each(samples)):
        colour = CONDITION_COLOURS[int(row.condition == results.target)]
        about = [row.condition, f"donor {row.donor}" * bool(row.donor)]
        about += [f"batch {row.batch}" * bool(row.batch), f"{text.count(row.n_cells)} cells"]
        hover = f"{row.sample}: {', '.join(a for a in about if a)}"
        shape = batches.index(row.batch) % SHAPES if row.batch in batches else 0
        parts.append(_mark(at[i], shape, colour, hover, row.donor))
    called = [text.short(row.donor or row.sample, 12) for row in each(samples)]
    return parts + _names(called, at, (x0, x0 + width))


def _names(called: list[str], at: np.ndarray, edges: tuple[float, float]) -> list[Markup]:
    """Write names beside their marks; a name that would lie on a mark or a name is left out."""
    boxes = [(x - 5.5, y - 5.5, x + 5.5, y + 5.5) for x, y in at]
    parts = []
    for i, words in enumerate(called):
        long = LETTER * breadth(words)
        x, y = (float(v) for v in at[i])
        for left, up in (
            (x + 9, y),
            (x - 9 - long, y),
            (x - long / 2, y - 14),
            (x - long / 2, y + 14),
        ):
            box = (left, up - 6, left + long, up + 6)
            inside = edges[0] + 2 < left and left + long < edges[1] - 2
            if inside and not any(_overlap(box, b) for j, b in enumerate(boxes) if j != i):
                boxes.append(box)
                parts.append(label(words, left, up, class_="tick halo"))
                break
    return parts


def _overlap(box: tuple[float, ...], other: tuple[float, ...]) -> bool:
    apart = box[2] < other[0] or box[0] > other[2] or box[3] < other[1] or box[1] > other[3]
    return not apart


def _batches(samples: pd.DataFrame) -> list[str]:
    return sorted({b for b in samples["batch"] if b})


def _mark(at: np.ndarray, shape: int, colour: str, hover: str, donor: str) -> Markup:
    """Draw a circle, or for other batches a polygon with 4, 3, 5, 6 or 8 corners."""
    more: dict[str, object] = {"data_donor": donor} if donor else {}
    x, y = float(at[0]), float(at[1])
    if shape == 0:
        return el("circle", tip(hover), cx=x, cy=y, r=5.5, fill=colour, class_="sample", **more)
    corners = (4, 3, 5, 6, 8)[shape - 1]
    turns = [2 * math.pi * (k + 0.5) / corners - math.pi / 2 for k in range(corners)]
    path = "L".join(f"{x + 6.8 * math.cos(t):.1f},{y + 6.8 * math.sin(t):.1f}" for t in turns)
    return el("path", tip(hover), d=f"M{path}z", fill=colour, class_="sample", **more)


def _legend(
    results: Results, samples: pd.DataFrame, y: float, width: float
) -> tuple[list[Markup], float]:
    parts: list[Markup] = []
    x = 6.0
    entries = [(0, colour, name) for colour, name in
               zip(CONDITION_COLOURS, (results.source, results.target), strict=True)]  # fmt: skip
    batches = _batches(samples)
    if 1 < len(batches) <= SHAPES:
        entries += [(i, "var(--soft)", f"batch {b}") for i, b in enumerate(batches)]
    for shape, colour, name in entries:
        words = text.short(name, 24)
        if x + 30 + 6.6 * breadth(words) > width:
            x, y = 6.0, y + 20
        parts.append(_mark(np.array([x + 2, y]), shape, colour, name, ""))
        parts.append(label(words, x + 14, y, class_="tick"))
        x += 36 + 6.6 * breadth(words)
    return parts, y + 14
