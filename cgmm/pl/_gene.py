"""One gene in every donor, one small panel per population."""

from __future__ import annotations

import anndata as ad
from matplotlib.figure import Figure

from cgmm import get
from cgmm._anndata.keys import DEFAULT_KEY
from cgmm.pair import SOURCE, TARGET
from cgmm.pl._donors import draw_donors
from cgmm.pl._style import all_short, bare, panels, short, trend
from cgmm.thresholds import ALPHA


def gene(adata: ad.AnnData, gene: str, *, key: str = DEFAULT_KEY, n_columns: int = 6) -> Figure:
    """Draw the expression of a gene in every donor of both conditions.

    Parameters
    ----------
    adata
        Object on which :func:`cgmm.tl.genes` was run, with a fit that knows donors.
    gene
        A gene that :func:`cgmm.tl.genes` kept.
    key
        The ``key_added`` of the fit.
    n_columns
        Panels per row at most.

    Returns
    -------
    Figure. One panel per population, all on one scale. A point is the mean expression of the cells
    of a donor (:func:`cgmm.get.gene_donors`); lines join the two points of a donor; bars are means.
    A triangle stands after the name of a population in which the gene has q below 0.05.

    Raises
    ------
    KeyError
        When :func:`cgmm.tl.genes` was not run, or did not keep the gene.
    ValueError
        When the fit had no donors.
    """
    table = get.gene_donors(adata, gene, key=key).rename(columns={"mean": "shown"})
    if table.empty:
        msg = "The fit had no donors: give donor_key to cgmm.tl.fit to see a gene in every donor."
        raise ValueError(msg)
    params = get.params(adata, key=key)
    changes = get.genes(adata, key=key)
    logarithms = changes["ambient_share"].notna().any()  # not known of other values
    changes = changes[changes["gene"] == gene].drop_duplicates("name").set_index("name")
    names = list(dict.fromkeys(table["name"]))
    figure, axes = panels(len(names), n_columns=n_columns, width=1.55, height=1.75, sharey=True)
    conditions = [short(params[side], 12) for side in (SOURCE, TARGET)]
    for ax, name, title in zip(axes, names, all_short(names), strict=True):
        draw_donors(ax, table[table["name"] == name], logarithmic=False)
        clear = name in changes.index and changes.loc[name, "de_q"] < ALPHA
        up = clear and changes.loc[name, "log2_change"] > 0
        ax.set_title(trend(title, int(clear) * (1 if up else -1)), fontsize=8)
        ax.set_xticks([0, 1], conditions, fontsize=7)
        ax.tick_params(axis="y", labelsize=7)
        bare(ax, grid="y")
    figure.suptitle(gene, fontsize=10, style="italic")
    what = "log2 expression" if logarithms else "value"
    figure.supylabel(f"mean {what} of a donor's cells", fontsize=9)
    return figure
