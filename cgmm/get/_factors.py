"""Prevalence of each source component and its change."""

from __future__ import annotations

from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.keys import DEFAULT_KEY, UncertaintyKeys, Uns
from cgmm._anndata.storage import read_params, read_stored
from cgmm._utils.strict_json import loads
from cgmm.automatic.sensitivity import settled
from cgmm.donors.t_interval import intervals
from cgmm.get._by import factors_by
from cgmm.get._common import build, core, donor_shares, flows, origin
from cgmm.get._components import components
from cgmm.pair import SOURCE, TARGET
from cgmm.tables import TABLES
from cgmm.transport.coupling import is_gone, log2_net

INTERVAL = ("ci_low", "ci_high", "p", "q")
EXTRA = ("p_moderated", "p_permutation", "log2_relative", "relative_low", "relative_high")
SOURCES = {"donors": "donor bootstrap", "cells": "cells", "": ""}


def factors(adata: ad.AnnData, *, by: str | None = None, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Return the prevalence of each source component and its change.

    Parameters
    ----------
    adata
        Object with a fit.
    by
        Column of ``obs`` to whose levels the components are summed; totals are conserved
        (:mod:`cgmm.get._by`).
    key
        The ``key_added`` of the fit.

    Returns
    -------
    One row per source component:

    component, name
        Index and name.
    share_source, share_target
        Share of the source; share of the target that came from the component.
    outflow, log2_outflow, inflow
        Factor of the coupling on leaving the component and on entering its main target component
        (NaN when the component is gone). Both are relative to the total mass of the coupling.
    log2_net
        log2(share_target / share_source); ``-inf`` when no target cell came from the component.
    ci_low, ci_high, p, q
        Interval of log2_net (95 %, or the ``level`` of :func:`cgmm.tl.donors`), p-value and
        Benjamini-Hochberg q-value, with the donor as the unit. NaN where ``reason`` is not empty.
        After :func:`cgmm.tl.donors` the interval comes from refits to drawn donors. Before, it is
        the quick Student interval for fixed components (:mod:`cgmm.donors.t_interval`), which is
        centred on the difference of the donors' mean log2 shares and not on log2_net.
    interval_from
        "donor bootstrap", "donor t" (the quick interval), "cells" (there are no donors, and the
        interval is too narrow) or "".
    n_cells, n_cells_target
        Source cells of the component and target cells from it (sums of responsibilities, rounded).
    reason
        Why interval, p and q are missing, else "".
    status
        "gone" when no target component can be its counterpart
        (:func:`cgmm.automatic.counterparts.unmatched`), or when less than one target cell came
        from it; else "".
    p_moderated, p_permutation
        p-values of the two tests of :func:`cgmm.tl.donors`; ``p`` is one of them. NaN before
        :func:`cgmm.tl.donors`.
    log2_relative, relative_low, relative_high
        log2_net less log2_net of the baseline of :func:`cgmm.tl.donors`, with its interval. Shares
        add up to one: when one subpopulation grows, all others shrink. NaN before
        :func:`cgmm.tl.donors`.
    settled
        False when another price of reweighting or another partition moves the factor by more than
        twofold (:func:`sensitivity`).

    With ``by`` there is one row per level of the annotation. Cells without annotation form the
    level "not annotated". The columns ``component``, ``inflow``, ``p_moderated``,
    ``p_permutation``, ``log2_relative``, ``relative_low`` and ``relative_high`` are left out. Two
    columns are added: ``share_target_annotated``, the share of the target cells that carry the
    level themselves, and ``purity``, how far components lie within the level (0 to 1). The interval
    is the quick Student interval of the sums per donor, also after :func:`cgmm.tl.donors`.

    Examples
    --------
    After the example of :func:`cgmm.tl.fit`:

    >>> factors = cg.get.factors(adata)
    >>> factors.loc[factors["log2_net"].idxmax(), "name"]
    'Beta'
    """
    if by is not None:
        return factors_by(adata, by, key=key)
    uns = read_stored(adata, key)
    coupling, s, t = core(uns)
    r = origin(uns)
    outflow, inflow = flows(uns)
    table = components(adata, key=key)
    n_target = table.loc[table["side"] == TARGET, "n_cells"].to_numpy()
    own = table[table["side"] == SOURCE]
    found, sure = _sureness(adata, uns, r, key)
    left = r @ n_target
    lost = is_gone(coupling)
    with np.errstate(divide="ignore"):
        log2_outflow = np.log2(outflow)
    net = log2_net(r, s, t)
    rows = read_params(adata, key=key).get("sensitivity") or []
    return build(
        TABLES["factors"],
        {
            "component": np.arange(len(s)),
            "name": own["name"].to_numpy(object),
            "share_source": s,
            "share_target": r @ t,
            "outflow": outflow,
            "log2_outflow": log2_outflow,
            "inflow": np.where(lost, np.nan, inflow[coupling.argmax(axis=1)]),
            "log2_net": net,
            **{name: found[name].to_numpy() for name in (*INTERVAL, *EXTRA)},
            "n_cells": own["n_cells"].to_numpy(int),
            "n_cells_target": np.rint(left).astype(int),
            "reason": found["reason"].to_numpy(object),
            "interval_from": sure,
            "status": np.where(lost | (left < 1), "gone", ""),
            "settled": settled(net, rows),
        },
    )


def _sureness(
    adata: ad.AnnData, uns: dict[str, Any], origin: np.ndarray, key: str
) -> tuple[pd.DataFrame, str]:
    """Return intervals and p-values, and their source.

    They come from :func:`cgmm.tl.donors` when it was run, else from the quick Student intervals.
    """
    if Uns.UNCERTAINTY in uns:
        known = loads(str(uns[Uns.UNCERTAINTY][UncertaintyKeys.FACTS]))
        return uns[Uns.UNCERTAINTY][UncertaintyKeys.FACTORS], SOURCES[known["source"]]
    found = intervals(*donor_shares(uns), origin, paired=read_params(adata, key=key)["paired"])
    frame = pd.DataFrame(
        {
            "ci_low": found.low,
            "ci_high": found.high,
            "p": found.p,
            "q": found.q,
            "reason": np.array(found.reason, dtype=object),
        }
    )
    for name in EXTRA:
        frame[name] = np.nan
    return frame, "donor t" if np.isfinite(found.low).any() else ""
