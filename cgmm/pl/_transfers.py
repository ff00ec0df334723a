"""Heatmap of the transfers."""

from __future__ import annotations

import anndata as ad
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes

from cgmm import get
from cgmm._keys import DEFAULT_KEY, SOURCE, TARGET
from cgmm.pl import _style

VALUES = {"share_of_source": "goes to", "share_of_target": "came from"}
SHOWN_FROM = 0.005


def transfers(
    adata: ad.AnnData,
    *,
    values: str = "share_of_source",
    key: str = DEFAULT_KEY,
    ax: Axes | None = None,
) -> Axes:
    """Where each source subpopulation went, or where each target one came from.

    Parameters
    ----------
    adata
        Object with a fit.
    values
        "share_of_source" (rows sum to 100 %) or "share_of_target" (columns do).
    key
        The ``key_added`` of the fit.
    ax
        Axes to draw on.

    Returns
    -------
    Axes. Sources from the largest down; targets in the order of the source they mainly come from.

    Raises
    ------
    ValueError
        When ``values`` is neither.
    """
    if values not in VALUES:
        msg = f"values={values!r} must be one of {', '.join(VALUES)}."
        raise ValueError(msg)
    rows, columns = ordered(adata, key)
    known = get.params(adata, key=key)
    table = get.transfers(adata, key=key)
    matrix = np.zeros((len(rows), len(columns)))
    matrix[table["source_component"], table["target_component"]] = 100 * table[values]
    matrix = matrix[np.ix_(rows, columns)]
    parts = get.components(adata, key=key)
    labels = [
        [_style.short(part.set_index("component")["name"][i]) for i in order]
        for part, order in (
            (parts[parts["side"] == SOURCE], rows),
            (parts[parts["side"] == TARGET], columns),
        )
    ]
    n = max(matrix.shape)
    side = 0.42 * n + 2.6 if n <= 16 else 0.27 * n + 2.8
    ax = _style.new_axes(ax, width=max(4.5, side + 0.8), height=max(3.6, side))
    small = n > 16
    text = np.array([[f"{v:.0f}" if v >= 100 * SHOWN_FROM else "" for v in row] for row in matrix])
    sns.heatmap(
        matrix,
        ax=ax,
        cmap="Blues",
        vmin=0,
        vmax=100,
        annot=text,
        fmt="",
        annot_kws={"fontsize": 6 if small else 8},
        linewidths=0.5,
        linecolor="#F0F0F0",
        square=True,
        cbar_kws={
            "label": "% of source" if values == "share_of_source" else "% of target",
            "shrink": 0.6,
        },
        xticklabels=labels[1],
        yticklabels=labels[0],
    )
    size = 7 if small else 9
    ax.set_xticklabels(
        ax.get_xticklabels(), rotation=60, ha="right", rotation_mode="anchor", fontsize=size
    )
    ax.set_yticklabels(ax.get_yticklabels(), rotation=0, fontsize=size)
    ax.tick_params(length=0)
    ax.set_ylabel(str(known["source"]).replace("$", r"\$"))
    ax.set_xlabel(str(known["target"]).replace("$", r"\$"))
    return ax


def ordered(adata: ad.AnnData, key: str) -> tuple[np.ndarray, np.ndarray]:
    """Order of source components (by share) and of target components (by their main source)."""
    parts = get.components(adata, key=key)
    share = parts.loc[parts["side"] == SOURCE, "share"].to_numpy()
    rows = np.argsort(-share, kind="stable")
    coupling = get.fit(adata, key=key).coupling
    place = np.empty(len(rows))
    place[rows] = np.arange(len(rows))
    came = coupling / np.maximum(coupling.sum(axis=0), 1e-300)
    main = came.argmax(axis=0)
    columns = np.lexsort((-came.max(axis=0), place[main]))
    return rows, columns
