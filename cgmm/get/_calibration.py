"""False calls between donors of one condition."""

from __future__ import annotations

import anndata as ad
import pandas as pd

from cgmm._anndata.keys import DEFAULT_KEY, Uns
from cgmm._anndata.storage import read_stored


def calibration(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Return how often changes were called between donors of one condition.

    Parameters
    ----------
    adata
        Object on which :func:`cgmm.tl.calibrate` was run.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    One row per kind of number. Columns what ("populations", "components", "components, fitted
    anew", "shifts, fitted anew"), n_splits, n_tests, small_p (part of the tests with p below 0.05),
    any_called (part of the splits with at least one q below 0.05) and conditions (whose donors were
    divided). Where the tests are right, both are about 0.05 or less.

    Raises
    ------
    KeyError
        When :func:`cgmm.tl.calibrate` was not run.
    """
    uns = read_stored(adata, key)
    if Uns.CALIBRATION not in uns:
        msg = f"uns[{key!r}] has no calibration: run cgmm.tl.calibrate(adata, key={key!r}) first."
        raise KeyError(msg)
    table = pd.DataFrame(uns[Uns.CALIBRATION]).reset_index(drop=True)
    for name in ("what", "conditions"):
        table[name] = table[name].astype(object)
    return table
