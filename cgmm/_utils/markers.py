"""Which marker genes a dot plot has, and in which order."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

MAX_GENES = 64  # columns of a dot plot
MAX_PER_POPULATION = 4


def markers_each(n_populations: int) -> int:
    """Return how many markers of each population fit on a dot plot."""
    return max(1, min(MAX_PER_POPULATION, MAX_GENES // max(n_populations, 1)))


def leading_markers(
    table: pd.DataFrame, names: Sequence[str], n_genes: int
) -> list[tuple[str, str]]:
    """Return the first marker genes of each population, each gene once.

    Parameters
    ----------
    table
        The table ``markers`` (:mod:`cgmm.tables`).
    names
        Populations in the order in which their genes are wanted.
    n_genes
        Genes of each population at most.

    Returns
    -------
    Pairs of a population and a gene, those of one population beside each other.
    """
    own = table[["marker_of", "rank", "gene"]].drop_duplicates().sort_values("rank", kind="stable")
    genes = {name: list(part["gene"]) for name, part in own.groupby("marker_of")}
    chosen: dict[str, str] = {}
    for name in names:
        free = [gene for gene in genes.get(name, []) if gene not in chosen]
        chosen |= dict.fromkeys(free[:n_genes], name)
    return [(name, gene) for gene, name in chosen.items()]
