"""Who became whom, between populations."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.keys import DEFAULT_KEY, Uns
from cgmm._anndata.storage import read_stored
from cgmm.get._common import build, empty
from cgmm.tables import TABLES


def flow(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Return which population of the source each population of the target came from.

    Every target cell counts for a source cell that it resembles, once the change of state is
    allowed for (:mod:`cgmm.automatic.origins`), and both cells have a population: the annotation of
    ``name_by``, or the populations that the fit found. No single cell is followed.

    Parameters
    ----------
    adata
        Object with a fit.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    One row per pair of populations, the largest first:

    source, target
        The populations.
    share
        Fraction of all target cells that are in ``target`` and came from ``source``; donors count
        equally. The sum is less than one when target cells have no origin in the source.
    share_of_source
        Of the target cells that came from ``source``, the fraction in ``target``.
    share_of_target
        Of the cells of ``target`` that have an origin, the fraction that came from ``source``.

    No rows when the fit did not look for the origins of cells.

    Raises
    ------
    KeyError
        When there is no fit.
    """
    uns = read_stored(adata, key)
    if Uns.FLOW not in uns:
        return empty(TABLES["flow"])
    table = uns[Uns.FLOW].reset_index(drop=True)
    frame = table.assign(
        share_of_source=_part(table, "source"), share_of_target=_part(table, "target")
    )
    frame = frame.sort_values("share", ascending=False, kind="stable", ignore_index=True)
    return build(TABLES["flow"], frame)


def _part(table: pd.DataFrame, side: str) -> np.ndarray:
    """Return the share of each row as a part of the rows of the same population."""
    names = table[side].astype(str).to_numpy(object)
    share = table["share"].to_numpy(float)
    total = pd.Series(share).groupby(names).sum()
    return share / total.reindex(names).to_numpy(float)
