"""Prevalence of each source component and its change."""

from __future__ import annotations

from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.keys import DEFAULT_KEY, UncertaintyKeys, Uns
from cgmm._anndata.populations import STATE
from cgmm._anndata.storage import read_params, read_stored
from cgmm._utils.strict_json import loads
from cgmm.automatic.sensitivity import settled
from cgmm.donors.observations import partitions_of
from cgmm.get._by import factors_by
from cgmm.get._changes import (
    NUMBERS,
    changes_of_components,
    counts_every_donor,
    without_donors,
)
from cgmm.get._common import build, core, flows, origin
from cgmm.get._components import components
from cgmm.get._population_tables import of_populations, wants_populations
from cgmm.pair import SOURCE, TARGET
from cgmm.tables import TABLES
from cgmm.thresholds import MIN_CELLS
from cgmm.transport.coupling import is_gone, log2_net

EXTRA = ("p_moderated", "p_permutation", "log2_relative", "relative_low", "relative_high")
SOURCES = {"donors": "donor t", "cells": "cells", "": ""}


def factors(
    adata: ad.AnnData, *, by: str | None = None, level: str = STATE, key: str = DEFAULT_KEY
) -> pd.DataFrame:
    """Return the prevalence of each source component and its change.

    Parameters
    ----------
    adata
        Object with a fit.
    by
        Column of ``obs`` to whose levels the components are summed; totals are conserved
        (:mod:`cgmm.get._by`).
    level
        "state": one row per component. "population": one row per population
        (:func:`cgmm.get.populations`); claims about prevalence belong to this level.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    One row per source component:

    component, name
        Index and name.
    share_source, share_target
        Share of the source; share of the target that came from the component. Where donors are
        left out, means over the donors that are counted.
    outflow, log2_outflow, inflow
        Factor of the coupling on leaving the component and on entering its main target component
        (NaN when the component is gone). Both are relative to the total mass of the coupling.
    log2_net
        Log2 of the ratio of the typical shares (means of the donors' log-odds), adjusted for pairs
        and batches (:mod:`cgmm.donors.change`). It differs a little from the ratio of the mean
        shares where donors differ. Without donors, log2(share_target / share_source), ``-inf`` when
        no target cell came from the component.
    ci_low, ci_high, p, q
        Interval of log2_net (95 %, or the ``level`` of :func:`cgmm.tl.donors`), p-value and
        Benjamini-Hochberg q-value, with the donor as the unit; the same statistic as log2_net. NaN
        where ``reason`` is not empty.
    interval_from
        "donor t" (Student's t over donors), "cells" (there are no donors, and the interval is too
        narrow) or "".
    n_cells, n_cells_target
        Source cells of the component and target cells from it (sums of responsibilities, rounded).
    reason
        Why interval, p and q are missing, else "".
    status
        "gone" when the component has 20 source cells or more and no target component can be its
        counterpart (:func:`cgmm.automatic.counterparts.unmatched`), or less than one target cell
        came from it; else "".
    p_moderated, p_permutation
        p-values of the two tests of :func:`cgmm.tl.donors`; ``p`` is one of them. NaN before, and
        where no permutation test was asked for.
    log2_relative, relative_low, relative_high
        log2_net less log2_net of the baseline of :func:`cgmm.tl.donors`, with its interval. Shares
        add up to one: when one subpopulation grows, all others shrink. NaN before
        :func:`cgmm.tl.donors`.
    settled
        False when another price of reweighting or another partition moves the factor by more than
        twofold (:func:`sensitivity`); of populations, as in :func:`populations`. True says nothing
        of errors that all choices share: of the factors that are wrong by more than twofold, few
        are marked (:doc:`/calibration`).

    With ``by`` there is one row per level of the annotation. Cells without annotation form the
    level "not annotated". The columns ``component``, ``inflow``, ``p_moderated``,
    ``p_permutation``, ``log2_relative``, ``relative_low`` and ``relative_high`` are left out. Two
    columns are added: ``share_target_annotated``, the share of the target cells that carry the
    level themselves, and ``purity``, how far components lie within the level (0 to 1). Factor,
    interval and p are one statistic of the sums per donor.

    With ``level="population"`` shares, factor, interval, p and ``settled`` are those of
    :func:`populations`. Columns that only components have (outflow, log2_outflow, inflow,
    p_permutation, log2_relative, relative_low, relative_high) are NaN.

    Examples
    --------
    After the example of :func:`cgmm.tl.fit`:

    >>> factors = cg.get.factors(adata)
    >>> factors.loc[factors["log2_net"].idxmax(), "name"]
    'Beta'
    """
    if wants_populations(level, by):
        return of_populations(adata, "factors", key=key)
    if by is not None:
        return factors_by(adata, by, key=key)
    uns, known = read_stored(adata, key), read_params(adata, key=key)
    coupling, s, t = core(uns)
    r = origin(uns)
    outflow, inflow = flows(uns)
    table = components(adata, key=key)
    n_target = table.loc[table["side"] == TARGET, "n_cells"].to_numpy()
    own = table[table["side"] == SOURCE]
    net = log2_net(r, s, t)
    of_fit = without_donors(s, r @ t, net)
    found, sure = _sureness(uns, known, r, of_fit)
    if counts_every_donor(uns, known):
        found = found.assign(**of_fit[["share_source", "share_target"]])
    left, n_cells = r @ n_target, own["n_cells"].to_numpy(int)
    lost = is_gone(coupling)
    with np.errstate(divide="ignore"):
        log2_outflow = np.log2(outflow)
    return build(
        TABLES["factors"],
        {
            "component": np.arange(len(s)),
            "name": own["name"].to_numpy(object),
            "outflow": outflow,
            "log2_outflow": log2_outflow,
            "inflow": np.where(lost, np.nan, inflow[coupling.argmax(axis=1)]),
            **{name: found[name].to_numpy() for name in (*NUMBERS, *EXTRA)},
            "n_cells": n_cells,
            "n_cells_target": np.rint(left).astype(int),
            "reason": found["reason"].to_numpy(object),
            "interval_from": sure,
            "status": np.where((lost | (left < 1)) & (n_cells >= MIN_CELLS), "gone", ""),
            "settled": settled(net, known.get("sensitivity") or []),
            "log2_net_fit": net,
            "purity": own["cell_type_purity"].to_numpy(float),
            "fit_says": "",
        },
    )


def _sureness(
    uns: dict[str, Any], known: dict[str, Any], origin: np.ndarray, of_fit: pd.DataFrame
) -> tuple[pd.DataFrame, str]:
    """Return shares, factors, intervals and p-values, and their source.

    They come from :func:`cgmm.tl.donors` when it was run, else from the donors of the fit, else
    from the fit alone.
    """
    if Uns.UNCERTAINTY in uns:
        found = uns[Uns.UNCERTAINTY][UncertaintyKeys.FACTORS].reset_index(drop=True)
        source = loads(str(uns[Uns.UNCERTAINTY][UncertaintyKeys.FACTS]))["source"]
        # without a donor that counts there is only what the fit says
        unknown = found["log2_net"].isna().to_numpy()
        for name in NUMBERS[:3]:
            found[name] = np.where(unknown, of_fit[name], found[name])
        return found, SOURCES[source]
    partitions = partitions_of(known.get("sensitivity") or [])
    frame = changes_of_components(uns, known, origin, partitions)
    frame = of_fit if frame is None else frame
    for name in EXTRA:
        frame[name] = np.nan
    return frame, "donor t" if np.isfinite(frame["ci_low"]).any() else ""
