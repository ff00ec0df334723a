"""Factors of several targets against one source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.checks import check_object, levels
from cgmm._anndata.keys import DEFAULT_KEY, Keys, Uns
from cgmm._anndata.storage import read_params, read_stored
from cgmm.get._factors import factors
from cgmm.pair import SOURCE


def compare(
    adata: ad.AnnData,
    keys: Sequence[str] | None = None,
    *,
    by: str | None = None,
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
    key
        The ``key_added`` of :func:`cgmm.tl.fit_targets`, when ``keys`` is not given.

    Returns
    -------
    The columns ``key`` and ``target`` (the condition), then the columns of
    :func:`cgmm.get.factors`. ``q`` is corrected over the rows of one comparison.

    Raises
    ------
    KeyError
        When a fit is missing.
    ValueError
        When the fits have different source components. Their rows are then not comparable.
    """
    check_object(adata)
    keys = [keys] if isinstance(keys, str) else keys
    chosen = _keys(adata, key) if keys is None else [str(k) for k in keys]
    if not chosen:
        msg = f"uns has no fit called {key!r}_<target>: run cgmm.tl.fit_targets, or give keys."
        raise KeyError(msg)
    first = read_stored(adata, chosen[0])
    parts = []
    for name in chosen:
        uns, known = read_stored(adata, name), read_params(adata, key=name)
        same = all(
            np.array_equal(np.asarray(uns[part(SOURCE)]), np.asarray(first[part(SOURCE)]))
            for part in (Uns.means, Uns.covariances)
        )
        if not same:
            msg = (
                f"{name!r} and {chosen[0]!r} have different source components, so their rows are "
                "not comparable: fit them with cgmm.tl.fit_targets."
            )
            raise ValueError(msg)
        table = factors(adata, key=name, by=by) if by else factors(adata, key=name)
        table.insert(0, "key", name)
        table.insert(1, "target", str(known["target"]))
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def _keys(adata: ad.AnnData, key: str) -> list[str]:
    """Return the names of the fits ``<key>_<target>``, in the order of the conditions."""
    found: dict[str, dict[str, Any]] = {
        name: read_params(adata, key=name)
        for name, value in adata.uns.items()
        if name.startswith(Keys(key).prefix_of_targets)
        and hasattr(value, "keys")
        and Uns.PARAMS in value
    }
    order: list[str] = []
    for column in dict.fromkeys(known["condition_key"] for known in found.values()):
        order += levels(adata.obs[column]) if column in adata.obs else []
    place = {target: i for i, target in enumerate(order)}
    return sorted(found, key=lambda name: place.get(found[name]["target"], len(place)))
