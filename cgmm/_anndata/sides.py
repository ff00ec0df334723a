"""The cells of the two conditions of a comparison, checked before anything is computed."""

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
    check_no_missing,
    check_object,
    check_paired,
    column,
    listing,
)
from cgmm._anndata.comparison import Comparison
from cgmm._anndata.expression import looks_like_counts
from cgmm._anndata.keys import FEATURES, PCA
from cgmm._utils.arguments import check_whole
from cgmm.donors.design import NO_PAIRS
from cgmm.donors.shares import donor_weights
from cgmm.pair import SIDES, Pair

DEFAULT_PCA_DIMS = 20
MIN_CELLS_PER_SIDE = 50
MIN_DIMS_TO_TELL = 2  # one mean may be zero by chance
CENTRED = 1e-4  # of a standard deviation


class Sides(NamedTuple):
    """The cells of both conditions, and where they stand in the object."""

    rows: Pair[np.ndarray]  #: (N0,) and (N1,), positions of the cells
    points: Pair[np.ndarray]  #: (N0, D) and (N1, D), float64
    donors: Pair[np.ndarray | None]  #: (N0,) and (N1,), text; None without donors
    dtype: np.dtype  #: precision of the representation

    @property
    def n_dims(self) -> int:
        """Number of dimensions of the points."""
        return int(self.points.source.shape[1])


def take_sides(
    adata: ad.AnnData, comparison: Comparison, *, min_cells: int = MIN_CELLS_PER_SIDE
) -> Sides:
    """Check a comparison against an object, and take the cells of both conditions out of it.

    Parameters
    ----------
    adata
        The object; it is not changed.
    comparison
        The conditions, the representation and the donors.
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
    rows = rows_of(adata, comparison)
    _check_conditions(adata, comparison, rows, min_cells)
    values = representation(adata, comparison.use_rep, comparison.n_dims)
    _check_values(values, comparison, rows)
    check_joint(values, rows, comparison.use_rep)
    donors: Pair[np.ndarray | None] = Pair(None, None)
    if comparison.donor_key is not None:
        labels = _donor_labels(adata, comparison.donor_key, rows)
        donors = rows.map(lambda own: labels[own])
    return Sides(
        rows,
        rows.map(lambda own: values[own].astype(np.float64)),
        donors,
        values.dtype if np.issubdtype(values.dtype, np.floating) else np.dtype(np.float64),
    )


def rows_of(adata: ad.AnnData, comparison: Comparison) -> Pair[np.ndarray]:
    """Positions of the cells of both conditions."""
    condition = column(adata, comparison.condition_key, "condition_key")
    labels = condition.astype(object).where(condition.notna(), None).map(as_text).to_numpy()
    return comparison.conditions.map(lambda name: np.flatnonzero(labels == name))


def rows_of_fit(adata: ad.AnnData, params: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Positions of the cells of both conditions of a fit, by side.

    ``params`` is what :func:`cgmm.get.params` returns.
    """
    rows = rows_of(adata, Comparison.from_params(params))
    return dict(zip(SIDES, rows, strict=True))


def text_of_sides(
    adata: ad.AnnData, name: str, argument: str, rows: Pair[np.ndarray]
) -> Pair[np.ndarray]:
    """Return a column of ``obs`` as text, for the cells of each side."""
    values = column(adata, name, argument).astype(str).to_numpy(object)
    return rows.map(lambda own: values[own])


def cell_weights(sides: Sides) -> Pair[np.ndarray | None]:
    """Weights of the cells of both sides that make donors count equally; None without donors."""
    source, target = sides.donors
    if source is None or target is None:
        return Pair(None, None)
    return Pair(donor_weights(source), donor_weights(target))


def representation(adata: ad.AnnData, use_rep: str, n_dims: int | None) -> np.ndarray:
    """Return the representation, dense, (n_cells, D), cut to the dimensions to use."""
    if use_rep == FEATURES:
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
        n_dims = min(DEFAULT_PCA_DIMS, values.shape[1]) if use_rep == PCA else values.shape[1]
    else:
        n_dims = check_whole(f"n_dims (columns of {use_rep})", n_dims, 1, values.shape[1])
    return values[:, :n_dims]


# Checks --------------------------------------------------------------------------


def check_no_counts(sides: Sides, use_rep: str) -> None:
    """Raise a ValueError when the features themselves are to be fitted and are counts."""
    if use_rep == FEATURES and looks_like_counts(sides.points.source):
        msg = (
            "use_rep='X' holds only whole numbers, so it seems to be counts, which are no "
            "Gaussians: compute principal components of log-normalised values (scanpy.pp.pca)."
        )
        raise ValueError(msg)


def check_joint(values: np.ndarray, rows: Pair[np.ndarray], use_rep: str) -> None:
    """Raise a ValueError when a representation was computed for each condition by itself.

    A principal component has the mean zero over the cells that it was computed from. When the mean
    is zero in each condition and in every dimension, the two conditions have axes of their own.
    """
    for own in rows:
        points = values[own].astype(np.float64)
        if points.shape[1] < MIN_DIMS_TO_TELL or points.shape[0] < MIN_CELLS_PER_SIDE:
            return
        deviations = points.std(axis=0)
        if (np.abs(points.mean(axis=0)) > CENTRED * deviations).any() or not deviations.any():
            return
    msg = (
        f"{use_rep} has the mean zero in each of the two conditions, so it was computed for each "
        "by itself, and its axes differ: compute it on the cells of both conditions together "
        "(scanpy.pp.pca after anndata.concat)."
    )
    raise ValueError(msg)


def check_pairing(sides: Sides, *, paired: bool | None) -> None:
    """Raise a ValueError when donors are to be paired and none is in both conditions."""
    check_paired(paired)
    if not paired:
        return
    source, target = sides.donors
    if source is None or target is None:
        msg = "paired=True needs donors: give donor_key, or leave out paired."
        raise ValueError(msg)
    if not set(source) & set(target):
        raise ValueError(NO_PAIRS)


def _check_conditions(
    adata: ad.AnnData, comparison: Comparison, rows: Pair[np.ndarray], min_cells: int
) -> None:
    """Raise a ValueError when a condition is absent or small, or when both are the same."""
    if comparison.source == comparison.target:
        msg = (
            f"source and target are both {comparison.source!r}: a comparison needs two different "
            "conditions."
        )
        raise ValueError(msg)
    for side, name, own in zip(SIDES, comparison.conditions, rows, strict=True):
        if not len(own):
            condition: pd.Series = adata.obs[comparison.condition_key]
            present = list(dict.fromkeys(condition.dropna().astype(str)))
            msg = (
                f"{side}={name!r} is not a condition: obs[{comparison.condition_key!r}] has "
                f"{listing(present)}.{almost(name, present)}"
            )
            raise ValueError(msg)
        if len(own) < min_cells:
            msg = f"Condition {name!r} has {len(own)} cells; a fit needs at least {min_cells}."
            raise ValueError(msg)


def _check_values(values: np.ndarray, comparison: Comparison, rows: Pair[np.ndarray]) -> None:
    """Raise a ValueError when a representation has bad values, or only one value in a condition."""
    use_rep = comparison.use_rep
    if n_bad := sum(int((~np.isfinite(values[own]).all(axis=1)).sum()) for own in rows):
        msg = (
            f"{use_rep} has NaN or infinite values in {n_bad} cells of the two conditions: "
            "remove these cells or compute the representation again."
        )
        raise ValueError(msg)
    for name, own in zip(comparison.conditions, rows, strict=True):
        if len(own) > 1 and (values[own] == values[own[0]]).all():
            msg = (
                f"{use_rep} is the same for all {len(own)} cells of condition {name!r}: "
                "compute the representation again."
            )
            raise ValueError(msg)


def _donor_labels(adata: ad.AnnData, key: str, rows: Pair[np.ndarray]) -> np.ndarray:
    """Donor of every cell of the object, as text; raise where a donor cannot be one."""
    donors = column(adata, key, "donor_key")
    check_no_missing(donors, np.concatenate(rows), "donor")
    for own in rows:
        n = donors.iloc[own].nunique()
        if n > len(own) / 2 and len(own) > MIN_CELLS_PER_SIDE:
            msg = (
                f"obs[{key!r}] has {n} values in {len(own)} cells of a condition: it seems to tell "
                "cells apart. A donor is the person or animal; leave out donor_key without one."
            )
            raise ValueError(msg)
    return donors.astype(object).map(as_text).to_numpy()
