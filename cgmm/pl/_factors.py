"""Forest plot of the net factors."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from cgmm import get
from cgmm._anndata.keys import DEFAULT_KEY
from cgmm._anndata.populations import STATE
from cgmm.pair import SOURCE, TARGET
from cgmm.pl._style import (
    DOWN,
    FLAT,
    TEXT,
    UP,
    all_short,
    bare,
    called,
    legend_below,
    new_axes,
    plain,
    rows_height,
    text_size,
)

MAX_LOG2 = 6.0  # largest limit of the axis


def factors(
    adata: ad.AnnData,
    *,
    by: str | None = None,
    level: str = STATE,
    key: str = DEFAULT_KEY,
    ax: Axes | None = None,
) -> Axes:
    """Draw the net factor of each component or population with its interval over donors.

    Parameters
    ----------
    adata
        Object with a fit.
    by
        Sum to this column of ``obs``, as in :func:`cgmm.get.factors`.
    level
        "state": components of the fit. "population": populations (:func:`cgmm.get.populations`);
        claims about prevalence belong to this level.
    key
        The ``key_added`` of the fit.
    ax
        Axes to draw on.

    Returns
    -------
    Axes. Filled points are reported changes: q is below 0.05 and the interval over donors excludes
    ×1. Open points are not, or have no interval, or an interval from cells alone (thin line), which
    is too narrow. :func:`cgmm.pl.donors` marks the same rows.
    Rows without a target cell are at the left edge. A name in grey italics is not
    settled: other choices of the method move the factor too far (``settled`` of
    :func:`cgmm.get.factors`).
    """
    table = get.factors(adata, by=by, level=level, key=key)
    params = get.params(adata, key=key)
    table = table[table["log2_net"].notna()]
    table = table.sort_values("log2_net", kind="stable", ignore_index=True)
    ax = new_axes(ax, width=7.0, height=rows_height(len(table)))
    limit = _limit(*(table[name].to_numpy() for name in ("log2_net", "ci_low", "ci_high")))
    for i, row in enumerate(table.to_dict("records")):
        _mark(ax, i, row, limit)
    ax.axvline(0, color=TEXT, linewidth=0.9, zorder=1)
    names = all_short(table["name"])
    ax.set_yticks(np.arange(len(names)), names, fontsize=text_size(len(names)))
    for label, sure in zip(ax.get_yticklabels(), table["settled"], strict=True):
        if not sure:
            label.set(style="italic", color=FLAT)
    ax.set_ylim(-0.7, len(table) - 0.3)
    ax.set_xlim(-limit * 1.05, limit * 1.05)
    bare(ax, grid="x")
    ax.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=limit > 1.5))
    ax.set_xlabel(plain(f"log2 net factor, {params[SOURCE]} → {params[TARGET]}"))
    _axis_of_folds(ax, limit)
    legend_below(ax, _legend(table))
    return ax


def _mark(ax: Axes, i: int, row: dict[Hashable, Any], limit: float) -> None:
    """Draw one row at the height ``i``; values beyond ``limit`` stand at the limit."""
    value, low, high = row["log2_net"], row["ci_low"], row["ci_high"]
    of_donors = row["interval_from"] != "cells"
    change = called(value, low, high, row["q"]) if of_donors else 0
    colour = (FLAT, UP, DOWN)[change]
    x = float(np.clip(value, -limit, limit))
    if np.isfinite(low):
        ends = np.clip([low, high], -limit, limit)
        width = 2.2 if of_donors else 0.8
        ax.plot(ends, [i, i], color=colour, linewidth=width, solid_capstyle="butt", zorder=2)
    ax.plot(
        x,
        i,
        marker=("o", "^", "v")[change],
        markersize=8,
        markerfacecolor=colour if change else "white",
        markeredgecolor=colour,
        markeredgewidth=1.5,
        linestyle="none",
        zorder=3,
        clip_on=False,
    )
    if not np.isfinite(value) or (value < 0 and row["n_cells_target"] == 0):
        ax.annotate(
            "none left" if value < 0 else "none before",
            (x, i),
            xytext=(9 if value < 0 else -9, 0),
            textcoords="offset points",
            ha="left" if value < 0 else "right",
            va="center",
            fontsize=8,
            color=TEXT,
        )


def _axis_of_folds(ax: Axes, limit: float) -> None:
    top = ax.secondary_xaxis("top")
    folds = [f for f in (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16) if abs(np.log2(f)) <= limit]
    top.xaxis.set_major_locator(FixedLocator(np.log2(folds).tolist()))
    top.xaxis.set_major_formatter(FuncFormatter(_fold))
    top.tick_params(length=0)
    top.spines["top"].set_visible(False)


def _legend(table: pd.DataFrame) -> list[Line2D]:
    with_intervals = bool(np.isfinite(table["ci_low"]).any())
    hollow = Line2D(
        [],
        [],
        marker="o",
        color=FLAT,
        markerfacecolor="white",
        linewidth=2.2,
        label="not clear, or no interval" if with_intervals else "no interval",
    )
    handles = [hollow]
    if with_intervals:
        handles = [
            Line2D([], [], marker="^", color=UP, linewidth=2.2, label="more common"),
            Line2D([], [], marker="v", color=DOWN, linewidth=2.2, label="less common"),
            hollow,
        ]
    if not table["settled"].all():
        handles.append(Line2D([], [], linestyle="none", label="italics: not settled"))
    return handles


def _limit(net: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    values = np.concatenate([net, low, high])
    values = np.abs(values[np.isfinite(values)])
    return float(min(MAX_LOG2, max(1.0, 1.1 * values.max(initial=0.0))))


def _fold(value: float, _: int) -> str:
    fold = 2.0 ** abs(value)
    return "×1" if abs(value) < 1e-9 else f"×{fold:.0f}" if value > 0 else f"÷{fold:.0f}"
