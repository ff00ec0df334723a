"""Factors of several targets against one source."""

from __future__ import annotations

from collections.abc import Sequence

import anndata as ad
import pandas as pd

from cgmm._anndata.keys import DEFAULT_KEY
from cgmm._anndata.populations import NO_POPULATIONS, STATE
from cgmm._anndata.targets import read_targets
from cgmm.get._factors import factors
from cgmm.get._population_tables import wants_populations
from cgmm.get._populations import populations


def compare(
    adata: ad.AnnData,
    keys: Sequence[str] | None = None,
    *,
    by: str | None = None,
    level: str = STATE,
    key: str = DEFAULT_KEY,
) -> pd.DataFrame:
    """Return the factors of several comparisons with the same source components in one frame.

    Parameters
    ----------
    adata
        Object that :func:`cgmm.tl.fit_targets` has filled.
    keys
        The comparisons, in the order of the frame. By default all ``<key>_<target>``, in the order
        of the categories of the condition, or sorted when the column is not categorical.
    by
        Column of ``obs`` to whose levels components are summed, as in :func:`cgmm.get.factors`.
    level
        "state": one row per component and comparison. "population": one row per population and
        comparison; claims about prevalence belong to this level.
    key
        The ``key_added`` of :func:`cgmm.tl.fit_targets`, when ``keys`` is not given.

    Returns
    -------
    The columns ``key`` and ``target`` (the condition), then the columns of
    :func:`cgmm.get.factors`, or of :func:`cgmm.get.populations` with ``level="population"``. ``q``
    is corrected over the rows of one comparison.

    Raises
    ------
    KeyError
        When a fit is missing.
    ValueError
        When the fits have different source components. Their rows are then not comparable.
    """
    of_populations = wants_populations(level, by)
    targets = read_targets(adata, keys, key=key)
    parts = []
    for name, target in zip(targets.keys, targets.names, strict=True):
        if of_populations:
            table = populations(adata, key=name)
            if table.empty:
                raise ValueError(NO_POPULATIONS)
        else:
            table = factors(adata, key=name, by=by) if by else factors(adata, key=name)
        table.insert(0, "key", name)
        table.insert(1, "target", target)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)
