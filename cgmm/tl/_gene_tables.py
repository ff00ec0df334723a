"""The tables of `cgmm.tl.genes`: one row per subpopulation and gene, one per subpopulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.stats

from cgmm.genes import change as gene_level
from cgmm.genes.programme import programme, resembles
from cgmm.thresholds import ALPHA
from cgmm.tl._gene_changes import Expression, Loadings, Tested

MOSTLY_AMBIENT = 0.5
AGREE = "all"
MIN_GENES = 10  # for a correlation


def gene_tables(
    expression: Expression,
    loadings: Loadings,
    tests: Tested,
    genes: np.ndarray,
    names: list[str],
    *,
    usable: np.ndarray,
    natural_log: bool,
    n_genes: int | None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tidy table of gene changes and table of how the ways agree.

    Parameters
    ----------
    expression, loadings, tests
        The three ways.
    genes, names
        Names of the genes and of the source components.
    usable
        Boolean, shape (K0, n_genes): genes that are ranked in a component.
    natural_log
        Whether values are natural logs.
    n_genes
        Keep this many of each component; None: all.

    Returns
    -------
    The frames of :func:`cgmm.get.genes` and :func:`cgmm.get.gene_agreement`.
    """
    change = expression.change
    enough = np.asarray(usable.any(axis=1))
    doubtful = np.nan_to_num(expression.ambient) >= MOSTLY_AMBIENT
    ranked = np.where(usable & ~doubtful, change.log2_change, np.nan)
    ranks = gene_level.top_ranks(ranked)
    n_subpopulations, _ = gene_level.breadth(ranked)
    parts = programme(
        np.where(enough[:, None], change.log2_change, np.nan), doubtful=doubtful | ~usable
    )
    unit = np.log(2) if natural_log else 1.0
    moved = loadings.shift.change / unit
    agreement = agree(change.log2_change, moved, tests.log2_change)

    keep = np.ones_like(ranks, dtype=bool)
    if n_genes is not None:
        keep = (ranks <= n_genes) & ~np.isnan(ranked)
        keep |= ((ranks <= gene_level.TOP) & ~np.isnan(ranked)).any(axis=0)
    keep &= np.isfinite(change.log2_change) & enough[:, None]
    k, g = np.nonzero(keep)
    order = np.lexsort((ranks[k, g], k))
    k, g = k[order], g[order]
    table = pd.DataFrame(
        {
            "component": k,
            "name": np.array(names, dtype=object)[k],
            "gene": np.asarray(genes, dtype=object)[g],
            "log2_change": change.log2_change[k, g],
            "common_change": parts.common[g],
            "specific_change": parts.specific[k, g],
            "loading_change": moved[k, g],
            "loading_log2_sd": loadings.shift.log2_sd[k, g],
            "de_log2_change": tests.log2_change[k, g],
            "de_p": tests.p[k, g],
            "de_q": tests.q[k, g],
            "agreement": agreement[k, g],
            "mean_source": change.source.mean[k, g],
            "mean_target": change.target.mean[k, g],
            "fraction_source": change.source.fraction[k, g],
            "fraction_target": change.target.fraction[k, g],
            "ambient_share": expression.ambient[k, g],
            "rank": ranks[k, g],
            "n_subpopulations": n_subpopulations[g],
            "n_specific": parts.n_specific[g],
            "scope": parts.scope[g],
        }
    )
    top = (ranks <= gene_level.TOP) & ~np.isnan(ranked)
    summary = agreement_table(
        np.where(usable, change.log2_change, np.nan), moved, tests, loadings.reason, names,
        agree_top=np.where(agreement != "", agreement == AGREE, np.nan), top=top,
    )  # fmt: skip
    like = resembles(
        change.source.mean,
        change.target.mean,
        np.where(enough[:, None], change.log2_change, np.nan),
    )
    own = (like < 0) | (like == np.arange(len(names)))
    summary["resembles"] = np.where(own, "", np.array(names, dtype=object)[like]).astype(object)
    return table, summary


def agree(expression: np.ndarray, moved: np.ndarray, tested: np.ndarray) -> np.ndarray:
    """Whether the ways agree in the direction of each change, in words.

    Parameters
    ----------
    expression, moved, tested
        Change of expression, displacement through the loadings, and pseudobulk change; shape
        (K, n_genes), NaN where a way says nothing.

    Returns
    -------
    Shape (K, n_genes): "all", "loadings differ", "DE differs", "both differ" (from the change of
    expression), or "" where fewer than two ways say anything.
    """
    sign = np.sign(expression)
    off = [np.isfinite(way) & (np.sign(way) != sign) for way in (moved, tested)]
    told = (np.isfinite(moved) | np.isfinite(tested)) & np.isfinite(expression)
    words = np.select(
        [off[0] & off[1], off[0], off[1]],
        ["both differ", "loadings differ", "DE differs"],
        default=AGREE,
    )
    return np.where(told, words, "").astype(object)


def agreement_table(
    expression: np.ndarray,
    moved: np.ndarray,
    tests: Tested,
    loading_reason: str,
    names: list[str],
    *,
    agree_top: np.ndarray,
    top: np.ndarray,
) -> pd.DataFrame:
    """One row per source component: how well the ways agree over its genes."""
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
            "r_expression_loading": [_rank_correlation(expression[i], moved[i]) for i in k],
            "r_expression_de": [_rank_correlation(expression[i], tested[i]) for i in k],
            "r_loading_de": [_rank_correlation(moved[i], tested[i]) for i in k],
            "agree_top": share,
            "loading_reason": np.array([loading_reason] * len(names), dtype=object),
            "de_reason": np.array(tests.reason, dtype=object),
        }
    )


def _rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's correlation over the genes that both know; NaN below ten or without spread."""
    known = np.isfinite(a) & np.isfinite(b)
    if known.sum() < MIN_GENES or np.ptp(a[known]) == 0 or np.ptp(b[known]) == 0:
        return float("nan")
    return float(scipy.stats.spearmanr(a[known], b[known]).statistic)
