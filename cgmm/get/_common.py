"""The stored fit, as it lies in ``uns``, for the frames of this package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from cgmm import donors as donor_level
from cgmm._io import build_fit, loads
from cgmm._keys import DEFAULT_KEY, SIDES, SOURCE, TARGET, Keys, Uns
from cgmm._validate import check_object, rows_of_fit
from cgmm.coupled import CoupledFit

WHOLE = (
    Uns.COUPLING,
    Uns.COSTS,
    Uns.HISTORY,
    Uns.COMPONENTS,
    Uns.DONORS,
    *(
        part(side)
        for side in SIDES
        for part in (Uns.weights, Uns.means, Uns.covariances, Uns.shares, Uns.names)
    ),
)


def params(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> dict[str, Any]:
    """Parameters, reasons, versions and state of convergence of a fit; what tl.donors did.

    Parameters
    ----------
    adata
        Object with a fit.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    A new dict.

    Raises
    ------
    KeyError
        When the object has no fit of that name, or not all of it.
    ValueError
        When the text with the parameters is damaged.
    """
    uns = stored(adata, key)
    try:
        known = loads(str(uns[Uns.PARAMS]))
    except ValueError as error:
        msg = f"uns[{key!r}][{Uns.PARAMS!r}] is damaged ({error}): run cgmm.tl.fit again."
        raise ValueError(msg) from error
    if Uns.UNCERTAINTY in uns:
        known["donors"] = loads(str(uns[Uns.UNCERTAINTY]["facts"]))
    return known


def fit(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> CoupledFit:
    """Return the fit itself, as :func:`cgmm.fit_coupled` would.

    Parameters
    ----------
    adata
        Object with a fit.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    CoupledFit
        Its ``log2_net_cells``, when cells have voted, are those of the source cells in the object.

    Raises
    ------
    KeyError, ValueError
        As :func:`params`.
    """
    uns, known = stored(adata, key), params(adata, key=key)
    arrays = {
        name: np.asarray(uns[name])
        for name in (Uns.COUPLING, Uns.COSTS, Uns.HISTORY, *(Uns.shares(s) for s in SIDES))
    }
    for side in SIDES:
        for part in (Uns.weights, Uns.means, Uns.covariances):
            arrays[part(side)] = np.asarray(uns[part(side)])
    arrays |= {n: np.asarray(uns[n]) for n in (Uns.METRIC, Uns.VOTES) if n in uns}
    of_cells = Keys(key).log2_net_factor
    if Uns.VOTES in uns and {of_cells, known["condition_key"]} <= set(adata.obs.columns):
        rows = rows_of_fit(adata, known)[SOURCE]
        arrays["log2_net_cells"] = adata.obs[of_cells].to_numpy(dtype=float)[rows]
    return build_fit(arrays, known)


def stored(adata: ad.AnnData, key: str) -> dict[str, Any]:
    """Entry of ``uns`` with a whole fit."""
    check_object(adata)
    name = Keys(key).uns
    found = adata.uns.get(name)
    if not isinstance(found, Mapping) or Uns.PARAMS not in found:
        msg = f"uns has no fit called {key!r}: run cgmm.tl.fit(adata, ..., key_added={key!r})."
        raise KeyError(msg)
    if lost := [part for part in WHOLE if part not in found]:
        msg = (
            f"uns[{key!r}] lacks {', '.join(lost)}, so it is not a whole fit: "
            "run cgmm.tl.fit again, or read the file again."
        )
        raise KeyError(msg)
    return found  # type: ignore[return-value]


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
    return donor_level.share_of_target(coupling, s)


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
) -> tuple[donor_level.DonorShares | None, donor_level.DonorShares | None]:
    """Shares per donor of source and target, None where the fit had no donors."""
    table = uns[Uns.DONORS]
    out: list[donor_level.DonorShares | None] = []
    for side in SIDES:
        part = table[table["side"].astype(str) == side]
        if part.empty:
            out.append(None)
            continue
        k = int(part["component"].max()) + 1
        out.append(
            donor_level.DonorShares(
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
