"""Agreement of the three ways of :func:`cgmm.tl.genes`, for each gene and over all genes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.stats

from cgmm.thresholds import ALPHA
from cgmm.tl._gene_tests import DonorTests

AGREE = "all"
MIN_GENES = 10  # for a correlation


def agreement_in_sign(expression: np.ndarray, moved: np.ndarray, tested: np.ndarray) -> np.ndarray:
    """Return, in words, whether the ways agree in the direction of each change.

    Parameters
    ----------
    expression, moved, tested
        Change of expression, displacement through the loadings, and change of pseudobulks, shapes
        (K, n_genes); NaN where a way has no number.

    Returns
    -------
    Shape (K, n_genes): "all", or which ways differ from the change of expression ("loadings
    differ", "DE differs", "both differ"), or "" where the change of expression has no number or no
    other way has one.
    """
    sign = np.sign(expression)
    off = [np.isfinite(way) & (np.sign(way) != sign) for way in (moved, tested)]
    comparable = (np.isfinite(moved) | np.isfinite(tested)) & np.isfinite(expression)
    words = np.select(
        [off[0] & off[1], off[0], off[1]],
        ["both differ", "loadings differ", "DE differs"],
        default=AGREE,
    )
    return np.where(comparable, words, "").astype(object)


def agreement_table(
    expression: np.ndarray,
    moved: np.ndarray,
    tests: DonorTests,
    loading_reason: str,
    names: list[str],
    *,
    agree_top: np.ndarray,
    top: np.ndarray,
) -> pd.DataFrame:
    """Return the agreement of the ways over all genes, one row per source component.

    Parameters
    ----------
    expression, moved
        Change of expression and displacement through the loadings, (K, n_genes).
    tests
        The tests over donors.
    loading_reason
        Why there are no loadings, or "".
    names
        Names of the components.
    agree_top
        1 where all ways have the same sign, 0 where signs differ, NaN where ways cannot be
        compared; shape (K, n_genes).
    top
        Whether a gene is one of the top genes of a component; boolean, shape (K, n_genes).

    Returns
    -------
    The frame of :func:`cgmm.get.gene_agreement`, without ``resembles``.
    """
    k = range(len(names))
    tested = tests.log2_change
    counts = [np.isfinite(way) & np.isfinite(expression) for way in (expression, moved, tested)]
    with np.errstate(invalid="ignore"):
        judged = top & np.isfinite(agree_top)
        share = np.where(judged, agree_top, 0.0).sum(axis=1) / judged.sum(axis=1)
    return pd.DataFrame(
        {
            "component": np.arange(len(names)),
            "name": np.array(names, dtype=object),
            "n_genes": counts[0].sum(axis=1),
            "n_loading": counts[1].sum(axis=1),
            "n_tested": counts[2].sum(axis=1),
            "n_significant": (tests.q < ALPHA).sum(axis=1),
            "r_expression_loading": [rank_correlation(expression[i], moved[i]) for i in k],
            "r_expression_de": [rank_correlation(expression[i], tested[i]) for i in k],
            "r_loading_de": [rank_correlation(moved[i], tested[i]) for i in k],
            "agree_top": share,
            "loading_reason": np.array([loading_reason] * len(names), dtype=object),
            "de_reason": np.array(tests.reason, dtype=object),
        }
    )


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return Spearman's correlation over the genes with finite values in both arrays.

    NaN with fewer than ten of these genes, or when one of the arrays is constant.
    """
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < MIN_GENES or np.ptp(a[both]) == 0 or np.ptp(b[both]) == 0:
        return float("nan")
    return float(scipy.stats.spearmanr(a[both], b[both]).statistic)
