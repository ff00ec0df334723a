"""Checks of the points of both conditions, in memory or in the chunks of a Dask array."""

from __future__ import annotations

import numpy as np

from cgmm._anndata.comparison import Comparison
from cgmm._anndata.expression import looks_like_counts
from cgmm._anndata.keys import FEATURES
from cgmm._anndata.sides import MIN_CELLS_PER_SIDE
from cgmm.mixture.chunked import Points, column_moments, over_rows, taken
from cgmm.pair import Pair

MIN_DIMS_TO_TELL = 2  # one mean may be zero by chance
CENTRED = 1e-4  # of a standard deviation
N_TOLD = 200  # cells by which counts are told from other values


def check_no_counts(points: Points, use_rep: str) -> None:
    """Raise a ValueError when the features themselves are to be fitted and are counts."""
    if use_rep == FEATURES and looks_like_counts(_first(points)):
        msg = (
            "use_rep='X' holds only whole numbers, so it seems to be counts, which are no "
            "Gaussians: compute principal components of log-normalised values (scanpy.pp.pca)."
        )
        raise ValueError(msg)


def _first(points: Points) -> np.ndarray:
    return taken(points, np.arange(min(N_TOLD, len(points))))


def _check_joint(moments: Pair[tuple[np.ndarray, np.ndarray]], n: Pair[int], use_rep: str) -> None:
    """Raise a ValueError when a representation was computed for each condition by itself.

    A principal component has the mean zero over the cells that it was computed from. When the mean
    is zero in each condition and in every dimension, the two conditions have axes of their own.

    Parameters
    ----------
    moments
        Mean and variance of every dimension, shapes (D,), in each condition.
    n
        Number of cells of each condition.
    use_rep
        Name of the representation.
    """
    for (mean, variance), n_cells in zip(moments, n, strict=True):
        if len(mean) < MIN_DIMS_TO_TELL or n_cells < MIN_CELLS_PER_SIDE:
            return
        if (np.abs(mean) > CENTRED * np.sqrt(variance)).any() or not variance.any():
            return
    msg = (
        f"{use_rep} has the mean zero in each of the two conditions, so it was computed for each "
        "by itself, and its axes differ: compute it on the cells of both conditions together "
        "(scanpy.pp.pca after anndata.concat)."
    )
    raise ValueError(msg)


def check_values(points: Pair[Points], comparison: Comparison) -> None:
    """Raise a ValueError when a representation has bad values, or no two axes in common."""
    use_rep = comparison.use_rep
    if n_bad := sum(sum(over_rows(_not_finite, own, 1.0)) for own in points):
        msg = (
            f"{use_rep} has NaN or infinite values in {n_bad} cells of the two conditions: "
            "remove these cells or compute the representation again."
        )
        raise ValueError(msg)
    moments = points.map(lambda own: column_moments(own, None))
    for name, own, (_, variance) in zip(comparison.conditions, points, moments, strict=True):
        if len(own) > 1 and not variance.any():
            msg = (
                f"{use_rep} is the same for all {len(own)} cells of condition {name!r}: "
                "compute the representation again."
            )
            raise ValueError(msg)
    _check_joint(moments, points.map(len), use_rep)


def _not_finite(points: np.ndarray, _: object) -> int:
    return int((~np.isfinite(points).all(axis=1)).sum())
