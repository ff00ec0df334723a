"""Parts of a stored fit that several result tables read, and the builder of these tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cgmm._anndata.keys import Uns
from cgmm.donors.shares import DonorShares
from cgmm.pair import SIDES, SOURCE, TARGET
from cgmm.tables import Table
from cgmm.thresholds import MIN_CHANGE
from cgmm.transport.coupling import share_of_target

TOP_GENES = 5


def component_names(uns: dict[str, Any], side: str) -> np.ndarray:
    """Return the names of the components of a side as Python strings, shape (K,)."""
    return np.array([str(name) for name in uns[Uns.names(side)]], dtype=object)


def core(uns: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the coupling, the shares of the source and the shares of the target components."""
    return (
        np.asarray(uns[Uns.COUPLING]),
        np.asarray(uns[Uns.shares(SOURCE)]),
        np.asarray(uns[Uns.shares(TARGET)]),
    )


def origin(uns: dict[str, Any]) -> np.ndarray:
    """Return R, shape (K0, K1): the fraction of target component l that came from component k."""
    if Uns.VOTES in uns:
        return np.asarray(uns[Uns.VOTES])
    coupling, s, _ = core(uns)
    return share_of_target(coupling, s)


def flows(uns: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return the outflow of the source components and the inflow of the target components.

    Both are relative to the total mass of the coupling.
    """
    coupling = np.asarray(uns[Uns.COUPLING])
    total = coupling.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        outflow = coupling.sum(axis=1) / (total * np.asarray(uns[Uns.weights(SOURCE)]))
        inflow = np.asarray(uns[Uns.weights(TARGET)]) * total / coupling.sum(axis=0)
    return outflow, inflow


def donor_shares(
    uns: dict[str, Any],
) -> tuple[DonorShares | None, DonorShares | None]:
    """Return the shares per donor of source and target; None for a side without donors."""
    table = uns[Uns.DONORS]
    out: list[DonorShares | None] = []
    for side in SIDES:
        part = table[table["side"].astype(str) == side]
        if part.empty:
            out.append(None)
            continue
        k = int(part["component"].max()) + 1
        out.append(
            DonorShares(
                part["donor"].astype(str).to_numpy(object)[::k],
                part["share"].to_numpy(float).reshape(-1, k),
                part["n_cells"].to_numpy(int)[::k],
            )
        )
    return out[0], out[1]


def build(table: Table, columns: Mapping[str, Any] | pd.DataFrame) -> pd.DataFrame:
    """Build the frame of a result table: its columns in their order, with their types.

    Parameters
    ----------
    table
        The declaration.
    columns
        Values of each column; a scalar is repeated.

    Raises
    ------
    ValueError
        When a column of the declaration is missing.
    """
    missing = [name for name in table.names if name not in columns]
    if missing:
        msg = (
            f"The table {table.name!r} has no column {missing[0]!r}: it was made by another "
            "version of cgmm. Make it again."
        )
        raise ValueError(msg)
    frame = pd.DataFrame({name: columns[name] for name in table.names})
    for column in table.columns:
        values = frame[column.name]
        if column.kind == "text":
            # categories and string types, as read from a file, become Python strings
            plain = values.astype(object).where(values.notna(), "").to_numpy(object)
            frame[column.name] = pd.Series(plain, index=frame.index, dtype=object)
        else:
            frame[column.name] = values.astype(_TYPES[column.kind])
    return frame


def empty(table: Table) -> pd.DataFrame:
    """Build the frame of a result table without rows."""
    return build(table, {name: [] for name in table.names})


_TYPES = {"whole": np.int64, "number": np.float64, "flag": np.bool_}


def top_genes(uns: dict[str, Any]) -> dict[str, str]:
    """Return the leading genes of each population or component as text: "ISG15 up, FTL down"."""
    if Uns.GENES not in uns:
        return {}
    table = uns[Uns.GENES]
    leading = table[(table["rank"] <= TOP_GENES) & (table["log2_change"].abs() >= MIN_CHANGE)]
    return {
        str(name): ", ".join(
            f"{g} {'up' if c > 0 else 'down'}"
            for g, c in zip(part["gene"].astype(str), part["log2_change"], strict=True)
        )
        for name, part in leading.sort_values("rank").groupby(leading["name"].astype(str))
    }
