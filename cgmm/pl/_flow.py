"""Alluvial plot: shares before, transfers, shares after."""

from __future__ import annotations

import anndata as ad
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from cgmm import get
from cgmm._anndata.keys import DEFAULT_KEY
from cgmm._anndata.populations import STATE
from cgmm._utils.labels import spread
from cgmm.pair import SOURCE, TARGET
from cgmm.pl._style import (
    DIVERGING,
    NEW,
    TEXT,
    Colour,
    new_axes,
    percent,
    plain,
    rows_height,
    short,
    text_size,
)
from cgmm.pl._view import View, view
from cgmm.transport.coupling import divide

BAR = 0.045
GAP = 0.25  # height of all gaps together; the bars have the height 1
MIN_WIDTH = 0.0005  # narrower ribbons are not drawn
FULL_COLOUR = 2.0  # log2 change from which a ribbon has the full colour
COLOURS = ("subpopulation", "change")


def flow(
    adata: ad.AnnData,
    *,
    by: str | None = None,
    level: str = STATE,
    color: str = "subpopulation",
    key: str = DEFAULT_KEY,
    ax: Axes | None = None,
) -> Axes:
    """Draw the shares of both conditions, joined by ribbons that show who became whom.

    At the target, a ribbon is as wide as the part of the target cells that came along it
    (``share_of_target`` of :func:`cgmm.get.transfers`). At the source, the share of the source is
    divided among its ribbons in the same proportions. All ribbons of a source therefore widen or
    narrow by its net factor. Both sides have the same scale.

    Parameters
    ----------
    adata
        Object with a fit.
    by
        Sum to this column of ``obs``, as in :func:`cgmm.get.transfers`.
    level
        "state": components of the fit. "population": populations (:func:`cgmm.get.populations`);
        claims about prevalence belong to this level.
    color
        Colour of the ribbons. "subpopulation": the colour of the source; "change": orange where a
        ribbon widens, blue where it narrows.
    key
        The ``key_added`` of the fit.
    ax
        Axes to draw on.

    Returns
    -------
    Axes. The label of each source has its share and the share of the target that came from it; the
    label of a population has its shares in both conditions.
    Grey targets are new. Ribbons of less than 0.05 % at both ends are left out.

    Raises
    ------
    ValueError
        When ``color`` has another value.
    """
    if color not in COLOURS:
        msg = f"color={color!r} must be one of {', '.join(COLOURS)}."
        raise ValueError(msg)
    shown = view(adata, by=by, key=key, level=level)
    params = get.params(adata, key=key)
    n = max(len(shown.rows), len(shown.columns))
    ax = new_axes(ax, width=8.0, height=rows_height(n, per_row=0.27, least=4.0))
    left = _stack(shown.share_source, shown.rows)
    right = _stack(shown.share_target, shown.columns)
    _ribbons(ax, shown, left, right, color)
    own, theirs = shown.colours
    before = [
        f"{short(name)}  "
        + ("gone" if gone else f"{percent(s)} → ")
        + ("" if gone else f"{percent(c)} %")
        for name, gone, s, c in zip(
            shown.names_source, shown.gone, shown.share_source, shown.came, strict=True
        )
    ]
    after = [
        f"{short(name)}  {percent(t)} %" + ("  new" if new else "")
        for name, new, t in zip(shown.names_target, shown.new, shown.share_target, strict=True)
    ]
    _bars(ax, left, shown.share_source, shown.rows, own, before, SOURCE, n)
    _bars(ax, right, shown.share_target, shown.columns, theirs, after, TARGET, n)
    ax.set_xlim(-0.52, 1.52)
    ax.set_ylim(1 + GAP + 0.02, -0.04)
    for x, ha, name in ((0.0, "left", params[SOURCE]), (1.0, "right", params[TARGET])):
        ax.text(x, -0.03, plain(name), ha=ha, va="bottom", fontweight="bold")
    ax.set_axis_off()
    return ax


def _stack(shares: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return the lower edges of bars stacked in an order, with gaps; the height is 1 + GAP."""
    gap = GAP / max(len(order) - 1, 1)
    base = np.empty(len(shares))
    position = 0.0
    for i in order:
        base[i] = position
        position += shares[i] + gap
    return base


def _leaving(shown: View) -> np.ndarray:
    """Return the widths of the ribbons at the source, (n0, n1).

    The share of each source is divided in the proportions of the target cells that came from it.
    """
    became = shown.enters.sum(axis=1, keepdims=True)
    return shown.share_source[:, None] * divide(shown.enters, became)


def _ribbons(ax: Axes, shown: View, left: np.ndarray, right: np.ndarray, color: str) -> None:
    """Draw ribbons between the bars, in one order on both sides, so that none cross at a bar."""
    own = shown.colours.source
    leaves = _leaving(shown)
    start, end = left.copy(), right.copy()
    at: dict[tuple[int, int], float] = {}
    for k in shown.rows:
        for j in shown.columns:
            at[k, j] = start[k]
            start[k] += leaves[k, j]
    for j in shown.columns:
        for k in shown.rows:
            a, b = float(leaves[k, j]), float(shown.enters[k, j])
            y = end[j]
            end[j] += b
            if max(a, b) < MIN_WIDTH:
                continue
            colour = own[k]
            if color == "change":
                change = np.log2(max(b, 1e-9) / max(a, 1e-9))
                place = 0.5 + 0.5 * np.clip(change / FULL_COLOUR, -1, 1)
                colour = DIVERGING(float(place))[:3]
            patch = _ribbon(at[k, j], a, y, b, colour, 0.45 if color != "change" else 0.8)
            patch.set_gid(f"ribbon-{k}-{j}")
            ax.add_patch(patch)


def _ribbon(y0: float, a: float, y1: float, b: float, colour: Colour, alpha: float) -> PathPatch:
    x0, x1, mid = BAR, 1.0 - BAR, 0.5
    points = [
        (x0, y0),
        (mid, y0),
        (mid, y1),
        (x1, y1),
        (x1, y1 + b),
        (mid, y1 + b),
        (mid, y0 + a),
        (x0, y0 + a),
        (x0, y0),
    ]
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    return PathPatch(Path(points, codes), facecolor=colour, alpha=alpha, linewidth=0)


def _bars(
    ax: Axes,
    base: np.ndarray,
    shares: np.ndarray,
    order: np.ndarray,
    colours: list[Colour],
    labels: list[str],
    side: str,
    n: int,
) -> None:
    """Draw the bars of one side with their labels, moved apart where they would overlap."""
    x, edge, out = (0.0, 0.0, -1) if side == SOURCE else (1.0 - BAR, 1.0, 1)
    for i in order:
        bar = Rectangle((x, base[i]), BAR, shares[i], color=colours[i], linewidth=0)
        bar.set_gid(f"bar-{side}-{i}")
        ax.add_patch(bar)
    centres = base[order] + shares[order] / 2
    size = text_size(n)
    inches = ax.get_window_extent().height / ax.figure.dpi
    places = spread(centres, 1.5 * size / 72 / inches * (1 + GAP), 0.0, 1 + GAP)
    for i, centre, place in zip(order, centres, places, strict=True):
        ax.plot(
            [edge + out * 0.008, edge + out * 0.03],
            [centre, place],
            color=NEW,
            linewidth=0.7,
            clip_on=False,
        )
        ax.text(
            edge + out * 0.036,
            place,
            labels[i],
            ha="right" if side == SOURCE else "left",
            va="center",
            fontsize=size,
            color=TEXT,
        )
