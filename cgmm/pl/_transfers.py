"""Heatmap of the transfers."""

from __future__ import annotations

import anndata as ad
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes

from cgmm import get
from cgmm._anndata.keys import DEFAULT_KEY
from cgmm._anndata.populations import STATE
from cgmm.pair import SOURCE, TARGET
from cgmm.pl._style import AMOUNT, GRID, MAX_LARGE, new_axes, plain, short, text_size
from cgmm.pl._view import view
from cgmm.transport.coupling import divide

VALUES = {"share_of_source": "goes to", "share_of_target": "came from"}
MIN_SHOWN = 0.005


def transfers(
    adata: ad.AnnData,
    *,
    values: str = "share_of_source",
    by: str | None = None,
    level: str = STATE,
    key: str = DEFAULT_KEY,
    ax: Axes | None = None,
) -> Axes:
    """Draw where the target cells of each source lie, or where each target came from.

    Parameters
    ----------
    adata
        Object with a fit.
    values
        "share_of_source" (rows sum to 100 %) or "share_of_target" (columns sum to 100 %), columns
        of :func:`cgmm.get.transfers`.
    by
        Sum to this column of ``obs``, as in :func:`cgmm.get.transfers`.
    level
        "state": components of the fit. "population": populations (:func:`cgmm.get.populations`);
        claims about prevalence belong to this level.
    key
        The ``key_added`` of the fit.
    ax
        Axes to draw on.

    Returns
    -------
    Axes. Rows are sources, the largest first; columns are targets in the order of the source that
    they mainly come from. Labels mark the rows that are gone and the columns that are new.

    Raises
    ------
    ValueError
        When ``values`` has another value.
    """
    if values not in VALUES:
        msg = f"values={values!r} must be one of {', '.join(VALUES)}."
        raise ValueError(msg)
    shown, params = view(adata, by=by, key=key, level=level), get.params(adata, key=key)
    rows, columns = shown.rows, shown.columns
    mass, axis = shown.enters, 1 if values == "share_of_source" else 0
    matrix = 100 * divide(mass, mass.sum(axis=axis, keepdims=True))[np.ix_(rows, columns)]
    n = max(matrix.shape)
    small = n > MAX_LARGE
    side = 0.27 * n + 2.8 if small else 0.42 * n + 2.6
    ax = new_axes(ax, width=max(4.5, side + 0.8), height=max(3.6, side))
    text = np.array([[f"{v:.0f}" if v >= 100 * MIN_SHOWN else "" for v in row] for row in matrix])
    sns.heatmap(
        matrix,
        ax=ax,
        cmap=AMOUNT,
        vmin=0,
        vmax=100,
        annot=text,
        fmt="",
        annot_kws={"fontsize": 6 if small else 8},
        linewidths=0.5,
        linecolor=GRID,
        square=True,
        cbar_kws={
            "label": "% of the cells that came from it"
            if axis
            else plain(f"% of {params[TARGET]}"),
            "shrink": 0.6,
        },
        xticklabels=_labels(shown.names_target, columns, shown.new, "new"),
        yticklabels=_labels(shown.names_source, rows, shown.gone, "gone"),
    )
    size = text_size(n, small=7)
    ax.set_xticklabels(
        ax.get_xticklabels(), rotation=60, ha="right", rotation_mode="anchor", fontsize=size
    )
    ax.set_yticklabels(ax.get_yticklabels(), rotation=0, fontsize=size)
    ax.tick_params(length=0)
    ax.set_ylabel(plain(params[SOURCE]))
    ax.set_xlabel(plain(params[TARGET]))
    return ax


def _labels(names: np.ndarray, order: np.ndarray, marked: np.ndarray, mark: str) -> list[str]:
    return [short(names[i]) + (f" ({mark})" if marked[i] else "") for i in order]
