"""What `cgmm.tl` takes from an AnnData object, checked before anything is computed."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, NamedTuple

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

from cgmm._checks import check_whole
from cgmm._keys import SIDES

DEFAULT_PCA_DIMS = 20
MIN_CELLS_PER_SIDE = 50


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
                f"{_listing(present)}.{_almost(name, present)}"
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
    labels = condition.astype(object).where(condition.notna(), None).map(_text).to_numpy()
    return np.flatnonzero(labels == name)


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Let a view become an object of its own when it is written into: what the caller asked for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ad.ImplicitModificationWarning)
        yield


def check_object(adata: object, name: str = "adata") -> None:
    """Raise a TypeError when something is not an AnnData object."""
    if not isinstance(adata, ad.AnnData):
        msg = f"{name} must be an AnnData object, not {type(adata).__name__}."
        raise TypeError(msg)


def check_writable(adata: ad.AnnData, *, copy: bool) -> None:
    """Refuse what anndata cannot do with an object whose X lies on disk.

    Raises
    ------
    TypeError
        When it is not an AnnData object.
    ValueError
        When a backed object is to be copied, or is a view.
    """
    check_object(adata)
    if adata.isbacked and (copy or adata.is_view):
        what = "copied" if copy else "written into while it is a view"
        msg = (
            f"An object whose X lies on disk (backed mode) cannot be {what}: call "
            "adata.to_memory() first."
        )
        raise ValueError(msg)


def column(adata: ad.AnnData, key: str, argument: str) -> pd.Series:
    """Return a column of ``obs``, or raise a KeyError that lists those there are."""
    if not isinstance(key, Hashable) or key not in adata.obs:
        msg = f"{argument}={key!r} is not a column of obs; there are {_listing(adata.obs.columns)}."
        raise KeyError(msg)
    found = adata.obs[key]
    if isinstance(found, pd.DataFrame):
        msg = f"{argument}={key!r}: obs has {found.shape[1]} columns of this name: rename them."
        raise KeyError(msg)
    return found


def refuse_missing(values: pd.Series, rows: np.ndarray, what: str) -> None:
    """Raise a ValueError when a column of ``obs`` says nothing of some of the cells ``rows``."""
    if n_missing := int(values.iloc[rows].isna().sum()):
        msg = (
            f"obs[{values.name!r}] is missing in {n_missing} cells of the two conditions: "
            f"give every cell a {what}, or leave out {what}_key."
        )
        raise ValueError(msg)


def check_paired(paired: object) -> None:
    """Raise a TypeError when ``paired`` is none of True, False, None."""
    if paired is not None and not isinstance(paired, bool | np.bool_):
        msg = f"paired must be True, False or None, got {paired!r}."
        raise TypeError(msg)


def levels(values: pd.Series) -> list[str]:
    """Values of a column that occur: in the order of its categories, else in natural order.

    Natural order reads numbers as numbers: "day 2" stands before "day 10".
    """
    present = set(values.dropna().astype(str))
    if isinstance(values.dtype, pd.CategoricalDtype):
        return [c for c in map(str, values.cat.categories) if c in present]
    return sorted(present, key=_natural)


def representation(adata: ad.AnnData, use_rep: str, n_dims: int | None) -> np.ndarray:
    """Return the representation, dense, (n_cells, D), cut to the dimensions to use."""
    if use_rep == "X":
        if adata.X is None:
            msg = "use_rep='X', but the object has no X."
            raise KeyError(msg)
        if adata.isbacked:
            msg = "use_rep='X', but X lies on disk (backed mode): call adata.to_memory() first."
            raise ValueError(msg)
        values = adata.X.toarray() if sp.issparse(adata.X) else np.asarray(adata.X)
    elif use_rep in adata.obsm:
        values = adata.obsm[use_rep]
        values = values.toarray() if sp.issparse(values) else np.asarray(values)
    else:
        msg = (
            f"use_rep={use_rep!r} is not in obsm; there are {_listing(adata.obsm)}. Compute it "
            "(scanpy.pp.pca writes 'X_pca') or name another."
        )
        raise KeyError(msg)
    if values.ndim != 2 or not values.shape[1] or values.dtype.kind not in "fiu":
        msg = f"{use_rep} must be a table of numbers, but has shape {values.shape}, {values.dtype}."
        raise ValueError(msg)
    if n_dims is None:
        n_dims = min(DEFAULT_PCA_DIMS, values.shape[1]) if use_rep == "X_pca" else values.shape[1]
    else:
        n_dims = check_whole(f"n_dims (columns of {use_rep})", n_dims, 1, values.shape[1])
    return values[:, :n_dims]


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
    return donors.astype(object).map(_text).to_numpy()


def _almost(name: str, present: list[str]) -> str:
    """Point to a condition that differs by case or blanks only."""
    alike = [p for p in present if p.strip().lower() == name.strip().lower()]
    return f" Write it as {alike[0]!r}, with the same case and blanks." if alike else ""


def _natural(text: str) -> tuple[tuple[str | float, ...], str]:
    parts = re.split(r"(\d+)", text)
    return tuple(float(p) if i % 2 else p.lower() for i, p in enumerate(parts)), text


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _listing(names: object, limit: int = 12) -> str:
    texts = [repr(str(n)) for n in names]  # type: ignore[attr-defined]
    if not texts:
        return "none"
    more = f" and {len(texts) - limit} more" if len(texts) > limit else ""
    return ", ".join(texts[:limit]) + more
