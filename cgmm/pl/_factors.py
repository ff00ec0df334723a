"""Forest plot of the net factors."""

from __future__ import annotations

import anndata as ad
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from cgmm import get
from cgmm._keys import DEFAULT_KEY
from cgmm.pl import _style

WIDEST = 6.0


def factors(
    adata: ad.AnnData,
    *,
    by: str | None = None,
    key: str = DEFAULT_KEY,
    ax: Axes | None = None,
) -> Axes:
    """Net factor of each subpopulation with its interval over donors.

    Parameters
    ----------
    adata
        Object with a fit.
    by
        Sum to this column of ``obs``, as in :func:`cgmm.get.factors`.
    key
        The ``key_added`` of the fit.
    ax
        Axes to draw on.

    Returns
    -------
    Axes. Filled points have an interval over donors that excludes no change; open ones do not,
    have none, or one from cells alone (thin line), which is too narrow.
    Subpopulations that are gone stand at the left edge. Names in grey italics are not settled:
    other choices move the factor by more than twofold.
    """
    table = get.factors(adata, by=by, key=key)
    known = get.params(adata, key=key)
    table = table[table["log2_net"].notna()]
    table = table.sort_values("log2_net", kind="stable", ignore_index=True)
    ax = _style.new_axes(ax, width=7.0, height=_style.rows_height(len(table)))
    net = table["log2_net"].to_numpy()
    low, high = table["ci_low"].to_numpy(), table["ci_high"].to_numpy()
    limit = _limit(net, low, high)
    y = np.arange(len(table))
    of_donors = (table["interval_from"] != "cells").to_numpy()
    for i, value in enumerate(net):
        clear = bool(of_donors[i] and (low[i] > 0 or high[i] < 0))
        colour = _style.FLAT if not clear else _style.UP if value > 0 else _style.DOWN
        x = float(np.clip(value, -limit, limit))
        if np.isfinite(low[i]):
            ends = np.clip([low[i], high[i]], -limit, limit)
            width = 2.2 if of_donors[i] else 0.8
            ax.plot(ends, [i, i], color=colour, linewidth=width, solid_capstyle="butt", zorder=2)
        marker = "o" if not clear else "^" if value > 0 else "v"
        ax.plot(
            x,
            i,
            marker=marker,
            markersize=8,
            markerfacecolor=colour if clear else "white",
            markeredgecolor=colour,
            markeredgewidth=1.5,
            linestyle="none",
            zorder=3,
            clip_on=False,
        )
        if not np.isfinite(value) or (value < 0 and table["n_cells_target"][i] == 0):
            ax.annotate(
                "none left" if value < 0 else "none before",
                (x, i),
                xytext=(9 if value < 0 else -9, 0),
                textcoords="offset points",
                ha="left" if value < 0 else "right",
                va="center",
                fontsize=8,
                color=_style.TEXT,
            )
    ax.axvline(0, color=_style.TEXT, linewidth=0.9, zorder=1)
    ax.set_yticks(y, [_style.short(n) for n in table["name"]], fontsize=_style.text_size(len(y)))
    for label, sure in zip(ax.get_yticklabels(), table["settled"], strict=True):
        if not sure:
            label.set(style="italic", color=_style.FLAT)
    ax.set_ylim(-0.7, len(table) - 0.3)
    ax.set_xlim(-limit * 1.05, limit * 1.05)
    _style.bare(ax, grid="x")
    ax.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=limit > 1.5))
    ax.set_xlabel(_style.plain(f"log2 net factor, {known['source']} → {known['target']}"))
    top = ax.secondary_xaxis("top")
    folds = [f for f in (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16) if abs(np.log2(f)) <= limit]
    top.xaxis.set_major_locator(FixedLocator(np.log2(folds).tolist()))
    top.xaxis.set_major_formatter(FuncFormatter(_fold))
    top.tick_params(length=0)
    top.spines["top"].set_visible(False)
    handles = [
        Line2D([], [], marker="^", color=_style.UP, linewidth=2.2, label="more common"),
        Line2D([], [], marker="v", color=_style.DOWN, linewidth=2.2, label="less common"),
        Line2D(
            [],
            [],
            marker="o",
            color=_style.FLAT,
            markerfacecolor="white",
            linewidth=2.2,
            label="not clear, or no interval" if np.isfinite(low).any() else "no interval",
        ),
    ]
    if not np.isfinite(low).any():
        handles = handles[2:]
    if not table["settled"].all():
        handles.append(Line2D([], [], linestyle="none", label="italics: not settled"))
    _style.legend_below(ax, handles)
    return ax


def _limit(net: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    values = np.concatenate([net, low, high])
    values = np.abs(values[np.isfinite(values)])
    return float(min(WIDEST, max(1.0, 1.1 * values.max(initial=0.0))))


def _fold(value: float, _: int) -> str:
    fold = 2.0 ** abs(value)
    return "×1" if abs(value) < 1e-9 else f"×{fold:.0f}" if value > 0 else f"÷{fold:.0f}"
