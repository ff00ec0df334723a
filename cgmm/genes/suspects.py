"""Genes that change for another reason than the condition: handling of the tissue, or the donors.

``suspect_genes.tsv`` lists genes that dissociation of a tissue switches on, genes of heat shock,
genes of mitochondria, of which damaged cells keep most (Ilicic et al. 2016), genes of one sex and
genes that not every person carries, each with the work that says so (column ``doi``). Names are
compared without regard to case, so genes of human and mouse are known.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

LISTS = Path(__file__).with_name("suspect_genes.tsv")
FIRST = 10  #: genes of a response that are looked at
HANDLING, PEOPLE = ("dissociation", "stress", "mitochondrial"), ("sex", "genotype")
#: how many of the first genes must be in a list: one gene of sex or genotype has no other reason
LEAST = {"dissociation": 3, "stress": 3, "mitochondrial": 3, "sex": 1, "genotype": 1}


class Suspects(NamedTuple):
    """Genes of one list that lead a response.

    Attributes
    ----------
    list
        "dissociation", "stress", "mitochondrial", "sex" or "genotype".
    genes
        The genes, in the order of the response.
    """

    list: str
    genes: tuple[str, ...]


@functools.cache
def suspect_lists() -> dict[str, frozenset[str]]:
    """Return the genes of every list, in capitals."""
    found: dict[str, set[str]] = {name: set() for name in LEAST}
    for line in LISTS.read_text(encoding="utf-8").splitlines()[1:]:
        name, gene, _doi = line.split("\t")
        found[name].add(gene.upper())
    return {name: frozenset(genes) for name, genes in found.items()}


def suspects(genes: Sequence[str]) -> list[Suspects]:
    """Return the lists whose genes lead a response.

    Parameters
    ----------
    genes
        Names of genes, the largest change first; the first ten are looked at.

    Returns
    -------
    One entry per list with at least three of the first genes (dissociation, stress,
    mitochondrial) or one (sex, genotype).
    """
    first = list(genes[:FIRST])
    found = [
        Suspects(name, tuple(gene for gene in first if gene.upper() in known))
        for name, known in suspect_lists().items()
    ]
    return [entry for entry in found if len(entry.genes) >= LEAST[entry.list]]
