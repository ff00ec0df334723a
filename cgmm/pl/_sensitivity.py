"""Factors under other prices of reweighting and other partitions."""

from __future__ import annotations

import anndata as ad
import numpy as np
from matplotlib.figure import Figure

from cgmm import get
from cgmm._anndata.keys import DEFAULT_KEY
from cgmm.pl._style import AFTER, GRID, TEXT, UP, bare, panels, short

MAX_LOG2 = 4.0  # limit of the axis


def sensitivity(adata: ad.AnnData, *, key: str = DEFAULT_KEY, n_columns: int = 6) -> Figure:
    """Draw how the factor of each subpopulation depends on choices that the data do not settle.

    Parameters
    ----------
    adata
        Object with a fit that :func:`cgmm.tl.fit` made.
    key
        The ``key_added`` of the fit.
    n_columns
        Panels per row at most.

    Returns
    -------
    Figure with one panel per subpopulation. The line has the factors under other values of ``rho``,
    the diamonds at the right those under other partitions. The dashed line is the factor of the
    fit, and the band reaches twofold above and below it. A title is orange and says "not settled"
    where another choice leaves the band. Factors beyond 16-fold are drawn at the edge.

    Raises
    ------
    ValueError
        When the fit has no alternatives.
    """
    table = get.sensitivity(adata, key=key)
    if table.empty:
        msg = "The fit has no alternatives: cgmm.tl.fit makes them, cgmm.fit_coupled does not."
        raise ValueError(msg)
    factors = get.factors(adata, key=key).sort_values("share_source", ascending=False)
    figure, axes = panels(
        len(factors), n_columns=n_columns, width=1.55, height=1.6, sharex=True, sharey=True
    )
    columns = ("component", "name", "log2_net", "settled")
    rows = zip(*(factors[c].to_list() for c in columns), strict=True)
    for ax, (component, name, log2_net, settled) in zip(axes, rows, strict=True):
        own = table[table["component"] == component]
        path = own[own["parameter"] == "rho"]
        dots = own[own["parameter"] == "partition"]["log2_net"].clip(-MAX_LOG2, MAX_LOG2)
        at = float(np.clip(log2_net, -MAX_LOG2, MAX_LOG2))
        ax.axhspan(at - 1, at + 1, color=GRID, linewidth=0)
        ax.axhline(at, color=TEXT, linewidth=0.8, linestyle="--")
        ax.plot(
            path["value"].astype(float),
            path["log2_net"].clip(-MAX_LOG2, MAX_LOG2),
            color=TEXT,
            marker="o",
            markersize=2.5,
        )
        right = path["value"].astype(float).max() * 2.5 if len(path) else 1.0
        ax.plot(np.full(len(dots), right), dots, "D", color=AFTER, markersize=3.5, alpha=0.7)
        ax.set_xscale("log")
        ax.set_ylim(-MAX_LOG2 - 0.3, MAX_LOG2 + 0.3)
        title = short(name) + ("" if settled else "\nnot settled")
        ax.set_title(title, fontsize=8, color=TEXT if settled else UP)
        ax.tick_params(labelsize=7)
        bare(ax)
    figure.supxlabel("price of reweighting, rho (nats); diamonds: other partitions", fontsize=9)
    figure.supylabel("log2 net factor", fontsize=9)
    return figure
