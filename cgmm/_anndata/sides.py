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
    check_no_missing,
    check_object,
    check_paired,
    column,
    listing,
)
from cgmm._anndata.comparison import Comparison
from cgmm._anndata.keys import FEATURES, PCA
from cgmm._utils.arguments import check_whole
from cgmm._utils.codes import texts
from cgmm._utils.lazy_rows import is_lazy
from cgmm.donors.design import NO_PAIRS
from cgmm.donors.shares import donor_weights
from cgmm.pair import SIDES, Pair

DEFAULT_PCA_DIMS = 20
MIN_CELLS_PER_SIDE = 50


class Sides(NamedTuple):
    """The cells of both conditions, and where they stand in the object."""

    rows: Pair[np.ndarray]  #: (N0,) and (N1,), positions of the cells
    points: Pair[Any]  #: (N0, D) and (N1, D), float64; Chunks for a Dask array (`lazy`)
    donors: Pair[np.ndarray | None]  #: (N0,) and (N1,), text; None without donors
    dtype: np.dtype  #: precision of the representation

    @property
    def n_dims(self) -> int:
        """Number of dimensions of the points."""
        return int(self.points.source.shape[1])


def take_sides(
    adata: ad.AnnData,
    comparison: Comparison,
    *,
    min_cells: int = MIN_CELLS_PER_SIDE,
    lazy: bool = False,
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
    lazy
        Whether points stay on disk where the representation is a Dask array.

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
    from cgmm._anndata.point_checks import check_values
    from cgmm.mixture.chunked import points_of

    check_object(adata)
    rows = rows_of(adata, comparison)
    _check_conditions(adata, comparison, rows, min_cells)
    values = stored_representation(adata, comparison.use_rep, comparison.n_dims)
    if not lazy:
        values = _dense(values)
    points = rows.map(lambda own: points_of(values[own].astype(np.float64)))
    check_values(points, comparison)
    donors: Pair[np.ndarray | None] = Pair(None, None)
    if comparison.donor_key is not None:
        labels = _donor_labels(adata, comparison.donor_key, rows)
        donors = rows.map(lambda own: labels[own])
    return Sides(
        rows,
        points,
        donors,
        values.dtype if np.issubdtype(values.dtype, np.floating) else np.dtype(np.float64),
    )


def rows_of(adata: ad.AnnData, comparison: Comparison) -> Pair[np.ndarray]:
    """Positions of the cells of both conditions."""
    condition = column(adata, comparison.condition_key, "condition_key")
    labels = texts(condition)
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
    values = texts(column(adata, name, argument), "nan")
    return rows.map(lambda own: values[own])


def cell_weights(sides: Sides) -> Pair[np.ndarray | None]:
    """Weights of the cells of both sides that make donors count equally; None without donors."""
    source, target = sides.donors
    if source is None or target is None:
        return Pair(None, None)
    return Pair(donor_weights(source), donor_weights(target))


def representation(adata: ad.AnnData, use_rep: str, n_dims: int | None) -> np.ndarray:
    """Return the representation, dense, (n_cells, D), cut to the dimensions to use."""
    return _dense(stored_representation(adata, use_rep, n_dims))


def _dense(values: Any) -> np.ndarray:
    return values.compute() if is_lazy(values) else values


def _dense_chunk(values: Any) -> np.ndarray:
    return values.toarray() if sp.issparse(values) else np.asarray(values)


def stored_representation(adata: ad.AnnData, use_rep: str, n_dims: int | None) -> Any:
    """Return what :func:`representation` returns; a Dask array stays one."""
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
    if is_lazy(stored):
        values = stored.map_blocks(_dense_chunk, dtype=stored.dtype)
    else:
        values = _dense_chunk(stored)
    if values.ndim != 2 or not values.shape[1] or values.dtype.kind not in "fiu":
        msg = f"{use_rep} must be a table of numbers, but has shape {values.shape}, {values.dtype}."
        raise ValueError(msg)
    if n_dims is None:
        n_dims = min(DEFAULT_PCA_DIMS, values.shape[1]) if use_rep == PCA else values.shape[1]
    else:
        n_dims = check_whole(f"n_dims (columns of {use_rep})", n_dims, 1, values.shape[1])
    return values[:, :n_dims]


# Checks --------------------------------------------------------------------------


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
    return texts(donors)
