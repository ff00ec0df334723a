"""Change of expression within each source component."""

from __future__ import annotations

import anndata as ad
import pandas as pd

from cgmm._keys import DEFAULT_KEY, Uns
from cgmm.get._common import as_objects, stored


def genes(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Change of expression within each source component.

    Parameters
    ----------
    adata
        Object on which :func:`cgmm.tl.genes` was run.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    Columns component, name, gene, log2_change (difference of mean log-normalised expression, in
    log2 units), mean_source, mean_target (natural log), fraction_source, fraction_target (of
    expressing cells), rank (by size of the change, 1 = largest, within the component),
    n_subpopulations (in how many the gene is among the first 20 and changes by a factor of 1.5 or
    more), scope ("common" in at least half of them, "specific" to one, "shared" between, ""
    none). A size, not a test.

    Raises
    ------
    KeyError
        When :func:`cgmm.tl.genes` was not run.
    """
    uns = stored(adata, key)
    if Uns.GENES not in uns:
        msg = f"uns[{key!r}] has no gene changes: run cgmm.tl.genes(adata, key={key!r}) first."
        raise KeyError(msg)
    table = uns[Uns.GENES].reset_index(drop=True).copy()
    return as_objects(table, ("name", "gene", "scope"))
