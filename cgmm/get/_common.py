"""The stored fit, as it lies in ``uns``, for the frames of this package."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cgmm._anndata.keys import Uns
from cgmm.donors.shares import DonorShares
from cgmm.pair import SIDES, SOURCE, TARGET
from cgmm.transport.coupling import share_of_target


def component_names(uns: dict[str, Any], side: str) -> np.ndarray:
    """Names of the components of a side as plain strings, whatever a file made of them, (K,)."""
    return np.array([str(name) for name in uns[Uns.names(side)]], dtype=object)


def core(uns: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coupling and the shares of both sides."""
    return (
        np.asarray(uns[Uns.COUPLING]),
        np.asarray(uns[Uns.shares(SOURCE)]),
        np.asarray(uns[Uns.shares(TARGET)]),
    )


def origin(uns: dict[str, Any]) -> np.ndarray:
    """R, where the cells of each target component came from, shape (K0, K1)."""
    if Uns.VOTES in uns:
        return np.asarray(uns[Uns.VOTES])
    coupling, s, _ = core(uns)
    return share_of_target(coupling, s)


def flows(uns: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Outflow of the source and inflow of the target components, relative to the total mass."""
    coupling = np.asarray(uns[Uns.COUPLING])
    total = coupling.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        outflow = coupling.sum(axis=1) / (total * np.asarray(uns[Uns.weights(SOURCE)]))
        inflow = np.asarray(uns[Uns.weights(TARGET)]) * total / coupling.sum(axis=0)
    return outflow, inflow


def donor_shares(
    uns: dict[str, Any],
) -> tuple[DonorShares | None, DonorShares | None]:
    """Shares per donor of source and target, None where the fit had no donors."""
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


def as_objects(frame: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """Text columns as plain Python strings, whatever pandas or a file made of them."""
    for name in columns:
        values = frame[name].astype(object).where(frame[name].notna(), "")
        frame[name] = pd.Series(values.to_numpy(object), index=frame.index, dtype=object)
    return frame
