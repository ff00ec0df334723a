"""Shares or shifts of single donors, one small panel per component or population."""

from __future__ import annotations

from typing import Literal

import anndata as ad
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from cgmm import get
from cgmm._anndata.keys import DEFAULT_KEY
from cgmm._anndata.populations import STATE
from cgmm.donors.change import PSEUDOCOUNT
from cgmm.pair import SOURCE, TARGET
from cgmm.pl._style import AFTER, BAR, BEFORE, all_short, bare, called, panels, short, trend

MIN_SHARE = 1e-4  # smaller shares are drawn at this share


def donors(
    adata: ad.AnnData,
    *,
    show: Literal["share", "shift"] = "share",
    level: str = STATE,
    key: str = DEFAULT_KEY,
    n_columns: int = 6,
) -> Figure:
    """Draw the share or the shift of each component or population in each donor.

    Parameters
    ----------
    adata
        Object with a fit that knows donors.
    show
        "share": fraction of the donor's cells; "shift": position of the donor's cells along the
        shift (of components after :func:`cgmm.tl.donors`).
    level
        "state": components of the fit. "population": populations (:func:`cgmm.get.populations`);
        claims about prevalence belong to this level.
    key
        The ``key_added`` of the fit.
    n_columns
        Panels per row at most.

    Returns
    -------
    Figure. All panels have one scale, logarithmic for shares. The target share of a component
    is the share of the target cells that came from it. Bars are means; for shares, geometric means.
    Lines join the two points of a donor.

    Raises
    ------
    KeyError
        When ``show="shift"`` and :func:`cgmm.tl.donors` was not run.
    ValueError
        When the fit had no donors, or ``show`` is not known.
    """
    if show not in ("share", "shift"):
        msg = f'show={show!r} is not known: give "share" or "shift".'
        raise ValueError(msg)
    table = _shown(adata, show, level, key)
    if table.empty:
        msg = "The fit had no donors: give donor_key to cgmm.tl.fit to see them."
        raise ValueError(msg)
    params = get.params(adata, key=key)
    factors = get.factors(adata, level=level, key=key).sort_values("share_source", ascending=False)
    figure, axes = panels(len(factors), n_columns=n_columns, width=1.55, height=1.75, sharey=True)
    conditions = [short(params[side], 12) for side in (SOURCE, TARGET)]
    columns = ("component", "name", "log2_net", "ci_low", "ci_high", "q")
    rows = zip(*(factors[c].to_list() for c in columns), strict=True)
    titles = all_short(factors["name"])
    for ax, name, (component, _, *numbers) in zip(axes, titles, rows, strict=True):
        draw_donors(ax, table[table["component"] == component], logarithmic=show == "share")
        title = trend(name, called(*numbers)) if show == "share" else name
        ax.set_title(title, fontsize=8)
        ax.set_xticks([0, 1], conditions, fontsize=7)
        ax.tick_params(axis="y", labelsize=7)
        bare(ax, grid="y")
        ax.tick_params(which="minor", length=0)
    label = {
        "share": "share of the donor's cells",
        "shift": "position along the shift, in standard deviations",
    }[show]
    figure.supylabel(label, fontsize=9)
    return figure


def _shown(adata: ad.AnnData, show: str, level: str, key: str) -> pd.DataFrame:
    """Return the table of the donors, with the values to draw in the column ``shown``."""
    if show == "shift":
        table = get.donor_shifts(adata, level=level, key=key)
        return table.rename(columns={"position_sd": "shown"})
    if level == STATE:
        table = get.carried_donors(adata, key=key)
    else:
        table = get.donors(adata, level=level, key=key)
    table["shown"] = np.maximum(table["share"] + PSEUDOCOUNT / table["n_cells"], MIN_SHARE)
    return table


def draw_donors(ax: Axes, part: pd.DataFrame, *, logarithmic: bool) -> None:
    """Draw the donors of one row, the column ``shown``, in both conditions."""
    sides = [part[part["side"] == s].set_index("donor")["shown"].dropna() for s in (SOURCE, TARGET)]
    paired = sorted(set(sides[0].index) & set(sides[1].index))
    for donor in paired:
        ax.plot([0, 1], [side[donor] for side in sides], color=BAR, linewidth=0.9)
    for x, values, colour in zip((0, 1), sides, (BEFORE, AFTER), strict=True):
        if values.empty:
            continue
        wiggle = np.zeros(len(values)) if paired else np.linspace(-0.12, 0.12, len(values))
        ax.plot(x + wiggle, values, "o", color=colour, markersize=4, alpha=0.85)
        middle = np.exp2(np.log2(values).mean()) if logarithmic else values.mean()
        ax.plot([x - 0.25, x + 0.25], [middle] * 2, color=colour, linewidth=2)
    ax.set_xlim(-0.5, 1.5)
    if logarithmic:
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(base=10))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{100 * v:g} %"))
        ax.yaxis.set_minor_formatter(NullFormatter())
