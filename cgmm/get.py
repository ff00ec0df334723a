"""Results of a fit as tidy DataFrames.

Every function takes an object that :func:`cgmm.tl.fit` has filled and returns a new frame; the
object is not changed. What the columns mean is written once, here.
"""

from __future__ import annotations

from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from cgmm import donors as donor_level
from cgmm._io import build_fit, loads
from cgmm._keys import DEFAULT_KEY, SIDES, SOURCE, TARGET, Keys, Uns
from cgmm.coupled import CoupledFit
from cgmm.gaussians import pair_roots, roots, wasserstein_costs
from cgmm.genes import MIN_CHANGE
from cgmm.sensitivity import settled

MIN_SHARE_OF_SOURCE = 0.01
MIN_MASS = 1e-6
TOP_GENES = 5


def params(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> dict[str, Any]:
    """Parameters, reasons, versions and state of convergence of a fit.

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
        When the object has no fit of that name.
    """
    return loads(str(_uns(adata, key)[Uns.PARAMS]))


def fit(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> CoupledFit:
    """Return the fit itself, as :func:`cgmm.fit_coupled` would.

    Parameters
    ----------
    adata
        Object with a fit.
    key
        The ``key_added`` of the fit.
    """
    uns = _uns(adata, key)
    arrays = {
        name: np.asarray(uns[name])
        for name in (Uns.COUPLING, Uns.COSTS, Uns.HISTORY, *(Uns.shares(s) for s in SIDES))
    }
    for side in SIDES:
        for part in (Uns.weights, Uns.means, Uns.covariances):
            arrays[part(side)] = np.asarray(uns[part(side)])
    return build_fit(arrays, params(adata, key=key))


def components(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Components of both sides.

    Parameters
    ----------
    adata
        Object with a fit.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    Columns side ("source", "target"), component (index), name, weight (fitted, penalised), share
    (without penalty), n_cells (sum of responsibilities, rounded), markers, cell_type and
    cell_type_purity (fraction of the component's cells with that type; of ``name_by``).
    """
    table = _uns(adata, key)[Uns.COMPONENTS].reset_index(drop=True).copy()
    return _objects(table, ("side", "name", "markers", "cell_type"))


def factors(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Prevalence of each source component and how it changed.

    Parameters
    ----------
    adata
        Object with a fit.
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
        Factor on leaving, and on entering the main target component; both relative to the total
        mass of the coupling.
    log2_net
        log2(share_target / share_source). ``-inf``: nothing of the target came from it.
    ci_low, ci_high, p, q
        95 % interval, p and Benjamini-Hochberg q over donors, conditional on the fitted
        components (:mod:`cgmm.donors`). NaN where ``reason`` says why. The interval is centred on
        the difference of the donors' mean log2 shares, which is near, not equal to, log2_net.
    n_cells, n_cells_target
        Cells of the component (sum of responsibilities, rounded), and target cells from it.
    reason
        Why interval, p and q are missing, else "".
    status
        "gone" when no target component can be its counterpart
        (:func:`cgmm.movement.unmatched`), or when not one target cell is expected; else "".
    settled
        False when another price of reweighting or another partition moves the factor by more than
        twofold (:func:`sensitivity`).
    """
    uns = _uns(adata, key)
    coupling, s, t = _core(uns)
    r = donor_level.share_of_target(coupling, s)
    outflow, inflow = _flows(uns)
    table = components(adata, key=key)
    n_target = table.loc[table["side"] == TARGET, "n_cells"].to_numpy()
    own = table[table["side"] == SOURCE]
    found = donor_level.intervals(*_donor_shares(uns), r, paired=params(adata, key=key)["paired"])
    left = r @ n_target
    gone = donor_level.lost(coupling) | (left < 1)
    with np.errstate(divide="ignore"):
        log2_outflow = np.log2(outflow)
    frame = pd.DataFrame(
        {
            "component": np.arange(len(s)),
            "name": own["name"].to_numpy(object),
            "share_source": s,
            "share_target": r @ t,
            "outflow": outflow,
            "log2_outflow": log2_outflow,
            "inflow": inflow[coupling.argmax(axis=1)],
            "log2_net": donor_level.log2_net(coupling, s, t),
            "ci_low": found.low,
            "ci_high": found.high,
            "p": found.p,
            "q": found.q,
            "n_cells": own["n_cells"].to_numpy(int),
            "n_cells_target": np.rint(left).astype(int),
            "reason": found.reason,
            "status": np.where(gone, "gone", ""),
        }
    )
    rows = params(adata, key=key).get("sensitivity") or []
    frame["settled"] = settled(frame["log2_net"].to_numpy(), rows)
    return _objects(frame, ("name", "reason", "status"))


def sensitivity(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Give what other choices would make of each source component.

    Parameters
    ----------
    adata
        Object with a fit that :func:`cgmm.tl.fit` made.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    One row per source component and choice: parameter ("rho": price of reweighting in nats;
    "partition": how the clusters were made), value (text), component, name, log2_net, difference
    (from the fit), main_target (name, "" for partitions, whose components are others), F (mass of
    the coupling). Empty for a fit without alternatives.
    """
    uns = _uns(adata, key)
    coupling, s, t = _core(uns)
    reference = donor_level.log2_net(coupling, s, t)
    names = [np.asarray(uns[Uns.names(side)]).astype(object) for side in SIDES]
    columns = [
        "parameter",
        "value",
        "component",
        "name",
        "log2_net",
        "difference",
        "main_target",
        "F",
    ]
    parts = []
    for row in params(adata, key=key).get("sensitivity") or []:
        values = np.asarray(row["log2_net"], dtype=float)
        with np.errstate(invalid="ignore"):
            difference = np.where(
                np.isneginf(values) & np.isneginf(reference), 0.0, values - reference
            )
        main = row.get("main_target")
        parts.append(
            pd.DataFrame(
                {
                    "parameter": row["parameter"],
                    "value": row["value"],
                    "component": np.arange(len(values)),
                    "name": names[0],
                    "log2_net": values,
                    "difference": difference,
                    "main_target": "" if main is None else names[1][np.asarray(main)],
                    "F": float(row["F"]),
                },
                columns=columns,
            )
        )
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    return _objects(frame, ("parameter", "value", "name", "main_target"))


def transfers(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Who became whom: every pair of components that exchanges mass, largest first.

    Pairs with less than a millionth of the mass are left out.

    Parameters
    ----------
    adata
        Object with a fit.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    Columns source, target (names), source_component, target_component (indices), mass (fraction of
    all source cells), share_of_source (where the source component goes), share_of_target (where
    the target component came from), ci_low, ci_high (of share_of_source; not estimated, NaN).
    """
    uns = _uns(adata, key)
    coupling, s, _ = _core(uns)
    mass = donor_level.transfer_mass(coupling, s)
    k, j = np.nonzero(mass > MIN_MASS)
    names = [np.asarray(uns[Uns.names(side)]).astype(str).astype(object) for side in SIDES]
    frame = pd.DataFrame(
        {
            "source": names[0][k],
            "target": names[1][j],
            "source_component": k,
            "target_component": j,
            "mass": mass[k, j],
            "share_of_source": donor_level.share_of_source(mass)[k, j],
            "share_of_target": donor_level.share_of_target(coupling, s)[k, j],
            "ci_low": np.nan,
            "ci_high": np.nan,
        }
    )
    frame = frame.sort_values("mass", ascending=False, kind="stable", ignore_index=True)
    return _objects(frame, ("source", "target"))


def arrivals(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Where each target component came from.

    Parameters
    ----------
    adata
        Object with a fit.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    One row per target component: component, name, share_target, inflow, log2_inflow, main_source
    (name, "" when new), share_from_main_source, n_cells, status ("new" when no source component can
    be its counterpart, :func:`cgmm.movement.unmatched` with the sides swapped, or when the one
    that would holds no cell; else "").
    """
    uns = _uns(adata, key)
    coupling, s, t = _core(uns)
    r = donor_level.share_of_target(coupling, s)
    _, inflow = _flows(uns)
    table = components(adata, key=key)
    own = table[table["side"] == TARGET]
    of_source = table[table["side"] == SOURCE]
    source_names = of_source["name"].to_numpy(object)
    empty = of_source["n_cells"].to_numpy()[coupling.argmax(axis=0)] < 1
    new = (donor_level.lost(coupling.T) | empty) & (own["n_cells"].to_numpy() >= 1)
    with np.errstate(divide="ignore"):
        log2_inflow = np.log2(inflow)
    frame = pd.DataFrame(
        {
            "component": np.arange(len(t)),
            "name": own["name"].to_numpy(object),
            "share_target": t,
            "inflow": inflow,
            "log2_inflow": log2_inflow,
            "main_source": np.where(new, "", source_names[r.argmax(axis=0)]),
            "share_from_main_source": r.max(axis=0),
            "n_cells": own["n_cells"].to_numpy(int),
            "status": np.where(new, "new", ""),
        }
    )
    return _objects(frame, ("name", "main_source", "status"))


def shifts(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """How far the state of coupled components differs.

    Parameters
    ----------
    adata
        Object with a fit.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    One row per pair that takes at least 1 % of its source component: source, target (names),
    source_component, target_component, share_of_source, mean_shift (distance of the means),
    covariance_shift (Bures distance of the covariances), total_shift (Wasserstein distance;
    total² = mean² + covariance²), all in units of the representation; mean_shift_sd,
    total_shift_sd in units of the within-component standard deviation (root of the mean trace of
    the source covariances); top_genes (after :func:`cgmm.tl.genes`: the first five that change by
    a factor of 1.5 or more in the source component, whatever the target).
    """
    uns = _uns(adata, key)
    m0, m1 = (np.asarray(uns[Uns.means(side)]) for side in SIDES)
    s0, s1 = (np.asarray(uns[Uns.covariances(side)]) for side in SIDES)
    costs = wasserstein_costs(m0, m1, s0, s1, pair_roots(roots(s0).root, s1).fidelity)
    within = np.trace(s0, axis1=1, axis2=2)
    sd = float(np.sqrt(within.mean()))
    pairs = transfers(adata, key=key)
    pairs = pairs[pairs["share_of_source"] >= MIN_SHARE_OF_SOURCE]
    k, j = pairs["source_component"].to_numpy(), pairs["target_component"].to_numpy()
    mean = np.linalg.norm(m1[j] - m0[k], axis=1)
    total = np.sqrt(costs[k, j])
    leading = _top_genes(uns)
    frame = pd.DataFrame(
        {
            "source": pairs["source"].to_numpy(object),
            "target": pairs["target"].to_numpy(object),
            "source_component": k,
            "target_component": j,
            "share_of_source": pairs["share_of_source"].to_numpy(),
            "mean_shift": mean,
            "covariance_shift": np.sqrt(np.maximum(costs[k, j] - mean**2, 0.0)),
            "total_shift": total,
            "mean_shift_sd": mean / sd,
            "total_shift_sd": total / sd,
            "top_genes": [leading.get(int(i), "") for i in k],
        }
    )
    frame = frame.sort_values(
        ["source_component", "share_of_source"], ascending=[True, False], ignore_index=True
    )
    return _objects(frame, ("source", "target", "top_genes"))


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
    uns = _uns(adata, key)
    if Uns.GENES not in uns:
        msg = f"uns[{key!r}] has no gene changes: run cgmm.tl.genes(adata, key={key!r}) first."
        raise KeyError(msg)
    table = uns[Uns.GENES].reset_index(drop=True).copy()
    return _objects(table, ("name", "gene", "scope"))


def donors(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Shares of the components in each donor; no rows when the fit had no donors.

    Parameters
    ----------
    adata
        Object with a fit.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    Columns side, condition, donor, component, name, share (of the donor's cells in the
    condition), n_cells (of the donor in the condition).
    """
    uns, known = _uns(adata, key), params(adata, key=key)
    table = uns[Uns.DONORS]
    side = table["side"].astype(str).to_numpy(object)
    component = table["component"].to_numpy(int)
    names = {s: np.asarray(uns[Uns.names(s)]).astype(str) for s in SIDES}
    frame = pd.DataFrame(
        {
            "side": side,
            "condition": [known[s] for s in side],
            "donor": table["donor"].astype(str).to_numpy(object),
            "component": component,
            "name": [names[s][k] for s, k in zip(side, component, strict=True)],
            "share": table["share"].to_numpy(float),
            "n_cells": table["n_cells"].to_numpy(int),
        }
    )
    return _objects(frame, ("side", "condition", "donor", "name"))


def carried_donors(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Shares per donor in the terms of the source components, the numbers the intervals are of.

    Parameters
    ----------
    adata
        Object with a fit.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    The columns of :func:`donors`; for target donors ``component`` is a source component and
    ``share`` is ``sum_l R_kl`` times the donor's share of target component l.
    """
    uns, known = _uns(adata, key), params(adata, key=key)
    names = np.asarray(uns[Uns.names(SOURCE)]).astype(str).astype(object)
    coupling, s, _ = _core(uns)
    back = donor_level.share_of_target(coupling, s)
    parts = []
    for side, found in zip(SIDES, _donor_shares(uns), strict=True):
        if found is None:
            continue
        shares = found.shares if side == SOURCE else found.shares @ back.T
        n, k = shares.shape
        parts.append(
            pd.DataFrame(
                {
                    "side": side,
                    "condition": known[side],
                    "donor": np.repeat(found.donors, k),
                    "component": np.tile(np.arange(k), n),
                    "name": np.tile(names, n),
                    "share": shares.ravel(),
                    "n_cells": np.repeat(found.n_cells, k),
                }
            )
        )
    frame = pd.concat(parts, ignore_index=True) if parts else donors(adata, key=key)
    return _objects(frame, ("side", "condition", "donor", "name"))


# Helpers -----------------------------------------------------------------------------


def _uns(adata: ad.AnnData, key: str) -> dict[str, Any]:
    name = Keys(key).uns
    if name not in adata.uns or Uns.PARAMS not in adata.uns[name]:
        msg = f"uns has no fit called {key!r}: run cgmm.tl.fit(adata, ..., key_added={key!r})."
        raise KeyError(msg)
    return adata.uns[name]


def _core(uns: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coupling and the shares of both sides."""
    return (
        np.asarray(uns[Uns.COUPLING]),
        np.asarray(uns[Uns.shares(SOURCE)]),
        np.asarray(uns[Uns.shares(TARGET)]),
    )


def _flows(uns: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Outflow of the source and inflow of the target components, relative to the total mass."""
    coupling = np.asarray(uns[Uns.COUPLING])
    total = coupling.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        outflow = coupling.sum(axis=1) / (total * np.asarray(uns[Uns.weights(SOURCE)]))
        inflow = np.asarray(uns[Uns.weights(TARGET)]) * total / coupling.sum(axis=0)
    return outflow, inflow


def _donor_shares(
    uns: dict[str, Any],
) -> tuple[donor_level.DonorShares | None, donor_level.DonorShares | None]:
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


def _top_genes(uns: dict[str, Any]) -> dict[int, str]:
    """Leading genes of each source component, as text: "ISG15 up, FTL down"."""
    if Uns.GENES not in uns:
        return {}
    table = uns[Uns.GENES]
    leading = table[(table["rank"] <= TOP_GENES) & (table["log2_change"].abs() >= MIN_CHANGE)]
    return {
        int(k): ", ".join(
            f"{g} {'up' if c > 0 else 'down'}"
            for g, c in zip(part["gene"].astype(str), part["log2_change"], strict=True)
        )
        for k, part in leading.sort_values("rank").groupby("component")
    }


def _objects(frame: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """Text columns as plain Python strings, whatever pandas or a file made of them."""
    for name in columns:
        values = frame[name].astype(object).where(frame[name].notna(), "")
        frame[name] = pd.Series(values.to_numpy(object), index=frame.index, dtype=object)
    return frame
