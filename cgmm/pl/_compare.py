"""Heatmap of several comparisons with one source."""

from __future__ import annotations

from collections.abc import Sequence

import anndata as ad
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes

from cgmm import get
from cgmm._anndata.keys import DEFAULT_KEY
from cgmm._anndata.populations import STATE
from cgmm.pair import SOURCE
from cgmm.pl._style import DIVERGING, FLAT, TEXT, new_axes, plain, rows_height, short, text_size
from cgmm.thresholds import ALPHA

MAX_LOG2 = 4.0  # largest limit of the colour scale


def compare(
    adata: ad.AnnData,
    keys: Sequence[str] | None = None,
    *,
    by: str | None = None,
    level: str = STATE,
    key: str = DEFAULT_KEY,
    ax: Axes | None = None,
) -> Axes:
    """Draw net factors of one source against several targets, for instance doses or time points.

    Parameters
    ----------
    adata
        Object that :func:`cgmm.tl.fit_targets` has filled.
    keys, key
        The comparisons, as in :func:`cgmm.get.compare`.
    by
        Sum to this column of ``obs``, as in :func:`cgmm.get.factors`.
    level
        "state" or "population", as in :func:`cgmm.get.compare`.
    ax
        Axes to draw on.

    Returns
    -------
    Axes. Rows are source components or populations, the largest first; columns are targets in their
    order. A dot marks q < 0.05 over donors, "?" a factor that is not settled, and "gone" and "new"
    what has no counterpart.
    """
    table = get.compare(adata, keys, by=by, level=level, key=key)
    columns = list(dict.fromkeys(table["key"]))
    first = table[table["key"] == columns[0]]
    source = get.params(adata, key=columns[0])[SOURCE]
    shares = table.groupby("name")["share_source"].max()
    names = list(dict.fromkeys([*first["name"], *table["name"]]))
    names.sort(key=lambda name: -float(shares[name]))
    wide = {
        name: table.pivot(index="name", columns="key", values=name).reindex(names)[columns]
        for name in ("log2_net", "q", "settled", "status")
    }
    net = wide["log2_net"].to_numpy(dtype=float)
    sizes = np.abs(net[np.isfinite(net)])
    limit = float(np.clip(sizes.max(initial=1.0), 1.0, MAX_LOG2))
    marks = np.full(net.shape, "", dtype=object)
    marks[wide["q"].to_numpy(dtype=float) < ALPHA] = "●"
    marks[(wide["settled"] == False).to_numpy() & np.isfinite(net)] += "?"  # noqa: E712
    for status in ("gone", "new"):
        marks[(wide["status"] == status).to_numpy()] = status
    size = text_size(len(names))
    ax = new_axes(
        ax,
        width=3.6 + 0.75 * len(columns),
        height=rows_height(len(names), per_row=0.27, extra=1.6),
    )
    sns.heatmap(
        np.clip(net, -limit, limit),
        ax=ax,
        cmap=DIVERGING,
        vmin=-limit,
        vmax=limit,
        mask=np.isnan(net),
        annot=marks,
        fmt="",
        annot_kws={"fontsize": size, "color": TEXT},
        linewidths=0.8,
        linecolor="white",
        cbar_kws={"label": f"log2 net factor against {plain(source)}", "shrink": 0.7},
        xticklabels=[short(t, 16) for t in table.drop_duplicates("key")["target"]],
        yticklabels=[short(name) for name in names],
    )
    ax.set_xticklabels(ax.get_xticklabels(), rotation=0 if len(columns) <= 6 else 60)
    ax.set_yticklabels(ax.get_yticklabels(), rotation=0, fontsize=size)
    ax.tick_params(length=0)
    ax.set_xlabel("● q < 0.05 over donors     ? not settled", fontsize=8, color=FLAT)
    ax.set_ylabel("")
    return ax
