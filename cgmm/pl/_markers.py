"""Marker genes of populations as a dot plot."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from cgmm import get
from cgmm._anndata.keys import DEFAULT_KEY
from cgmm._anndata.populations import POPULATION
from cgmm._utils.arguments import check_whole
from cgmm._utils.markers import leading_markers, markers_each
from cgmm.pl._style import AMOUNT, FLAT, GRID, all_short, legend_below, new_axes, plain, text_size

DOT = 130.0  # area of the dot of a gene that every cell expresses
SHOWN = (0.25, 0.5, 1.0)  # fractions in the legend


def markers(
    adata: ad.AnnData,
    *,
    n_genes: int | None = None,
    ax: Axes | None = None,
    key: str = DEFAULT_KEY,
) -> Axes:
    """Draw the marker genes of the populations as a dot plot.

    Parameters
    ----------
    adata
        Object on which :func:`cgmm.tl.genes` was run.
    n_genes
        Markers of each population at most; None: up to four, fewer where there are more than 15
        populations.
    ax
        Axes to draw on; None: a new figure.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    Axes with a row per population, the largest first, and a column per gene; the markers of a
    population stand beside each other. The area of a dot is the fraction of cells that express the
    gene, its colour the mean expression, scaled from 0 in the lowest to 1 in the highest
    population. All dots have one size where fractions mean nothing, as in cytometry.

    Raises
    ------
    KeyError
        When :func:`cgmm.tl.genes` was not run.
    ValueError
        When there are no marker genes.
    """
    table = get.markers(adata, key=key)
    if table.empty:
        msg = (
            "There are no marker genes: no gene distinguishes populations, or cgmm.tl.genes "
            'compared components (level="state").'
        )
        raise ValueError(msg)
    shares = get.factors(adata, level=POPULATION, key=key).sort_values(
        "share_source", ascending=False, kind="stable"
    )
    names = list(shares["name"])
    each = markers_each(len(names)) if n_genes is None else check_whole("n_genes", n_genes, 1)
    chosen = leading_markers(table, names, each)
    ax = new_axes(ax, width=0.24 * len(chosen) + 2.6, height=0.27 * len(names) + 1.9)
    fractions = _dots(ax, table, names, [gene for _, gene in chosen])
    large = {"large": 8.5}
    ax.set_yticks(range(len(names)), all_short(names), fontsize=text_size(len(names), **large))
    labels = [plain(gene) for _, gene in chosen]
    ax.set_xticks(range(len(chosen)), labels, rotation=90, style="italic", fontsize=7.5)
    ax.set(xlim=(-0.7, len(chosen) - 0.3), ylim=(len(names) - 0.4, -0.6))
    starts = [i for i in range(1, len(chosen)) if chosen[i][0] != chosen[i - 1][0]]
    ax.vlines(np.array(starts) - 0.5, -0.6, len(names) - 0.4, color=GRID, linewidth=0.8, zorder=0)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(length=0)
    if fractions:
        legend_below(ax, [_sample(fraction) for fraction in SHOWN])
    return ax


def _dots(ax: Axes, table: pd.DataFrame, names: list[str], genes: list[str]) -> bool:
    """Draw the dots with their colour bar; return whether their areas are fractions."""
    once = table.drop_duplicates(["gene", "name"])
    scaled, fraction = (
        once.pivot(index="name", columns="gene", values=value).reindex(names, columns=genes)
        for value in ("scaled_mean", "fraction")
    )
    known = bool(once["fraction"].notna().any())
    areas = np.nan_to_num(fraction.to_numpy(float)) if known else np.full(scaled.shape, 0.6)
    y, x = np.indices(scaled.shape)
    dots = ax.scatter(
        x.ravel(),
        y.ravel(),
        s=DOT * areas.ravel(),
        c=scaled.to_numpy(float).ravel(),
        cmap=AMOUNT,
        vmin=0,
        vmax=1,
        edgecolors=FLAT,
        linewidths=0.3,
    )
    bar = ax.figure.colorbar(dots, ax=ax, ticks=[0, 1], fraction=0.03, pad=0.02, aspect=12)
    bar.set_label("mean expression, scaled per gene", fontsize=8)
    bar.ax.tick_params(labelsize=8, length=0)
    return known


def _sample(fraction: float) -> Line2D:
    return Line2D(
        [],
        [],
        linestyle="",
        marker="o",
        color=FLAT,
        markersize=float(np.sqrt(DOT * fraction)),
        label=f"{100 * fraction:.0f} % of cells",
    )
