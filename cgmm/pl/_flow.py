"""Alluvial plot: shares before, transfers, shares after."""

from __future__ import annotations

import anndata as ad
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from cgmm import get
from cgmm._keys import DEFAULT_KEY, SOURCE, TARGET
from cgmm.donors import share_of_target, transfer_mass
from cgmm.pl import _style
from cgmm.pl._transfers import ordered

BAR = 0.045
GAP = 0.25  # of the height, over all gaps together
THINNEST = 0.002


def flow(adata: ad.AnnData, *, key: str = DEFAULT_KEY, ax: Axes | None = None) -> Axes:
    """Shares of both conditions, joined by the transfers.

    A ribbon leaves with the part of the source that goes along it and arrives with the part of the
    target that came along it: where it widens, the subpopulation became more common.

    Parameters
    ----------
    adata
        Object with a fit.
    key
        The ``key_added`` of the fit.
    ax
        Axes to draw on.

    Returns
    -------
    Axes
    """
    fit = get.fit(adata, key=key)
    known = get.params(adata, key=key)
    parts = get.components(adata, key=key)
    s, t = fit.shares_source, fit.shares_target
    rows, columns = ordered(adata, key)
    leaves = transfer_mass(fit.coupling, s)
    enters = share_of_target(fit.coupling, s) * t
    n = max(len(s), len(t))
    ax = _style.new_axes(ax, width=8.0, height=_style.rows_height(n, per_row=0.27, least=4.0))
    colours = dict(zip(rows.tolist(), _style.colours(len(rows)), strict=True))

    left, right = _stack(s, rows), _stack(t, columns)
    left_cursor, right_cursor = left.copy(), right.copy()
    ribbons = []
    for k in rows:
        for j in columns:
            ribbons.append((k, j, leaves[k, j], enters[k, j]))
    starts = {}
    for k, j, a, _ in ribbons:
        starts[k, j] = left_cursor[k]
        left_cursor[k] += a
    for j in columns:
        for k in rows:
            a, b = leaves[k, j], enters[k, j]
            y1 = right_cursor[j]
            right_cursor[j] += b
            if max(a, b) >= THINNEST:
                ax.add_patch(_ribbon(starts[k, j], a, y1, b, colours[int(k)]))
    for x, base, share, order, side in (
        (0.0, left, s, rows, SOURCE),
        (1.0 - BAR, right, t, columns, TARGET),
    ):
        names = parts.loc[parts["side"] == side, "name"].to_numpy()
        main = fit.coupling.argmax(axis=0)
        for i in order:
            colour = colours[int(i if side == SOURCE else main[i])]
            ax.add_patch(Rectangle((x, base[i]), BAR, share[i], color=colour, linewidth=0))
        centres = np.array([base[i] + share[i] / 2 for i in order])
        size = 9 if n <= 16 else 7.5
        inches = ax.get_window_extent().height / ax.figure.dpi
        places = _style.spread(centres, 1.5 * size / 72 / inches * (1 + GAP), 0.0, 1 + GAP)
        for i, centre, place in zip(order, centres, places, strict=True):
            edge, out = (0.0, -1) if side == SOURCE else (1.0, 1)
            ax.plot(
                [edge + out * 0.008, edge + out * 0.03],
                [centre, place],
                color="#9A9A9A",
                linewidth=0.7,
                clip_on=False,
            )
            ax.text(
                edge + out * 0.036,
                place,
                f"{_style.short(names[i])}  {100 * share[i]:.1f} %",
                ha="right" if side == SOURCE else "left",
                va="center",
                fontsize=size,
                color=_style.TEXT,
            )
    ax.set_xlim(-0.52, 1.52)
    ax.set_ylim(1 + GAP + 0.02, -0.04)
    for x, ha, name in ((0.0, "left", known["source"]), (1.0, "right", known["target"])):
        ax.text(x, -0.03, str(name).replace("$", r"\$"), ha=ha, va="bottom", fontweight="bold")
    ax.set_axis_off()
    return ax


def _stack(shares: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Lower edges of bars stacked in an order, gaps between them, total height 1 + GAP."""
    gap = GAP / max(len(order) - 1, 1)
    base = np.empty(len(shares))
    position = 0.0
    for i in order:
        base[i] = position
        position += shares[i] + gap
    return base


def _ribbon(
    y0: float, a: float, y1: float, b: float, colour: tuple[float, float, float]
) -> PathPatch:
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
    return PathPatch(Path(points, codes), facecolor=colour, alpha=0.45, linewidth=0)
