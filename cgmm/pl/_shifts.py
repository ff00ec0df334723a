"""Dot plot of state shifts."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cgmm import get
from cgmm._anndata.keys import DEFAULT_KEY
from cgmm._anndata.populations import STATE
from cgmm._utils.arguments import check_number
from cgmm.pair import SOURCE, TARGET
from cgmm.pl._style import BAR, FLAT, TEXT, all_short, bare, new_axes, plain, rows_height, text_size


def shifts(
    adata: ad.AnnData,
    *,
    level: str = STATE,
    min_share: float = 0.1,
    key: str = DEFAULT_KEY,
    ax: Axes | None = None,
) -> Axes:
    """Draw how far each component or population moved, with the genes that change most.

    Parameters
    ----------
    adata
        Object with a fit; gene names appear after :func:`cgmm.tl.genes`.
    level
        "state": components of the fit. "population": populations (:func:`cgmm.get.populations`);
        claims about prevalence belong to this level.
    min_share
        Leave out pairs that take a smaller part of their source component.
    key
        The ``key_added`` of the fit.
    ax
        Axes to draw on.

    Returns
    -------
    Axes. Lengths are in standard deviations within a component or population. The filled point is
    the distance of the means. For components the bar is the whole distance and the open point the
    distance of the covariances. For populations, and for components after :func:`cgmm.tl.donors`,
    the contribution of noise is subtracted from the distance of the means, and a line shows its
    95 % interval over donors.
    """
    min_share = check_number("min_share", min_share, 0.1)
    table = get.shifts(adata, level=level, key=key)
    if level == STATE:  # a population is compared with itself
        table = table[table["share_of_source"] >= min_share]
    means = table["unbiased_shift_sd"].fillna(table["mean_shift_sd"])
    table = table.assign(means=means, length=table["total_shift_sd"].fillna(means))
    table = table.sort_values("length", ignore_index=True)
    params = get.params(adata, key=key)
    ax = new_axes(ax, width=9.0, height=rows_height(len(table)))
    y = np.arange(len(table))
    ax.hlines(y, table["ci_low"], table["ci_high"], color=TEXT, linewidth=1.2)
    ax.plot(table["means"], y, "o", color=TEXT, markersize=6, label="of the means")
    if level == STATE:
        _whole_and_shape(ax, table)
    ends = table[["length", "ci_high"]].max(axis=1)  # bar and interval end before the genes
    widest = float(max(ends.max(), 0.1)) if len(table) else 1.0
    for i, (end, leading) in enumerate(zip(ends, table["top_genes"], strict=True)):
        text = plain(_leading(leading))
        ax.text(end + 0.02 * widest, i, text, va="center", fontsize=7.5, color=FLAT)
    both = pd.concat([table["source"], table["target"]]).astype(str)
    short = dict(zip(both, all_short(both), strict=True))
    labels = [
        short[k] if k == j else f"{short[k]} → {short[j]}"
        for k, j in zip(table["source"], table["target"], strict=True)
    ]
    ax.set_yticks(y, labels, fontsize=text_size(len(labels)))
    ax.set_ylim(-0.7, max(len(table), 1) - 0.3)
    ax.set_xlim(0, widest * (1.5 if table["top_genes"].str.len().any() else 1.05))
    bare(ax, grid="x")
    unit = f"in standard deviations within a {'component' if level == STATE else 'population'}"
    ax.set_xlabel(plain(f"shift {params[SOURCE]} → {params[TARGET]}, {unit}"))
    if level == STATE:
        ax.legend(loc="lower right", frameon=True, framealpha=0.9, edgecolor="none", fontsize=8)
    return ax


def _whole_and_shape(ax: Axes, table: pd.DataFrame) -> None:
    """Draw the whole distances as bars, and the distances of the covariances as points."""
    y, whole = np.arange(len(table)), table["total_shift"]
    ratio = (table["total_shift_sd"] / whole.where(whole > 0, 1)).max()
    ax.barh(y, table["total_shift_sd"], height=0.5, color=BAR, label="whole distance")
    ax.plot(
        table["covariance_shift"] * ratio,
        y,
        "o",
        markerfacecolor="white",
        markeredgecolor=TEXT,
        markersize=5,
        label="of the shapes",
    )


def _leading(genes: str) -> str:
    """Return up to four leading genes, with a minus before those that fall."""
    names = [g.removesuffix(" up") for g in genes.split(", ")][:4]
    return ", ".join(f"−{g.removesuffix(' down')}" if g.endswith(" down") else g for g in names)
