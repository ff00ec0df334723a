"""The tables of :func:`cgmm.tl.genes`: one row per gene, and one row per subpopulation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from cgmm.genes import change as gene_level
from cgmm.genes.programme import programme, resembles
from cgmm.tl._gene_agreement import AGREE, agreement_in_sign, agreement_table
from cgmm.tl._gene_changes import Expression
from cgmm.tl._gene_loadings import Loadings
from cgmm.tl._gene_tests import DonorTests

MOSTLY_AMBIENT = 0.5
DEFAULT_KEPT = 200  # genes of a component with values per donor, when all genes are kept
MAX_KEPT = 3000  # genes that are kept for all populations, of an n_genes that is not None


class Ways(NamedTuple):
    """Results of the three ways of measuring changes of genes."""

    expression: Expression
    loadings: Loadings
    tests: DonorTests


def gene_tables(
    ways: Ways,
    genes: np.ndarray,
    names: list[str],
    *,
    usable: np.ndarray,
    natural_log: bool,
    n_genes: int | None,
) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Return the table of changes of genes, the table of the agreement, and the leading genes.

    Parameters
    ----------
    ways
        The results of the three ways.
    genes, names
        Names of the genes and of the source components.
    usable
        Whether a gene is ranked in a component; boolean, shape (K0, n_genes).
    natural_log
        Whether expression is in natural logarithms.
    n_genes
        Number of genes with the largest change to keep for each component, and half as many with
        the smallest p; None: all.

    Returns
    -------
    The frames of :func:`cgmm.get.genes` and :func:`cgmm.get.gene_agreement`, and whether a gene
    leads in any component, boolean, shape (n_genes,).
    """
    change, tests = ways.expression.change, ways.tests
    enough = np.asarray(usable.any(axis=1))
    doubtful = np.nan_to_num(ways.expression.ambient) >= MOSTLY_AMBIENT
    ranked = np.where(usable & ~doubtful, change.log2_change, np.nan)
    ranks = gene_level.top_ranks(ranked)
    top = (ranks <= gene_level.TOP) & ~np.isnan(ranked)
    n_subpopulations, _ = gene_level.breadth(ranked)
    comparable = np.where(enough[:, None], change.log2_change, np.nan)
    parts = programme(comparable, doubtful=doubtful | ~usable)
    moved = ways.loadings.shift.change / (np.log(2) if natural_log else 1.0)
    agreement = agreement_in_sign(change.log2_change, moved, tests.log2_change)

    leading = leading_genes(
        np.where(np.isnan(ranked), np.inf, ranks), tests.p, n_genes or DEFAULT_KEPT
    )
    keep = np.isfinite(comparable)
    if n_genes is not None:
        keep &= leading
    k, g = _rows_by_rank(keep, ranks)
    table = pd.DataFrame(
        {
            "component": k,
            "name": np.array(names, dtype=object)[k],
            "gene": np.asarray(genes, dtype=object)[g],
            "log2_change": change.log2_change[k, g],
            "common_change": parts.common[g],
            "specific_change": parts.specific[k, g],
            "loading_change": moved[k, g],
            "loading_log2_sd": ways.loadings.shift.log2_sd[k, g],
            "de_log2_change": tests.log2_change[k, g],
            "de_p": tests.p[k, g],
            "de_q": tests.q[k, g],
            "agreement": agreement[k, g],
            "mean_source": change.source.mean[k, g],
            "mean_target": change.target.mean[k, g],
            "fraction_source": change.source.fraction[k, g],
            "fraction_target": change.target.fraction[k, g],
            "ambient_share": ways.expression.ambient[k, g],
            "rank": ranks[k, g],
            "n_subpopulations": n_subpopulations[g],
            "n_specific": parts.n_specific[g],
            "scope": parts.scope[g],
        }
    )
    summary = agreement_table(
        np.where(usable, change.log2_change, np.nan),
        moved,
        tests,
        ways.loadings.reason,
        names,
        agree_top=np.where(agreement != "", agreement == AGREE, np.nan),
        top=top,
    )
    summary["resembles"] = _resembled(change, comparable, names)
    return table, summary, leading


def leading_genes(ranks: np.ndarray, p: np.ndarray, n_genes: int) -> np.ndarray:
    """Return the genes that lead in any component, boolean, shape (n_genes_of_data,).

    Parameters
    ----------
    ranks
        Rank of a gene in a component by size of change; infinite where it is not ranked, shape
        (K, n_genes_of_data).
    p
        p of the tests over donors, NaN where a gene was not tested, shape (K, n_genes_of_data).
    n_genes
        Genes with the largest change of each component, and half as many with the smallest p.
        Fewer of each, but not fewer than 20, where more than 3,000 would be kept together.
    """
    by_p = gene_level.top_ranks(np.where(np.isnan(p), np.nan, 1 - p))
    by_p = np.where(np.isnan(p) | np.isinf(ranks), np.inf, by_p)

    def of(n: int) -> np.ndarray:
        return np.asarray(((ranks <= n) | (by_p <= n // 2)).any(axis=0))

    n = n_genes
    while (kept := of(n)).sum() > MAX_KEPT and n > gene_level.TOP:
        n = max(int(n * 0.8), gene_level.TOP)
    return np.asarray(kept | (ranks <= min(n_genes, gene_level.TOP)).any(axis=0))


def _rows_by_rank(keep: np.ndarray, ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return component and gene of every row to keep, sorted by component, then by rank."""
    k, g = np.nonzero(keep)
    order = np.lexsort((ranks[k, g], k))
    return k[order], g[order]


def _resembled(
    change: gene_level.GeneShift, comparable: np.ndarray, names: list[str]
) -> np.ndarray:
    """Return the name of another component that each component resembles in the target, or ""."""
    like = resembles(change.source.mean, change.target.mean, comparable)
    own = (like < 0) | (like == np.arange(len(names)))
    return np.where(own, "", np.array(names, dtype=object)[like]).astype(object)
