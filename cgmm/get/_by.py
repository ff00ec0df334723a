r"""Tables of components, summed to the levels of an annotation.

With :math:`r` the responsibilities, :math:`w` the weights that make donors count equally and
:math:`a_i` the level of a cell, the fraction of a component in a level is

.. math:: A_{ka} = \frac{\sum_{i \in source} w_i r_{ik} [a_i = a]}{\sum_{i \in source} w_i r_{ik}},
    \qquad B_{lb} \text{ in the same way over the target cells.}

Rows of :math:`A` and :math:`B` sum to one, because cells without annotation form a level of their
own. Masses are split in these proportions and summed, which conserves totals:

.. math:: s_a = \sum_k A_{ka} s_k, \qquad E_{ab} = \sum_{kl} A_{ka} R_{kl} t_l B_{lb},

where :math:`R` is the fraction of each target component that came from each source component, and
:math:`E` the mass that arrives as a fraction of the target cells. The log2 net factor of a level is
:math:`\log_2 (\sum_b E_{ab} / s_a)`.

When every component lies in one level, these are sums of rows. A component that lies in two levels
gives its factor to both levels. Part of its mass then moves between the two levels; these transfers
come from the split, not from the data. ``purity`` measures this: the mean, over the cells of a
level, of the fraction of their component in the level. Below about one half, a row describes the
neighbours of the level as much as the level.

Factor, interval and p of a level are one statistic (:mod:`cgmm.donors.change`) of the shares per
donor multiplied by :math:`A`, with the donors, pairs and batches of :func:`cgmm.tl.donors`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.checks import column
from cgmm._anndata.checks import levels as levels_of
from cgmm._anndata.keys import Keys, Uns
from cgmm._anndata.populations import NOT_ANNOTATED
from cgmm._anndata.sides import rows_of_fit
from cgmm._anndata.storage import read_params, read_stored
from cgmm.automatic.sensitivity import settled
from cgmm.donors.false_discovery import benjamini_hochberg
from cgmm.donors.observations import partitions_of
from cgmm.donors.shares import donor_weights
from cgmm.get._changes import (
    NUMBERS,
    changes_of_levels,
    counts_every_donor,
    without_donors,
)
from cgmm.get._common import build, core, origin
from cgmm.pair import SIDES, SOURCE, TARGET
from cgmm.tables import BY_LEVEL
from cgmm.thresholds import MIN_CELLS
from cgmm.transport.coupling import divide, is_gone

MOSTLY = 0.95
MIN_SHARE = 1e-12
MIN_FRACTION = 1e-9  # a smaller fraction is the far tail of a Gaussian


class Summed(NamedTuple):
    """Shares and masses of a fit, over annotation levels."""

    levels: np.ndarray  #: (n,) names
    source: np.ndarray  #: A, (K0, n), rows sum to one
    target: np.ndarray  #: B, (K1, n)
    share_source: np.ndarray  #: (n,) of the source cells
    share_target: np.ndarray  #: (n,) of the target cells, by their own annotation
    enters: np.ndarray  #: E, (n, n)


def summed(adata: ad.AnnData, by: str, *, key: str) -> Summed:
    """Sum shares and masses to the levels of a column of ``obs``.

    Raises
    ------
    KeyError
        When the column or the responsibilities are missing.
    ValueError
        When the object lacks the cells of one condition.
    """
    uns = read_stored(adata, key)
    coupling, s, t = core(uns)
    levels, a, b = _fractions(adata, by, coupling.shape, key=key)
    enters = origin(uns) * t
    return Summed(levels, a, b, s @ a, t @ b, a.T @ enters @ b)


def factors_by(adata: ad.AnnData, by: str, *, key: str) -> pd.DataFrame:
    """Return :func:`cgmm.get.factors` summed to levels."""
    uns, known = read_stored(adata, key), read_params(adata, key=key)
    coupling, s, _ = core(uns)
    found = summed(adata, by, key=key)
    came = found.enters.sum(axis=1)
    gone = divide(found.source.T @ (s * is_gone(coupling)), found.share_source)
    n_cells = _cells(uns, SOURCE) @ found.source
    back = found.source.T @ origin(uns)
    n_target = back @ _cells(uns, TARGET)
    present = found.share_source > MIN_SHARE
    with np.errstate(divide="ignore", invalid="ignore"):
        log2_net = np.where(present, np.log2(came) - np.log2(found.share_source), np.nan)
        outflow = np.where(present, _outflow(uns, found.source), np.nan)
        log2_outflow = np.log2(outflow)
    # a level without source cells is not tested, and q does not count it
    numbers = changes_of_levels(
        adata, known, found.source, origin(uns), _partitions(known, s, found.source), key=key
    )
    if numbers is None:
        numbers = without_donors(found.share_source, came, log2_net)
    if counts_every_donor(uns, known):
        numbers = numbers.assign(share_source=found.share_source, share_target=came)
    numbers.loc[~present, list(NUMBERS[2:])] = np.nan
    numbers["q"] = benjamini_hochberg(numbers["p"].to_numpy())
    absent = f"No source cell is annotated so; {by} has it in the target only."
    return build(
        BY_LEVEL["factors"],
        {
            "name": found.levels,
            **{name: numbers[name].to_numpy() for name in NUMBERS},
            "share_target_annotated": found.share_target,
            "purity": _purity(found.source, s),
            "outflow": outflow,
            "log2_outflow": log2_outflow,
            "n_cells": np.rint(n_cells).astype(int),
            "n_cells_target": np.rint(n_target).astype(int),
            "reason": np.where(present, numbers["reason"], absent),
            "interval_from": np.where(np.isfinite(numbers["ci_low"]), "donor t", ""),
            "status": np.where(
                (n_cells >= MIN_CELLS) & ((gone > MOSTLY) | (n_target < 1)), "gone", ""
            ),
            "settled": settled(log2_net, _choices(known, s, found.source)) | ~present,
        },
    )


def transfers_by(adata: ad.AnnData, by: str, *, key: str) -> pd.DataFrame:
    """Return :func:`cgmm.get.transfers` summed to levels."""
    found = summed(adata, by, key=key)
    enters = found.enters
    i, j = np.nonzero(enters > MIN_SHARE)
    frame = build(
        BY_LEVEL["transfers"],
        {
            "source": found.levels[i],
            "target": found.levels[j],
            "mass": enters[i, j],
            "share_of_source": divide(enters, enters.sum(axis=1, keepdims=True))[i, j],
            "share_of_target": divide(enters, enters.sum(axis=0, keepdims=True))[i, j],
        },
    )
    return frame.sort_values("mass", ascending=False, kind="stable", ignore_index=True)


def arrivals_by(adata: ad.AnnData, by: str, *, key: str) -> pd.DataFrame:
    """Return :func:`cgmm.get.arrivals` summed to levels."""
    uns = read_stored(adata, key)
    coupling, _, t = core(uns)
    found = summed(adata, by, key=key)
    here = found.share_target > MIN_SHARE
    arrived = found.enters.sum(axis=0)
    came = divide(found.enters, arrived[None])
    # a component is new when it has no counterpart, or when the counterpart holds no cell
    lost = is_gone(coupling.T) | (_cells(uns, SOURCE)[coupling.argmax(axis=0)] < 1)
    share_new = divide((t * lost) @ found.target, found.share_target)
    new = share_new > MOSTLY
    with np.errstate(divide="ignore"):
        inflow = 1 / _outflow(uns, found.target, target=True)
        log2_inflow = np.log2(inflow)
    frame = build(
        BY_LEVEL["arrivals"],
        {
            "name": found.levels,
            "share_target": found.share_target,
            "purity": _purity(found.target, t),
            "inflow": inflow,
            "log2_inflow": log2_inflow,
            "main_source": np.where(new, "", found.levels[came.argmax(axis=0)]),
            "share_from_main_source": came.max(axis=0),
            "share_new": share_new,
            "n_cells": np.rint(_cells(uns, TARGET) @ found.target).astype(int),
            "status": np.where(new, "new", ""),
        },
    )
    return frame[here].reset_index(drop=True)


def _fractions(
    adata: ad.AnnData, by: str, shape: tuple[int, ...], *, key: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the levels and the fractions A and B of components in levels."""
    known, keys = read_params(adata, key=key), Keys(key)
    values = column(adata, by, "by")
    if keys.responsibilities not in adata.obsm:
        msg = (
            f"obsm[{keys.responsibilities!r}] is missing, so components cannot be summed to "
            f"{by!r}: use the object that cgmm.tl.fit has filled."
        )
        raise KeyError(msg)
    text = values.astype(object).where(values.notna(), NOT_ANNOTATED).astype(str).to_numpy(object)
    rows = list(rows_of_fit(adata, known).values())
    for side, found in zip(SIDES, rows, strict=True):
        if not len(found):
            msg = (
                f"The object has no cells of the {side} {known[side]!r}, so components cannot be "
                f"summed to {by!r}: use the object that was fitted."
            )
            raise ValueError(msg)
    present = set(text[np.concatenate(rows)])
    levels = [level for level in levels_of(values) if level in present]
    if NOT_ANNOTATED in present and NOT_ANNOTATED not in levels:
        levels.append(NOT_ANNOTATED)
    padded = np.asarray(adata.obsm[keys.responsibilities])
    parts = []
    for found, k in zip(rows, shape, strict=True):
        r = padded[found][:, :k]
        if known["donor_key"] is not None:
            donor = column(adata, known["donor_key"], "donor_key").iloc[found]
            r = r * donor_weights(donor.to_numpy())[:, None]
        inside = text[found][:, None] == np.array(levels, dtype=object)[None]
        mass = r.T @ inside.astype(float)
        overall = mass.sum(axis=0) / mass.sum()
        total = mass.sum(axis=1, keepdims=True)
        # a component without cells has the share zero; it is split in the proportions of all cells
        split = np.where(total > 0, divide(mass, total), overall)
        split[split < MIN_FRACTION] = 0.0
        parts.append(split / split.sum(axis=1, keepdims=True))
    return np.array(levels, dtype=object), parts[0], parts[1]


def _cells(uns: dict[str, Any], side: str) -> np.ndarray:
    """Return the number of cells of each component, shape (K,)."""
    table = uns[Uns.COMPONENTS]
    return table.loc[table["side"].astype(str) == side, "n_cells"].to_numpy(float)


def _purity(fractions: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return the purity of each level, shape (n,); NaN for a level without cells.

    Purity is the mean, over the cells of the level, of the fraction of their component in it.
    """
    mass = shares @ fractions
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(mass > MIN_SHARE, (shares @ fractions**2) / mass, np.nan)


def _outflow(uns: dict[str, Any], fractions: np.ndarray, *, target: bool = False) -> np.ndarray:
    """Return the part of the coupling of each level over its fitted weight, shape (n,).

    For the source this is the outflow; for the target it is one over the inflow.
    """
    coupling = np.asarray(uns[Uns.COUPLING])
    margin = coupling.sum(axis=0 if target else 1) / coupling.sum()
    weights = np.asarray(uns[Uns.weights(TARGET if target else SOURCE)])
    with np.errstate(divide="ignore", invalid="ignore"):
        return (margin @ fractions) / (weights @ fractions)


def _partitions(known: dict[str, Any], s: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Return the log2 net factors of the levels under every partition of the cells."""
    cut = partitions_of(known.get("sensitivity") or [])
    if not len(cut):
        return cut
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log2((s * np.exp2(cut)) @ a) - np.log2(s @ a)


def _choices(known: dict[str, Any], s: np.ndarray, a: np.ndarray) -> list[dict[str, Any]]:
    """Return the log2 net factors of the levels under every choice of the fit."""
    rows = []
    for row in known.get("sensitivity") or []:
        came = s * np.exp2(np.asarray(row["log2_net"], dtype=float))
        with np.errstate(divide="ignore", invalid="ignore"):
            rows.append({"log2_net": np.log2(came @ a) - np.log2(s @ a)})
    return rows
