"""Factors under other prices of reweighting, other partitions and other seeds."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cgmm import get
from cgmm._anndata.keys import DEFAULT_KEY
from cgmm._anndata.populations import STATE
from cgmm.pl._style import AFTER, GRID, TEXT, UP, bare, panels, short
from cgmm.thresholds import MIN_CHANGE, TWOFOLD

MAX_LOG2 = 4.0  # limit of the axis


def sensitivity(
    adata: ad.AnnData, *, level: str = STATE, key: str = DEFAULT_KEY, n_columns: int = 6
) -> Figure:
    """Draw how each factor depends on choices that the data do not settle.

    Parameters
    ----------
    adata
        Object with a fit that :func:`cgmm.tl.fit` made.
    level
        "state": components of the fit. "population": populations (:func:`cgmm.get.populations`)
        that were found.
    key
        The ``key_added`` of the fit.
    n_columns
        Panels per row at most.

    Returns
    -------
    Figure with one panel per component or population. For components the line has the factors
    under other values of ``rho``, the diamonds at the right those under other partitions. For
    populations the points at the left have the factors of single searches, the diamonds at the
    right those from single partitions. The dashed line is the factor itself, and the band reaches
    twofold
    (populations: 1.5-fold) above and below it. A title is orange and says "not settled" where
    another choice leaves the band. Factors beyond 16-fold are drawn at the edge.

    Raises
    ------
    ValueError
        When there are no alternatives: they are made by :func:`cgmm.tl.fit`, and the labels of an
        annotation have none.
    """
    table = get.sensitivity(adata, level=level, key=key)
    if table.empty:
        msg = "The fit has no alternatives: cgmm.tl.fit makes them, cgmm.fit_coupled does not."
        if level != STATE:
            msg = "The populations have no alternatives: labels of an annotation need none."
        raise ValueError(msg)
    factors = get.factors(adata, level=level, key=key).sort_values("share_source", ascending=False)
    figure, axes = panels(
        len(factors), n_columns=n_columns, width=1.55, height=1.6, sharex=True, sharey=True
    )
    columns = ("component", "name", "log2_net", "settled")
    rows = zip(*(factors[c].to_list() for c in columns), strict=True)
    for ax, (component, name, log2_net, settled) in zip(axes, rows, strict=True):
        own = table[table["component"] == component]
        at = float(np.clip(log2_net, -MAX_LOG2, MAX_LOG2))
        band = TWOFOLD if level == STATE else MIN_CHANGE
        ax.axhspan(at - band, at + band, color=GRID, linewidth=0)
        ax.axhline(at, color=TEXT, linewidth=0.8, linestyle="--")
        _choices(ax, own.assign(log2_net=own["log2_net"].clip(-MAX_LOG2, MAX_LOG2)))
        ax.set_ylim(-MAX_LOG2 - 0.3, MAX_LOG2 + 0.3)
        title = short(name) + ("" if settled else "\nnot settled")
        ax.set_title(title, fontsize=8, color=TEXT if settled else UP)
        ax.tick_params(labelsize=7)
        bare(ax)
    below = "price of reweighting, rho (nats); diamonds: other partitions"
    if level != STATE:
        below = "points: single searches; diamonds: single partitions"
    figure.supxlabel(below, fontsize=9)
    figure.supylabel("log2 net factor", fontsize=9)
    return figure


def _choices(ax: Axes, own: pd.DataFrame) -> None:
    """Draw the factors of one row under other choices: a line or points, and diamonds beside it."""
    dots = own[own["parameter"] == "partition"]["log2_net"]
    path = own[own["parameter"] == "rho"]
    at = path["value"].astype(float)
    if path.empty:
        path = own[own["parameter"] == "seed"]
        at = pd.Series(1.0, index=path.index)
        ax.set_xticks([])
    else:
        ax.set_xscale("log")
    style = "o" if own["parameter"].isin(["seed"]).any() else "o-"
    ax.plot(at, path["log2_net"], style, color=TEXT, markersize=2.5)
    right = at.max() * 2.5 if len(path) else 1.0
    ax.plot(np.full(len(dots), right), dots, "D", color=AFTER, markersize=3.5, alpha=0.7)
    if not len(at) or at.max() == at.min():
        ax.set_xlim(0.0, 3.5)
