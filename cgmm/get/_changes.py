"""Prevalence of components or levels over donors: one design and one statistic for a table."""

from __future__ import annotations

from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.keys import Keys
from cgmm._anndata.sides import rows_of_fit
from cgmm._anndata.units import DonorColumns, read_donors
from cgmm.donors.change import Changes, changes
from cgmm.donors.design import Design, design_of_donors
from cgmm.donors.false_discovery import benjamini_hochberg
from cgmm.donors.observations import between_log_odds
from cgmm.donors.reasons import Reason, in_words
from cgmm.donors.shares import unit_shares
from cgmm.get._common import donor_shares as stored_shares
from cgmm.pair import Pair
from cgmm.thresholds import LEVEL

NUMBERS = ("share_source", "share_target", "log2_net", "ci_low", "ci_high", "p", "q")


def changes_of_components(
    uns: dict[str, Any], known: dict[str, Any], origin: np.ndarray, partitions: np.ndarray
) -> pd.DataFrame | None:
    """Return numbers of the source components from the shares that are stored with a fit.

    Parameters
    ----------
    uns, known
        Entry and parameters of the fit.
    origin
        ``R``, shape (K0, K1).
    partitions
        Log2 net factors under each partition, shape (m, K0).

    Returns
    -------
    Columns :data:`NUMBERS` and ``reason``; None without donors, or where a side has none with
    enough cells.
    """
    own, other = stored_shares(uns)
    if own is None or other is None:
        return None
    plan = design_of_donors(
        (own.donors, own.n_cells), (other.donors, other.n_cells), paired=known["paired"]
    )
    if min(plan.n_units) == 0:
        return None
    parts = []
    for side, (found, back) in enumerate(((own, None), (other, origin.T))):
        place = {str(donor): i for i, donor in enumerate(found.donors)}
        shares = found.shares[[place[unit.donor] for unit in plan.side(side)]]
        parts.append(shares if back is None else shares @ back)
    return _frame(plan, np.concatenate(parts), partitions)


def counts_every_donor(uns: dict[str, Any], known: dict[str, Any]) -> bool:
    """Return whether no donor is left out, so that the shares of the fit are means over all.

    Parameters
    ----------
    uns, known
        Entry and parameters of the fit.
    """
    own, other = stored_shares(uns)
    if own is None or other is None:
        return True
    counted = (known.get("donors") or {}).get("n_donors")
    if counted is None:
        plan = design_of_donors(
            (own.donors, own.n_cells), (other.donors, other.n_cells), paired=known["paired"]
        )
        counted = plan.n_units
    return tuple(counted) in {(0, 0), (len(own.donors), len(other.donors))}


def changes_of_levels(
    adata: ad.AnnData,
    known: dict[str, Any],
    levels: np.ndarray,
    origin: np.ndarray,
    partitions: np.ndarray,
    *,
    key: str,
) -> pd.DataFrame | None:
    """Return numbers of the levels of an annotation, with the design of :func:`cgmm.tl.donors`.

    Parameters
    ----------
    adata
        Object with the cells of the fit.
    known
        Parameters of the fit.
    levels
        Part of each source component in each level, shape (K0, n).
    origin
        ``R``, shape (K0, K1).
    partitions
        Log2 net factors of the levels under each partition, shape (m, n).
    key
        The ``key_added`` of the fit.

    Returns
    -------
    As :func:`changes_of_components`.
    """
    rows = Pair(*rows_of_fit(adata, known).values())
    found = read_donors(adata, DonorColumns.from_params(known), rows)
    if found is None or min(found[0].n_units) == 0:
        return None
    plan, units = found
    level = (known.get("donors") or {}).get("level", LEVEL)
    memberships = np.asarray(adata.obsm[Keys(key).responsibilities])
    parts = []
    backs = (np.eye(len(origin)), origin.T)
    for own, unit, back, n in zip(rows, units, backs, plan.n_units, strict=True):
        shares = unit_shares(memberships[own][:, : len(back)], unit, n)
        parts.append(shares @ back @ levels)
    return _frame(plan, np.concatenate(parts), partitions, level)


def _frame(
    plan: Design, shares: np.ndarray, partitions: np.ndarray, level: float = LEVEL
) -> pd.DataFrame:
    n_cells = np.array([unit.n_cells for unit in plan.units])
    found: Changes = changes(
        shares,
        n_cells,
        plan,
        between=between_log_odds(partitions, shares),
        n_between=len(partitions),
        level=level,
    )
    n0 = plan.n_units[0]
    return pd.DataFrame(
        {
            "share_source": shares[:n0].mean(axis=0),
            "share_target": shares[n0:].mean(axis=0),
            "log2_net": found.log2_net,
            "ci_low": found.low,
            "ci_high": found.high,
            "p": found.p,
            "q": benjamini_hochberg(found.p),
            "reason": np.array(in_words(found.notes), dtype=object),
        }
    )


def without_donors(
    share_source: np.ndarray, share_target: np.ndarray, log2_net: np.ndarray
) -> pd.DataFrame:
    """Return the same columns where no donor counts: the numbers of the fit, and a reason."""
    frame = pd.DataFrame(
        {"share_source": share_source, "share_target": share_target, "log2_net": log2_net}
    )
    for name in NUMBERS[3:]:
        frame[name] = np.nan
    frame["reason"] = np.array([str(Reason.NO_REPLICATION.note())] * len(frame), dtype=object)
    return frame
