"""Shared parts of both simulators: effects of donors, names, the table of cells, checks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cgmm._anndata.keys import CONDITION, DONOR, SAMPLE
from cgmm._utils.arguments import check_whole

NAMES = ("Alpha", "Beta", "Gamma", "Delta", "Epsilon", "Zeta", "Eta", "Theta")


def obs_table(columns: dict[str, np.ndarray]) -> pd.DataFrame:
    """Return the table of cells, with a column for the sample, ``<condition>_<donor>``.

    ``columns`` must have condition and donor. Categories are in order of appearance.
    """
    n = len(columns[CONDITION])
    sample = np.array(
        [f"{c}_{d}" for c, d in zip(columns[CONDITION], columns[DONOR], strict=True)],
        dtype=object,
    )
    texts = {
        name: values.astype(str).astype(object)
        for name, values in (columns | {SAMPLE: sample}).items()
    }
    return pd.DataFrame(
        {
            name: pd.Categorical(values, categories=list(dict.fromkeys(values)))
            for name, values in texts.items()
        },
        index=pd.Index(np.array([f"cell{i:06d}" for i in range(n)], dtype=object)),
    )


def log2_ratio(target: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Return log2 of target over source: ``-inf`` for a zero target, ``inf`` for a zero source."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log2(target) - np.log2(source)


def donor_effects(
    n_donors: int,
    n_components: int,
    n_features: int,
    share_sd: float,
    feature_sd: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw offsets of log shares, (n_donors, K), and of features, (n_donors, n_features)."""
    log_share = rng.normal(scale=share_sd, size=(n_donors, n_components))
    return log_share, rng.normal(scale=feature_sd, size=(n_donors, n_features))


def donor_names(side: int, n_donors: int, *, paired: bool) -> list[str]:
    """Return the names of the donors of side 0 or 1; paired sides have the same donors."""
    start = 0 if paired else side * n_donors
    return [f"D{start + d + 1:02d}" for d in range(n_donors)]


def split(n: int, parts: int) -> list[int]:
    """Return the sizes of ``parts`` parts of n, as equal as possible, larger sizes first."""
    return [n // parts + (i < n % parts) for i in range(parts)]


def simplex(values: np.ndarray) -> np.ndarray:
    """Return shares scaled to sum to one; raise a ValueError when values are not shares."""
    if np.any(values < 0) or not np.isfinite(values).all() or values.sum() <= 0:
        msg = f"Shares must be finite, not negative and not all zero; got {values.tolist()}."
        raise ValueError(msg)
    return values / values.sum()


def check_names(conditions: object) -> None:
    """Raise a ValueError when ``conditions`` is not a pair of different names."""
    if (
        isinstance(conditions, str)
        or not isinstance(conditions, Sequence)
        or len({str(c) for c in conditions}) != 2
        or len(conditions) != 2
    ):
        msg = f"conditions must be two different names, source first; got {conditions!r}."
        raise ValueError(msg)


def check_sizes(n_cells: int, n_donors: int, **sizes: int) -> None:
    """Raise when a size is not a whole number of at least one, or when donors outnumber cells."""
    for name, size in {"n_cells": n_cells, "n_donors": n_donors, **sizes}.items():
        check_whole(name, size, 1)
    if n_cells < n_donors:
        msg = f"{n_cells} cells per condition cannot be split over {n_donors} donors."
        raise ValueError(msg)
