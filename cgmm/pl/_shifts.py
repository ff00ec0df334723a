"""Dot plot of state shifts."""

from __future__ import annotations

import anndata as ad
import numpy as np
from matplotlib.axes import Axes

from cgmm import get
from cgmm._anndata.keys import DEFAULT_KEY
from cgmm._utils.arguments import check_number
from cgmm.pair import SOURCE, TARGET
from cgmm.pl._style import BAR, FLAT, TEXT, bare, new_axes, plain, rows_height, short, text_size


def shifts(
    adata: ad.AnnData,
    *,
    min_share: float = 0.1,
    key: str = DEFAULT_KEY,
    ax: Axes | None = None,
) -> Axes:
    """Draw how far each subpopulation moved, with the genes that change most.

    Parameters
    ----------
    adata
        Object with a fit; gene names appear after :func:`cgmm.tl.genes`.
    min_share
        Leave out pairs that take a smaller part of their source subpopulation.
    key
        The ``key_added`` of the fit.
    ax
        Axes to draw on.

    Returns
    -------
    Axes. Lengths are in units of the standard deviation within a subpopulation. The bar is the
    whole distance, the filled point the distance of the means, and the open point the distance of
    the covariances. After :func:`cgmm.tl.donors` the contribution of noise is subtracted from the
    distance of the means, and a line shows its 95 % interval.
    """
    min_share = check_number("min_share", min_share, 0.1)
    table = get.shifts(adata, key=key)
    table = table[table["share_of_source"] >= min_share]
    table = table.sort_values("total_shift_sd", ignore_index=True)
    params = get.params(adata, key=key)
    ax = new_axes(ax, width=9.0, height=rows_height(len(table)))
    y = np.arange(len(table))
    ratio = (
        table["total_shift_sd"] / table["total_shift"].where(table["total_shift"] > 0, 1)
    ).max()
    shape = table["covariance_shift"] * ratio
    ax.barh(y, table["total_shift_sd"], height=0.5, color=BAR, label="whole distance")
    means = table["unbiased_shift_sd"].fillna(table["mean_shift_sd"])
    ax.hlines(y, table["ci_low"], table["ci_high"], color=TEXT, linewidth=1.2)
    ax.plot(means, y, "o", color=TEXT, markersize=6, label="of the means")
    ax.plot(
        shape,
        y,
        "o",
        markerfacecolor="white",
        markeredgecolor=TEXT,
        markersize=5,
        label="of the shapes",
    )
    widest = float(max(table["total_shift_sd"].max(), 0.1)) if len(table) else 1.0
    for i, (length, leading) in enumerate(
        zip(table["total_shift_sd"], table["top_genes"], strict=True)
    ):
        genes = [g.removesuffix(" up") for g in leading.split(", ")][:4]
        genes = [f"−{g.removesuffix(' down')}" if g.endswith(" down") else g for g in genes]
        ax.text(
            length + 0.02 * widest,
            i,
            plain(", ".join(genes)),
            va="center",
            fontsize=7.5,
            color=FLAT,
        )
    labels = [
        short(k) if k == j else f"{short(k)} → {short(j)}"
        for k, j in zip(table["source"], table["target"], strict=True)
    ]
    ax.set_yticks(y, labels, fontsize=text_size(len(labels)))
    ax.set_ylim(-0.7, max(len(table), 1) - 0.3)
    ax.set_xlim(0, widest * (1.5 if table["top_genes"].str.len().any() else 1.05))
    bare(ax, grid="x")
    ax.set_xlabel(
        plain(
            f"shift {params[SOURCE]} → {params[TARGET]}, "
            "in within-subpopulation standard deviations"
        )
    )
    ax.legend(loc="lower right", frameon=True, framealpha=0.9, edgecolor="none", fontsize=8)
    return ax
