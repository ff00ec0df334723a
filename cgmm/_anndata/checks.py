"""Checks of an AnnData object and its columns; the message of each error states a remedy."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Hashable, Iterator, Mapping

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.keys import Keys, Uns


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Silence the warning of anndata that writing into a view makes a new object."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ad.ImplicitModificationWarning)
        yield


def check_object(adata: object, name: str = "adata") -> None:
    """Raise a TypeError when something is not an AnnData object."""
    if not isinstance(adata, ad.AnnData):
        msg = f"{name} must be an AnnData object, not {type(adata).__name__}."
        raise TypeError(msg)


def check_writable(adata: ad.AnnData, *, copy: bool) -> None:
    """Raise when an object cannot be written into, or cannot be copied.

    Raises
    ------
    TypeError
        When ``adata`` is not an AnnData object.
    ValueError
        When X lies on disk and ``copy`` is true, or when X lies on disk and the object is a view:
        anndata supports neither.
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
    """Return a column of ``obs``, or raise a KeyError that lists the columns of ``obs``."""
    if not isinstance(key, Hashable) or key not in adata.obs:
        msg = f"{argument}={key!r} is not a column of obs; there are {listing(adata.obs.columns)}."
        raise KeyError(msg)
    values = adata.obs[key]
    if isinstance(values, pd.DataFrame):
        msg = f"{argument}={key!r}: obs has {values.shape[1]} columns of this name: rename them."
        raise KeyError(msg)
    return values


def check_no_missing(values: pd.Series, rows: np.ndarray, what: str) -> None:
    """Raise a ValueError when a column of ``obs`` has no value for some of the cells ``rows``."""
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
    """Return the values that occur in a column, in the order of its categories.

    A column without categories is sorted in natural order, which compares numbers as numbers:
    "day 2" comes before "day 10".
    """
    present = set(values.dropna().astype(str))
    if isinstance(values.dtype, pd.CategoricalDtype):
        return [c for c in map(str, values.cat.categories) if c in present]
    return sorted(present, key=natural)


def almost(name: str, present: list[str]) -> str:
    """Return advice to write a condition that differs by case or blanks only, or ""."""
    alike = [p for p in present if p.strip().lower() == name.strip().lower()]
    return f" Write it as {alike[0]!r}, with the same case and blanks." if alike else ""


def natural(text: str) -> tuple[tuple[str | float, ...], str]:
    """Return a key with which texts are sorted in natural order."""
    parts = re.split(r"(\d+)", text)
    return tuple(float(p) if i % 2 else p.lower() for i, p in enumerate(parts)), text


def listing(names: object, limit: int = 12) -> str:
    """Return the first ``limit`` names in quotes, separated by commas; "none" without names."""
    texts = [repr(str(n)) for n in names]  # type: ignore[attr-defined]
    if not texts:
        return "none"
    more = f" and {len(texts) - limit} more" if len(texts) > limit else ""
    return ", ".join(texts[:limit]) + more


def check_free(adata: ad.AnnData, keys: Keys, *, copy: bool) -> None:
    """Raise when an object cannot be written into, or when a fit would overwrite other data.

    Raises
    ------
    TypeError, ValueError
        As :func:`check_writable`.  Also a ValueError when the entry of ``uns`` with the name of the
        fit is not a fit.
    """
    check_writable(adata, copy=copy)
    entry = adata.uns.get(keys.uns)
    if entry is not None and not (isinstance(entry, Mapping) and Uns.PARAMS in entry):
        msg = (
            f"uns[{keys.uns!r}] holds something else than a fit, which would be lost: "
            "choose another key_added."
        )
        raise ValueError(msg)
