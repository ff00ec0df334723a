"""Shares per donor, one small panel per subpopulation."""

from __future__ import annotations

import anndata as ad
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from cgmm import get
from cgmm._keys import DEFAULT_KEY, SOURCE, TARGET
from cgmm.donors import PSEUDOCOUNT
from cgmm.pl import _style

LOWEST = 1e-4


def donors(adata: ad.AnnData, *, key: str = DEFAULT_KEY, n_columns: int = 6) -> Figure:
    """Share of each subpopulation in each donor, in both conditions.

    Parameters
    ----------
    adata
        Object with a fit that knows donors.
    key
        The ``key_added`` of the fit.
    n_columns
        Panels per row at most.

    Returns
    -------
    Figure. Shares are on a common logarithmic scale; target shares are those of what each source
    subpopulation became; bars are means of the logarithms. Lines join a donor with itself.

    Raises
    ------
    ValueError
        When the fit had no donors.
    """
    table = get.carried_donors(adata, key=key)
    if table.empty:
        msg = "The fit had no donors: give donor_key to cgmm.tl.fit to see them."
        raise ValueError(msg)
    known = get.params(adata, key=key)
    factors = get.factors(adata, key=key).sort_values("share_source", ascending=False)
    figure, axes = _style.panels(
        len(factors), n_columns=n_columns, width=1.55, height=1.75, sharey=True
    )
    table["shown"] = np.maximum(table["share"] + PSEUDOCOUNT / table["n_cells"], LOWEST)
    donors0 = set(table.loc[table["side"] == SOURCE, "donor"])
    paired = donors0 & set(table.loc[table["side"] == TARGET, "donor"])
    conditions = [_style.short(known[side], 12) for side in (SOURCE, TARGET)]
    columns = ("component", "name", "q", "log2_net")
    rows = zip(*(factors[c].to_list() for c in columns), strict=True)
    for ax, (component, name, q, log2_net) in zip(axes, rows, strict=True):
        part = table[table["component"] == component]
        sides = [
            part[part["side"] == side].set_index("donor")["shown"] for side in (SOURCE, TARGET)
        ]
        for donor in sorted(paired):
            ax.plot([0, 1], [sides[0][donor], sides[1][donor]], color=_style.BAR, linewidth=0.9)
        for x, values, colour in zip((0, 1), sides, (_style.BEFORE, _style.AFTER), strict=True):
            wiggle = np.linspace(-0.12, 0.12, len(values)) if not paired else np.zeros(len(values))
            ax.plot(x + wiggle, values, "o", color=colour, markersize=4, alpha=0.85)
            middle = np.exp2(np.log2(values).mean())
            ax.plot([x - 0.25, x + 0.25], [middle] * 2, color=colour, linewidth=2)
        ax.set_title(_style.trend(name, log2_net, q), fontsize=8)
        ax.set_yscale("log")
        ax.set_xlim(-0.5, 1.5)
        ax.set_xticks([0, 1], conditions, fontsize=7)
        ax.yaxis.set_major_locator(LogLocator(base=10))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{100 * v:g} %"))
        ax.yaxis.set_minor_formatter(NullFormatter())
        ax.tick_params(axis="y", labelsize=7)
        _style.bare(ax, grid="y")
        ax.tick_params(which="minor", length=0)
    figure.supylabel("share of the donor's cells", fontsize=9)
    return figure
