"""How every population expresses the marker genes of all populations: the rows of a dot plot."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cgmm.genes.change import ExpressionMoments
from cgmm.pair import Pair
from cgmm.transport.coupling import divide

SEPARATOR = ", "  # of the genes in the column ``markers``


def average(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the mean of two arrays; where one is missing, the other."""
    mean = 0.5 * (one + other)
    return np.where(np.isnan(one), other, np.where(np.isnan(other), one, mean))


def marker_expression(
    listed: pd.DataFrame | None,
    per_side: Pair[ExpressionMoments],
    names: list[str],
    *,
    var_names: np.ndarray,
    shown: np.ndarray,
    fractions: bool,
) -> pd.DataFrame:
    """Return the frame of :func:`cgmm.get.markers`.

    Parameters
    ----------
    listed
        Columns ``name`` and ``markers``: populations and their marker genes, best first, by
        ``var_names``. None: no rows.
    per_side
        Moments of expression of the populations of both conditions, which count equally.
    names
        The populations in the order of the moments.
    var_names, shown
        Names of the genes in ``listed``, and names to write, both of shape (n_genes,).
    fractions
        Whether a value above zero means that a cell expresses the gene; not so in cytometry.
    """
    place = {str(gene): i for i, gene in enumerate(var_names)}
    rows = [] if listed is None else _rows(listed, set(names), place)
    columns = np.array([place[gene] for _, _, gene in rows], dtype=np.int64)
    mean = average(per_side.source.mean[:, columns], per_side.target.mean[:, columns])
    part = average(per_side.source.fraction[:, columns], per_side.target.fraction[:, columns])
    low = np.nanmin(mean, axis=0, initial=np.inf)
    width = np.nanmax(mean, axis=0, initial=-np.inf) - low
    n = len(names)
    return pd.DataFrame(
        {
            "marker_of": np.repeat(np.array([of for of, _, _ in rows], dtype=object), n),
            "rank": np.repeat(np.array([rank for _, rank, _ in rows], dtype=np.int64), n),
            "gene": np.repeat(shown[columns].astype(object), n),
            "name": np.tile(np.array(names, dtype=object), len(rows)),
            "mean": mean.T.ravel(),
            "fraction": part.T.ravel() if fractions else np.nan,
            "scaled_mean": divide(mean - low, np.broadcast_to(width, mean.shape)).T.ravel(),
        }
    )


def _rows(
    listed: pd.DataFrame, known: set[str], place: dict[str, int]
) -> list[tuple[str, int, str]]:
    """Return the population, the rank and the gene of every marker among known populations."""
    return [
        (str(name), rank, gene)
        for name, markers in zip(listed["name"], listed["markers"], strict=True)
        if str(name) in known
        for rank, gene in enumerate(filter(None, str(markers).split(SEPARATOR)), start=1)
        if gene in place
    ]
