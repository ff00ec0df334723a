"""What `cgmm.tl` takes from an AnnData object, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

from cgmm._anndata.checks import (
    almost,
    as_text,
    check_object,
    check_paired,
    column,
    listing,
    refuse_missing,
)
from cgmm._anndata.expression import looks_like_counts
from cgmm._utils.arguments import check_whole
from cgmm.donors.design import NO_PAIRS
from cgmm.donors.shares import donor_weights
from cgmm.pair import SIDES


def cell_weights(found: Sides) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Weights that make donors count equally, or None without donors."""
    if found.donors_source is None or found.donors_target is None:
        return None, None
    return donor_weights(found.donors_source), donor_weights(found.donors_target)


DEFAULT_PCA_DIMS = 20
MIN_CELLS_PER_SIDE = 50
MIN_DIMS_TO_TELL = 2  # one mean may be zero by chance
CENTRED = 1e-4  # of a standard deviation


class Sides(NamedTuple):
    """The two point clouds of a comparison and where they stand in the object."""

    rows_source: np.ndarray  #: (N0,) positions of the cells
    rows_target: np.ndarray  #: (N1,)
    points_source: np.ndarray  #: (N0, D) float64
    points_target: np.ndarray  #: (N1, D)
    donors_source: np.ndarray | None  #: (N0,) text
    donors_target: np.ndarray | None  #: (N1,)
    dtype: np.dtype = np.dtype(np.float64)  #: of the representation, if it is floating


def sides(
    adata: ad.AnnData,
    *,
    condition_key: str,
    source: str,
    target: str,
    use_rep: str,
    n_dims: int | None = None,
    donor_key: str | None = None,
    min_cells: int = MIN_CELLS_PER_SIDE,
) -> Sides:
    """Take the cells of both conditions out of an object.

    Parameters
    ----------
    adata
        The object; it is not changed.
    condition_key, source, target
        Column of ``obs`` and two of its values.
    use_rep
        Entry of ``obsm``, or "X".
    n_dims
        Leading dimensions to use; None: all, but 20 of "X_pca".
    donor_key
        Column of ``obs``.
    min_cells
        Fewest cells per condition.

    Returns
    -------
    Sides

    Raises
    ------
    TypeError
        When ``adata`` is not an AnnData object.
    KeyError
        When a column or a representation is missing.
    ValueError
        When a condition is absent or has too few cells, when the conditions are the same, or when
        values are missing.
    """
    check_object(adata)
    condition = column(adata, condition_key, "condition_key")
    source, target = str(source), str(target)
    if source == target:
        msg = f"source and target are both {source!r}: a comparison needs two different conditions."
        raise ValueError(msg)
    present = list(dict.fromkeys(condition.dropna().astype(str)))
    rows = {}
    for role, name in (("source", source), ("target", target)):
        rows[role] = _rows_of(condition, name)
        if not len(rows[role]):
            msg = (
                f"{role}={name!r} is not a condition: obs[{condition_key!r}] has "
                f"{listing(present)}.{almost(name, present)}"
            )
            raise ValueError(msg)
        if len(rows[role]) < min_cells:
            msg = (
                f"Condition {name!r} has {len(rows[role])} cells; a fit needs at least {min_cells}."
            )
            raise ValueError(msg)
    points = representation(adata, use_rep, n_dims)
    both = np.concatenate([rows["source"], rows["target"]])
    if n_bad := int((~np.isfinite(points[both]).all(axis=1)).sum()):
        msg = (
            f"{use_rep} has NaN or infinite values in {n_bad} cells of the two conditions: "
            "remove these cells or compute the representation again."
        )
        raise ValueError(msg)
    for role, name in (("source", source), ("target", target)):
        if len(rows[role]) > 1 and (points[rows[role]] == points[rows[role][0]]).all():
            msg = (
                f"{use_rep} is the same for all {len(rows[role])} cells of condition {name!r}: "
                "compute the representation again."
            )
            raise ValueError(msg)
    check_joint(points, rows, use_rep)
    donors = None if donor_key is None else _donors(adata, donor_key, rows)
    return Sides(
        rows["source"],
        rows["target"],
        points[rows["source"]].astype(np.float64),
        points[rows["target"]].astype(np.float64),
        None if donors is None else donors[rows["source"]],
        None if donors is None else donors[rows["target"]],
        points.dtype if np.issubdtype(points.dtype, np.floating) else np.dtype(np.float64),
    )


def sides_of_fit(adata: ad.AnnData, known: Mapping[str, Any], *, donor_key: str | None) -> Sides:
    """Take the cells of a fit out of its object; `known` is what :func:`cgmm.get.params` gives."""
    return sides(
        adata,
        condition_key=known["condition_key"],
        source=known["source"],
        target=known["target"],
        use_rep=known["use_rep"],
        n_dims=known["n_dims"],
        donor_key=donor_key,
        min_cells=1,
    )


def rows_of_fit(adata: ad.AnnData, known: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Positions of the cells of both conditions of a fit, by side; `known` as above."""
    condition = column(adata, known["condition_key"], "condition_key")
    return {side: _rows_of(condition, known[side]) for side in SIDES}


def _rows_of(condition: pd.Series, name: str) -> np.ndarray:
    labels = condition.astype(object).where(condition.notna(), None).map(as_text).to_numpy()
    return np.flatnonzero(labels == name)


def representation(adata: ad.AnnData, use_rep: str, n_dims: int | None) -> np.ndarray:
    """Return the representation, dense, (n_cells, D), cut to the dimensions to use."""
    if use_rep == "X":
        if adata.X is None:
            msg = "use_rep='X', but the object has no X."
            raise KeyError(msg)
        if adata.isbacked:
            msg = "use_rep='X', but X lies on disk (backed mode): call adata.to_memory() first."
            raise ValueError(msg)
        stored: Any = adata.X
    elif use_rep in adata.obsm:
        stored = adata.obsm[use_rep]
    else:
        msg = (
            f"use_rep={use_rep!r} is not in obsm; there are {listing(adata.obsm)}. Compute it "
            "(scanpy.pp.pca writes 'X_pca') or name another."
        )
        raise KeyError(msg)
    if hasattr(stored, "dask"):
        stored = stored.compute()
    values = stored.toarray() if sp.issparse(stored) else np.asarray(stored)
    if values.ndim != 2 or not values.shape[1] or values.dtype.kind not in "fiu":
        msg = f"{use_rep} must be a table of numbers, but has shape {values.shape}, {values.dtype}."
        raise ValueError(msg)
    if n_dims is None:
        n_dims = min(DEFAULT_PCA_DIMS, values.shape[1]) if use_rep == "X_pca" else values.shape[1]
    else:
        n_dims = check_whole(f"n_dims (columns of {use_rep})", n_dims, 1, values.shape[1])
    return values[:, :n_dims]


def check_joint(points: np.ndarray, rows: Mapping[str, np.ndarray], use_rep: str) -> None:
    """Refuse a representation that was computed for each condition by itself.

    A principal component has the mean zero over the cells it was computed from. If the mean is zero
    in each condition and in every dimension, the two conditions have axes of their own.
    """
    for own in rows.values():
        values = points[own].astype(np.float64)
        if points.shape[1] < MIN_DIMS_TO_TELL or values.shape[0] < MIN_CELLS_PER_SIDE:
            return
        deviations = values.std(axis=0)
        if (np.abs(values.mean(axis=0)) > CENTRED * deviations).any() or not deviations.any():
            return
    msg = (
        f"{use_rep} has the mean zero in each of the two conditions, so it was computed for each "
        "by itself, and its axes differ: compute it on the cells of both conditions together "
        "(scanpy.pp.pca after anndata.concat)."
    )
    raise ValueError(msg)


def _donors(adata: ad.AnnData, key: str, rows: dict[str, np.ndarray]) -> np.ndarray:
    donors = column(adata, key, "donor_key")
    refuse_missing(donors, np.concatenate(list(rows.values())), "donor")
    for own in rows.values():
        n = donors.iloc[own].nunique()
        if n > len(own) / 2 and len(own) > MIN_CELLS_PER_SIDE:
            msg = (
                f"obs[{key!r}] has {n} values in {len(own)} cells of a condition: it seems to tell "
                "cells apart. A donor is the person or animal; leave out donor_key without one."
            )
            raise ValueError(msg)
    return donors.astype(object).map(as_text).to_numpy()


def refuse_counts(found: Sides, use_rep: str) -> None:
    if use_rep == "X" and looks_like_counts(found.points_source):
        msg = (
            "use_rep='X' holds only whole numbers, so it seems to be counts, which are no "
            "Gaussians: compute principal components of log-normalised values (scanpy.pp.pca)."
        )
        raise ValueError(msg)


def check_pairing(found: Sides, *, paired: bool | None) -> None:
    """Refuse a pairing that the donors do not have."""
    check_paired(paired)
    if not paired:
        return
    if found.donors_source is None or found.donors_target is None:
        msg = "paired=True needs donors: give donor_key, or leave out paired."
        raise ValueError(msg)
    if not set(found.donors_source) & set(found.donors_target):
        raise ValueError(NO_PAIRS)
