"""Samples: the quality of their cells, their composition, and which samples are alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import anndata as ad
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from cgmm import get
from cgmm._anndata.keys import DEFAULT_KEY
from cgmm._anndata.populations import NO_POPULATIONS, take_populations
from cgmm._anndata.samples import Samples, quality_of_cells, take_samples
from cgmm._anndata.storage import read_params
from cgmm._utils.scaling import classical_scaling, square
from cgmm.pair import SIDES
from cgmm.pl import _style
from cgmm.pl._style import AFTER, BEFORE, FLAT, all_short, bare, plain, rows_height

SHOWN = ("quality", "composition", "map")
LOGARITHMIC = {"genes", "counts"}
TITLES = {"mitochondrial": "mitochondrial %"}
MIN_CELLS = 5  # of a sample for an outline
MAPS = {"composition": "by shares of populations", "state": "by states of populations"}


def samples(
    adata: ad.AnnData,
    *,
    show: Literal["quality", "composition", "map"] = "quality",
    sample_key: str | None = None,
    key: str = DEFAULT_KEY,
) -> Figure:
    """Draw the samples of both conditions, to judge them before their differences are believed.

    Parameters
    ----------
    adata
        Object with a fit.
    show
        "quality": how genes, counts, mitochondrial counts and doublet scores of the cells are
        distributed (:func:`cgmm.get.sample_quality` has the quantiles); "composition": the
        populations of every sample; "map": samples near each other have alike shares, or alike
        states (:func:`cgmm.get.sample_distances`).
    sample_key
        Column of ``obs`` with the samples. By default "sample" if there is such a column, else the
        donors, else the conditions.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    Figure. The source is grey, the target green. Genes and counts are on a log scale. The titles of
    the maps have the percentage of all differences that is drawn.

    Raises
    ------
    KeyError
        When there is no fit or no such column.
    ValueError
        When ``show`` is not known, when no measure of quality is in ``obs``, when the fit has no
        populations, or when there are fewer than three samples for a map.
    """
    draw: dict[str, Callable[[ad.AnnData, Samples, str | None, str], Figure]] = {
        "quality": _quality,
        "composition": _composition,
        "map": _maps,
    }
    if show not in SHOWN:
        msg = f"show={show!r} is not known: give one of {', '.join(SHOWN)}."
        raise ValueError(msg)
    found = take_samples(adata, read_params(adata, key=key), sample_key=sample_key)
    return draw[show](adata, found, sample_key, key)


def _rows(ax: Axes, found: Samples) -> None:
    """Name a row per sample, the first at the top, in the colour of its condition."""
    names = all_short(found.table["sample"])
    ax.set_yticks(range(len(names)), names, fontsize=_style.text_size(len(names), large=9.0))
    ax.set_ylim(len(names) - 0.4, -0.6)
    for label, side in zip(ax.get_yticklabels(), found.table["side"], strict=True):
        label.set_color((BEFORE, AFTER)[side])


def _quality(adata: ad.AnnData, found: Samples, sample_key: str | None, key: str) -> Figure:
    measures = quality_of_cells(adata, found.rows)
    if not measures:
        msg = (
            "obs has no column with the quality of cells: n_genes, n_counts, pct_mt or "
            "doublet_score, or those of scanpy.pp.calculate_qc_metrics."
        )
        raise ValueError(msg)
    height = rows_height(len(found.table), per_row=0.26, extra=0.6)
    figure, axes = _style.panels(len(measures), n_columns=4, width=2.8, height=height, sharey=True)
    for ax, (measure, values) in zip(axes, measures.items(), strict=True):
        for row, side in enumerate(found.table["side"]):
            own = values[(found.of_cell == row) & np.isfinite(values)]
            own = own[own > 0] if measure in LOGARITHMIC else own
            if len(own):
                _strip(ax, own, row, (BEFORE, AFTER)[side], logarithmic=measure in LOGARITHMIC)
        if measure in LOGARITHMIC:
            ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            ax.xaxis.set_minor_formatter(NullFormatter())
        ax.tick_params(axis="x", labelsize=8)
        ax.set_title(TITLES.get(measure, measure), fontsize=9)
        bare(ax, grid="x")
    _rows(axes[0], found)
    return figure


def _strip(ax: Axes, values: np.ndarray, row: int, colour: str, *, logarithmic: bool) -> None:
    """Draw outline, middle half and median of the cells of a sample."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    if logarithmic:
        ax.set_xscale("log")
    if len(values) >= MIN_CELLS and np.ptp(values) > 0:
        shown = np.log10(values) if logarithmic else values
        counts, edges = np.histogram(shown, 40)
        smooth = np.convolve(counts, [0.25, 0.5, 0.25], "same")
        at = (edges[1:] + edges[:-1]) / 2
        at = 10.0**at if logarithmic else at
        half = 0.42 * smooth / smooth.max()
        ax.fill_between(at, row - half, row + half, color=colour, alpha=0.25, linewidth=0)
    ax.plot([low, high], [row, row], color=colour, linewidth=3.5, solid_capstyle="butt")
    ax.plot([middle], [row], "o", color="white", markeredgecolor=colour, markersize=4.5)


def _composition(adata: ad.AnnData, found: Samples, sample_key: str | None, key: str) -> Figure:
    cells = take_populations(adata, read_params(adata, key=key), key=key)
    if cells is None:
        raise ValueError(NO_POPULATIONS)
    codes = np.concatenate(cells.codes)  # as the rows of the samples: source, then target
    n = len(found.table)
    counts = np.zeros((n, len(cells.names)))
    np.add.at(counts, (found.of_cell[codes >= 0], codes[codes >= 0]), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    order = np.argsort(-shares.mean(axis=0), kind="stable")
    ax = _style.new_axes(None, width=7.6, height=rows_height(n, per_row=0.28, extra=1.4))
    left, colours = np.zeros(n), _style.colours(len(order))
    for colour, k in zip(colours, order, strict=True):
        ax.barh(range(n), shares[:, k], left=left, color=colour, edgecolor="white", linewidth=0.5)
        left += shares[:, k]
    names = all_short([cells.names[k] for k in order])
    handles = [Patch(color=c, label=m) for c, m in zip(colours, names, strict=True)]
    _style.legend_below(ax, handles, n_columns=4)
    _rows(ax, found)
    ax.set(xlim=(0, 1), xlabel="share of the cells")
    bare(ax)
    figure = ax.figure
    assert isinstance(figure, Figure)
    return figure


def _maps(adata: ad.AnnData, found: Samples, sample_key: str | None, key: str) -> Figure:
    table = found.table
    if len(table) < 3:
        msg = f"A map needs three samples, and there are {len(table)}: use show='quality'."
        raise ValueError(msg)
    pairs = get.sample_distances(adata, sample_key=sample_key, key=key)
    if pairs.empty:
        raise ValueError(NO_POPULATIONS)
    place = {name: i for i, name in enumerate(table["sample"])}
    i, j = (pairs[c].map(place).to_numpy(int) for c in ("sample", "other"))
    figure, axes = _style.panels(2, n_columns=2, width=4.4, height=3.8)
    for ax, (kind, title) in zip(axes, MAPS.items(), strict=True):
        points, part = classical_scaling(square(len(table), i, j, pairs[kind].to_numpy(float)))
        ax.set_aspect("equal", adjustable="datalim")
        for donor, rows in table.groupby("donor", sort=True):
            if donor and len(rows) > 1:
                ax.plot(*points[rows.index].T, color=FLAT, linewidth=0.6, alpha=0.5, zorder=1)
        colours = [(BEFORE, AFTER)[side] for side in table["side"]]
        ax.scatter(points[:, 0], points[:, 1], c=colours, s=34, zorder=2)
        called = all_short([d or s for d, s in zip(table["donor"], table["sample"], strict=True)])
        for (x, y), name in zip(points, called, strict=True):
            ax.annotate(plain(name), (x, y), (5, 3), textcoords="offset points", fontsize=7)
        drawn = f" ({100 * part:.0f} %)" if np.isfinite(part) else ""
        ax.set_title(title + drawn, fontsize=9)
        ax.set(xticks=[], yticks=[])
    params = read_params(adata, key=key)
    handles = [
        Patch(color=c, label=plain(params[s])) for c, s in zip((BEFORE, AFTER), SIDES, strict=True)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    return figure
