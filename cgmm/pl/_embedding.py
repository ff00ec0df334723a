"""Cells on a map such as UMAP, with arrows to their predicted positions in the target."""

from __future__ import annotations

from typing import Any, NamedTuple

import anndata as ad
import matplotlib.patheffects as patheffects
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cgmm import get
from cgmm._anndata.checks import column
from cgmm._anndata.keys import DEFAULT_KEY, UMAP, Keys
from cgmm._anndata.populations import POPULATION, STATE, take_populations
from cgmm._anndata.sides import representation, rows_of_fit
from cgmm.pair import SIDES, SOURCE, TARGET
from cgmm.pl import _style
from cgmm.pl._landing import MAX_CELLS, Arrows, by_component, by_grid, landing, medoid
from cgmm.pl._style import (
    CHANGE,
    CONTEXT,
    FLAT,
    LENGTH,
    MAX_LARGE,
    TEXT,
    apart,
    new_axes,
    plain,
    short,
    text_size,
)
from cgmm.pl._view import View, view

COLOURS = {
    "component": "",  # attribute of Keys that names the obs column: label of the colour bar
    "log2_net_factor": "log2 net factor",
    "shift": "shift (units of the representation)",
}
PANELS = ("both", SOURCE, TARGET, "overlay")
ARROWS = ("components", "grid", None)
FULL_COLOUR = 98  # percentile of the absolute values that has the full colour
MAX_LOG2 = 4.0  # largest limit of the colour scale
CAPTION = (
    "Arrows are a drawing: each ends among the target cells that are nearest to where the fit\n"
    "puts the source cells. Lengths on this map mean nothing; pl.shifts has them."
)


class _Cells(NamedTuple):
    """Cells of both conditions that have a position on the map."""

    xy: np.ndarray  #: (n_cells, 2)
    rows: dict[str, np.ndarray]  #: side -> positions of its cells
    own: dict[str, np.ndarray]  #: side -> row of the view of each of its cells, -1 for none
    n_cells: int  #: cells of both conditions, on the map or not


def embedding(
    adata: ad.AnnData,
    *,
    color: str = "component",
    basis: str = UMAP,
    panels: str | None = None,
    arrows: str | None = "components",
    level: str = STATE,
    key: str = DEFAULT_KEY,
    ax: Axes | None = None,
) -> Axes | Figure:
    """Draw cells of both conditions on a map, coloured by a result, with arrows of displacement.

    Parameters
    ----------
    adata
        Object with a fit, a map and the representation that was fitted.
    color
        "component" (with ``level="population"``, the population), "log2_net_factor" or "shift"
        (source cells only). The factor of a cell is that of its surroundings, or of its population.
    basis
        Entry of ``obsm`` with the map; its first two columns are drawn.
    panels
        "both": source and target side by side; "source" or "target": one condition alone;
        "overlay": both in one panel. By default "both", or "overlay" when ``ax`` is given.
    arrows
        "components": one arrow per source component or population; "grid": one arrow per square of
        the map that holds at least five source cells; None: no arrows.
    level
        "state": numbers and colours are of components; "population": of populations
        (:func:`cgmm.get.populations`). Cells without a population are not coloured.
    key
        The ``key_added`` of the fit.
    ax
        Axes to draw on.

    Returns
    -------
    Figure when ``panels="both"``, else Axes. Numbers are components of the source, the largest
    first. A target component has the number of the source that it mainly came from, or "new".
    A population has one number in both conditions, or "new" when the source has no cell of it.

    Raises
    ------
    KeyError
        When the map or the representation is missing.
    ValueError
        When an argument has another value than those above, when ``ax`` is given with
        ``panels="both"``, or when no cell has a position on the map.

    Notes
    -----
    Distances on a map have no meaning, and the figure states that its arrows are a drawing. A
    source cell lands at the median, on the map, of the 15 target cells that are nearest to its
    projected position (``obsm["<key>_projected"]``) in the representation. An arrow leads from the
    medoid of a component, or from a square of the map, to the medoid of the points where its
    cells land.

    Cells whose position is NaN are not drawn. (With very many cells the workflow computes the map
    of a sample only.) The figure then states how many cells it shows.
    """
    panels = panels or ("both" if ax is None else "overlay")
    for name, value, choices in (
        ("color", color, tuple(COLOURS)),
        ("panels", panels, PANELS),
        ("arrows", arrows, ARROWS),
    ):
        if value not in choices:
            msg = f"{name}={value!r} must be one of {', '.join(map(str, choices))}."
            raise ValueError(msg)
    if panels == "both" and ax is not None:
        msg = 'panels="both" makes a figure of its own: leave out ax, or name one panel.'
        raise ValueError(msg)
    shown = view(adata, by=None, key=key, level=level)
    cells = _cells(adata, basis, key, shown, level)
    drawn = None if arrows is None else _arrows(adata, cells, arrows, key)
    params = get.params(adata, key=key)
    sides: list[tuple[str, ...]] = [(SOURCE,), (TARGET,)]
    if panels != "both":
        sides = [SIDES if panels == "overlay" else (panels,)]
    if panels == "both":
        n_columns = 0 if color != "component" else 1 if len(shown.rows) <= 24 else 2
        _, axes = _style.panels(2, n_columns=2, width=4.6 + n_columns, height=4.8)
    else:
        axes = [new_axes(ax, width=7.4 if color == "component" else 6.2, height=5.2)]
    figure: Any = axes[0].figure
    paint = _paint(adata, shown, cells, color, key, level)
    for one, mine in zip(axes, sides, strict=True):
        _panel(one, cells, mine, paint)
        title = " and ".join(plain(params[s]) for s in mine)
        one.set_title(title, fontsize=10, fontweight="bold", color=TEXT)
        if drawn is not None and SOURCE in mine:
            _draw_arrows(one, drawn)
        _frame(one, cells, basis)
        if color == "component":
            _numbers(one, shown, cells, mine)
    _explain(figure, axes, shown, paint, color)
    words = [CAPTION] if drawn is not None else []
    words += _left_out(cells)
    if words and ax is None:
        figure.supxlabel("\n".join(words), fontsize=7.5, color=FLAT)
    return figure if panels == "both" else axes[0]


def _cells(adata: ad.AnnData, basis: str, key: str, shown: View, level: str) -> _Cells:
    params, keys = get.params(adata, key=key), Keys(key)
    if basis not in adata.obsm:
        there = ", ".join(map(str, adata.obsm)) or "none"
        msg = f"basis={basis!r} is not in obsm; there are {there}. scanpy.tl.umap writes 'X_umap'."
        raise KeyError(msg)
    xy = np.asarray(adata.obsm[basis], dtype=float)[:, :2]
    good = np.isfinite(xy).all(axis=1)
    of_side = rows_of_fit(adata, params)
    rows = {side: mine[good[mine]] for side, mine in of_side.items()}
    n_cells = sum(len(mine) for mine in of_side.values())
    if not any(len(at) for at in rows.values()):
        msg = (
            f"No cell of {params[SOURCE]} or {params[TARGET]} has a place on {basis!r}: compute "
            "the map of these cells, for instance with scanpy.tl.umap."
        )
        raise ValueError(msg)
    if level == POPULATION:
        return _Cells(xy, rows, _populations_of(adata, rows, shown, key), n_cells)
    r = np.asarray(adata.obsm[keys.responsibilities])
    own = {side: np.nan_to_num(r[at], nan=-1.0).argmax(axis=1) for side, at in rows.items()}
    return _Cells(xy, rows, own, n_cells)


def _populations_of(
    adata: ad.AnnData, rows: dict[str, np.ndarray], shown: View, key: str
) -> dict[str, np.ndarray]:
    """Return the row of the view of every cell of each side, -1 without a population."""
    cells = take_populations(adata, get.params(adata, key=key), key=key)
    assert cells is not None  # the view has refused a fit without populations
    own = {}
    for side, at, labels, names in zip(
        SIDES, cells.rows, cells.labels, (shown.names_source, shown.names_target), strict=True
    ):
        label = pd.Series(labels, index=at)
        own[side] = pd.Index(names, dtype=object).get_indexer(label.loc[rows[side]])
    return own


def _left_out(cells: _Cells) -> list[str]:
    """Return a sentence with the number of cells on the map, when some have no position on it."""
    n = sum(len(rows) for rows in cells.rows.values())
    return [] if n == cells.n_cells else [f"{n:,} of {cells.n_cells:,} cells are on this map."]


def _arrows(adata: ad.AnnData, cells: _Cells, kind: str, key: str) -> Arrows:
    """Return arrows of the source cells with a projected position, or of a sample."""
    params = get.params(adata, key=key)
    places = np.asarray(adata.obsm[Keys(key).projected])
    there = np.flatnonzero(np.isfinite(places[cells.rows[SOURCE]]).all(axis=1))
    if len(there) > MAX_CELLS:
        there = np.random.default_rng(0).choice(there, MAX_CELLS, replace=False)
    rows = cells.rows[SOURCE][there]
    if not len(rows) or not len(cells.rows[TARGET]):
        return Arrows(np.empty((0, 2)), np.empty((0, 2)), np.empty(0, dtype=int))
    points = representation(adata, params["use_rep"], params["n_dims"])[cells.rows[TARGET]]
    end = landing(places[rows], points, cells.xy[cells.rows[TARGET]])
    if kind == "grid":
        return by_grid(cells.xy[rows], end)
    own = cells.own[SOURCE][there]
    named = own >= 0
    return by_component(cells.xy[rows][named], end[named], own[named])


class _Paint(NamedTuple):
    """Colour of every cell of each side, transparent where a cell has no value."""

    colours: dict[str, np.ndarray]  #: side -> (n, 4)
    scale: ScalarMappable | None


def _paint(
    adata: ad.AnnData, shown: View, cells: _Cells, color: str, key: str, level: str
) -> _Paint:
    if color == "component":
        tables = dict(zip(SIDES, shown.colours, strict=True))
        return _Paint(
            {
                side: np.column_stack([np.array(tables[side])[own], own >= 0])
                for side, own in cells.own.items()
            },
            None,
        )
    values = column(adata, getattr(Keys(key), color), "color").to_numpy(dtype=float)
    if color == "log2_net_factor" and level == POPULATION:
        values = _factors_of(adata, shown, cells, key)
    inside = values[np.concatenate([cells.rows[side] for side in SIDES])]
    inside = np.abs(inside[np.isfinite(inside)])
    limit = float(np.percentile(inside, FULL_COLOUR)) if len(inside) else 1.0
    if color == "shift":
        scale = ScalarMappable(Normalize(0, max(limit, 1e-9)), cmap=LENGTH)
    else:
        limit = min(max(limit, 1.0), MAX_LOG2)
        scale = ScalarMappable(Normalize(-limit, limit), cmap=CHANGE)
    colours = {}
    for side, rows in cells.rows.items():
        part = scale.to_rgba(np.clip(values[rows], *scale.get_clim()))
        part[np.isnan(values[rows]), 3] = 0.0
        colours[side] = part
    return _Paint(colours, scale)


def _factors_of(adata: ad.AnnData, shown: View, cells: _Cells, key: str) -> np.ndarray:
    """Return the log2 net factor of the population of every cell, NaN without one."""
    table = get.factors(adata, level=POPULATION, key=key).set_index("name")["log2_net"]
    values = np.full(adata.n_obs, np.nan)
    for side, names in ((SOURCE, shown.names_source), (TARGET, shown.names_target)):
        own = cells.own[side]
        of_names = table.reindex(names).to_numpy(float)
        values[cells.rows[side]] = np.where(own >= 0, of_names[own], np.nan)
    return values


def _panel(ax: Axes, cells: _Cells, sides: tuple[str, ...], paint: _Paint) -> None:
    """Draw the cells of the sides in colour, in random order, above all cells in grey."""
    n = sum(len(rows) for rows in cells.rows.values())
    size = float(np.clip(40000 / max(n, 1), 1.5, 12))
    everything = np.concatenate([cells.rows[side] for side in SIDES])
    rows = np.concatenate([cells.rows[side] for side in sides])
    colours = np.concatenate([paint.colours[side] for side in sides])
    order = np.random.default_rng(0).permutation(len(rows))
    under, over = cells.xy[everything], cells.xy[rows[order]]
    ax.scatter(under[:, 0], under[:, 1], s=size, color=CONTEXT, linewidths=0, rasterized=True)
    ax.scatter(over[:, 0], over[:, 1], s=size, color=colours[order], linewidths=0, rasterized=True)


def _draw_arrows(ax: Axes, drawn: Arrows) -> None:
    large = drawn.of.max(initial=-1) >= 0
    for start, end in zip(drawn.start, drawn.end, strict=True):
        line = ax.annotate(
            "",
            xy=end,
            xytext=start,
            arrowprops={
                "arrowstyle": "-|>",
                "color": TEXT,
                "linewidth": 1.2 if large else 0.6,
                "alpha": 0.9 if large else 0.6,
                "shrinkA": 4 if large else 0,
                "shrinkB": 0,
                "mutation_scale": 9 if large else 5,
                "connectionstyle": "arc3,rad=0.12" if large else "arc3",
            },
            zorder=4,
        )
        if large and line.arrow_patch is not None:
            line.arrow_patch.set_path_effects(
                [patheffects.withStroke(linewidth=2.6, foreground="white")]
            )


def _numbers(ax: Axes, shown: View, cells: _Cells, sides: tuple[str, ...]) -> None:
    """Write a number at the medoid of each row; in an overlay, of the source only."""
    number = {int(k): str(i + 1) for i, k in enumerate(shown.rows)}
    side, size = sides[0], text_size(len(number))
    present = np.unique(cells.own[side][cells.own[side] >= 0])
    centres = [medoid(cells.xy[cells.rows[side][cells.own[side] == k]]) for k in present]
    places = apart(ax, np.array(centres).reshape(-1, 2), size=size)
    for k, (x, y) in zip(present, places, strict=True):
        came = int(k) if side == SOURCE else int(shown.main[k])
        _style.number(ax, x, y, number.get(came, "new"), size=size)


def _frame(ax: Axes, cells: _Cells, basis: str) -> None:
    both = cells.xy[np.concatenate([cells.rows[side] for side in SIDES])]
    margin = 0.04 * np.ptp(both, axis=0)
    low, high = both.min(axis=0) - margin, both.max(axis=0) + margin
    ax.set_xlim(low[0], high[0])
    ax.set_ylim(low[1], high[1])
    name = basis.removeprefix("X_").upper()
    ax.set_xlabel(f"{name} 1", fontsize=8, loc="left", color=FLAT)
    ax.set_ylabel(f"{name} 2", fontsize=8, loc="bottom", color=FLAT)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)


def _explain(figure: Any, axes: list[Axes], shown: View, paint: _Paint, color: str) -> None:
    """Draw the legend of the numbers, or the colour bar."""
    if paint.scale is not None:
        figure.colorbar(paint.scale, ax=axes, label=COLOURS[color], shrink=0.6, extend="both")
        return
    own = shown.colours.source
    handles = [
        Line2D([], [], color=own[k], marker="o", linestyle="none", label=f"{i + 1}  {name}")
        for i, (k, name) in enumerate(
            (int(k), short(shown.names_source[k], 22)) for k in shown.rows
        )
    ]
    axes[-1].legend(
        handles=handles,
        loc="center left",
        bbox_to_anchor=(1.01, 0.5),
        ncols=1 if len(handles) <= 24 else 2,
        frameon=False,
        fontsize=8 if len(handles) <= MAX_LARGE else 7,
        handletextpad=0.4,
    )
