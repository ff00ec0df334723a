"""Components or populations as ellipses on two dimensions of the representation."""

from __future__ import annotations

from typing import NamedTuple

import anndata as ad
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse

from cgmm import get
from cgmm._anndata.keys import DEFAULT_KEY, FEATURES
from cgmm._anndata.populations import POPULATION, STATE, take_populations
from cgmm._anndata.sides import representation, rows_of_fit
from cgmm.coupled.result import CoupledFit
from cgmm.pair import SOURCE, TARGET, Pair
from cgmm.pl._style import BAR, TEXT, Colour, apart, bare, new_axes, number, plain, short, text_size
from cgmm.pl._view import View, view
from cgmm.transport.coupling import share_of_source

MAX_CELLS = 4000
MIN_ARROW = 0.1  # share of the source component that goes along an arrow
RADIUS = 1.5  # standard deviations; holds 68 % of a Gaussian in two dimensions


def components(
    adata: ad.AnnData,
    *,
    dims: tuple[int, int] = (0, 1),
    level: str = STATE,
    key: str = DEFAULT_KEY,
    ax: Axes | None = None,
) -> Axes:
    """Draw components of both sides on two dimensions, with the transfers as arrows.

    Parameters
    ----------
    adata
        Object with a fit and the representation that was fitted.
    dims
        Two dimensions of the representation, counted from 0.
    level
        "state": components. "population": populations (:func:`cgmm.get.populations`), each with
        mean and covariance of its cells in each condition.
    key
        The ``key_added`` of the fit.
    ax
        Axes to draw on.

    Returns
    -------
    Axes. Solid ellipses are source components and dashed ellipses target components, drawn at 1.5
    standard deviations, which hold about two thirds of the cells. Grey ellipses are new components.
    An arrow leads from a source to a target component to which a tenth or more of the source
    component goes; a population has an arrow from its mean in the source to its mean in the
    target. The legend explains the numbers, the largest component or population first.

    Raises
    ------
    ValueError
        When a dimension is not part of the fit, or the fit has only one.
    """
    fit, params = get.fit(adata, key=key), get.params(adata, key=key)
    possible = range(fit.source.n_dims)
    if len(possible) < 2:
        msg = "The fit has one dimension, and this figure draws two: see cgmm.pl.embedding."
        raise ValueError(msg)
    if len(set(dims)) != 2 or len(dims) != 2 or not all(d in possible for d in dims):
        msg = f"dims={dims} must be two different numbers from 0 to {possible[-1]}."
        raise ValueError(msg)
    shown = view(adata, by=None, key=key, level=level)
    shapes = _populations(adata, params, shown, key) if level == POPULATION else _of_fit(fit)
    order, own = shown.rows, shown.colours
    n_columns = 1 if len(order) <= 20 else 2
    ax = new_axes(ax, width=6.2 + 2.3 * n_columns, height=5.8)
    pair = list(dims)

    _cells(ax, adata, params, pair)
    for side, colours, line in zip(shapes.sides, own, ("-", "--"), strict=True):
        for (mean, covariance), colour in zip(side, colours, strict=True):
            _ellipse(ax, mean, covariance, pair, colour, line)
    _arrows(ax, shapes, pair)
    ax.autoscale_view()
    _numbers(ax, np.array([shapes.sides.source[k].mean for k in order])[:, pair])
    label = str(params["use_rep"]).removeprefix("X_").upper().replace("PCA", "PC")
    ax.set_xlabel(f"{label} {dims[0] + 1}")
    ax.set_ylabel(f"{label} {dims[1] + 1}")
    bare(ax)
    sides = [
        Line2D([], [], color=TEXT, linestyle="-", label=plain(params[SOURCE])),
        Line2D([], [], color=TEXT, linestyle="--", label=plain(params[TARGET])),
    ]
    subpopulations = [
        Line2D(
            [],
            [],
            color=own.source[int(k)],
            marker="o",
            linestyle="none",
            label=f"{i + 1}  {short(shown.names_source[k])}",
        )
        for i, k in enumerate(order)
    ]
    ax.legend(
        handles=[*sides, *subpopulations],
        loc="center left",
        bbox_to_anchor=(1.01, 0.5),
        ncols=n_columns,
        frameon=False,
        fontsize=8,
        handletextpad=0.4,
    )
    return ax


class _Shape(NamedTuple):
    mean: np.ndarray  #: (D,)
    covariance: np.ndarray  #: (D, D)


class _Shapes(NamedTuple):
    """What is drawn, in the order of the view."""

    sides: Pair[list[_Shape]]
    arrows: np.ndarray  #: (n, 2) rows of source and target that an arrow joins


def _of_fit(fit: CoupledFit) -> _Shapes:
    """Return the components, and the pairs to which enough of the source goes."""
    sides = Pair(fit.source, fit.target).map(
        lambda one: [_Shape(*own) for own in zip(one.means, one.covariances, strict=True)]
    )
    return _Shapes(sides, np.argwhere(share_of_source(fit.coupling) >= MIN_ARROW))


def _populations(adata: ad.AnnData, params: dict, shown: View, key: str) -> _Shapes:
    """Return mean and covariance of the cells of every population in each condition."""
    cells = take_populations(adata, params, key=key)
    assert cells is not None  # the view has refused a fit without populations
    points = representation(adata, params["use_rep"], params["n_dims"])
    names = Pair(shown.names_source, shown.names_target)
    sides = []
    for rows, labels, own in zip(cells.rows, cells.labels, names, strict=True):
        parts = [points[rows[labels == name]].astype(np.float64) for name in own]
        sides.append([_Shape(x.mean(axis=0), np.cov(x.T, bias=True)) for x in parts])
    place = {name: j for j, name in enumerate(names.target)}
    joined = [(k, place[name]) for k, name in enumerate(names.source) if name in place]
    return _Shapes(Pair(*sides), np.array(joined, dtype=int).reshape(-1, 2))


def _arrows(ax: Axes, shapes: _Shapes, pair: list[int]) -> None:
    """Draw arrows from sources to their targets."""
    style = {
        "arrowstyle": "-|>",
        "color": TEXT,
        "linewidth": 1.1,
        "shrinkA": 5,
        "shrinkB": 0,
        "mutation_scale": 9,
    }
    for k, j in shapes.arrows:
        start, end = shapes.sides.source[k].mean[pair], shapes.sides.target[j].mean[pair]
        ax.annotate("", xy=end, xytext=start, arrowprops=style, zorder=4)


def _numbers(ax: Axes, centres: np.ndarray) -> None:
    """Write the numbers 1 to n at the centres (n, 2), without overlap."""
    size = text_size(len(centres))
    for i, (x, y) in enumerate(apart(ax, centres, size=size)):
        number(ax, x, y, str(i + 1), size=size)


def _cells(ax: Axes, adata: ad.AnnData, params: dict, pair: list[int]) -> None:
    if params["use_rep"] != FEATURES and params["use_rep"] not in adata.obsm:
        return
    rows = np.sort(np.concatenate(list(rows_of_fit(adata, params).values())))
    if len(rows) > MAX_CELLS:
        rows = np.random.default_rng(0).choice(rows, MAX_CELLS, replace=False)
    x = representation(adata, params["use_rep"], params["n_dims"])[rows][:, pair]
    ax.scatter(x[:, 0], x[:, 1], s=3, color=BAR, linewidths=0, alpha=0.6, rasterized=True, zorder=0)


def _ellipse(
    ax: Axes,
    mean: np.ndarray,
    covariance: np.ndarray,
    pair: list[int],
    colour: Colour,
    line: str,
) -> None:
    values, vectors = np.linalg.eigh(covariance[np.ix_(pair, pair)])
    width, height = 2 * RADIUS * np.sqrt(np.maximum(values, 0.0))
    angle = float(np.degrees(np.arctan2(vectors[1, 0], vectors[0, 0])))
    ax.add_patch(
        Ellipse(
            tuple(mean[pair]),
            width,
            height,
            angle=angle,
            facecolor=(*colour, 0.06),
            edgecolor=colour,
            linewidth=1.6,
            linestyle=line,
            zorder=3,
        )
    )
