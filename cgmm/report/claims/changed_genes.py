"""Which genes changed by the tests over donors, in a sentence for the opening."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cgmm.report.page import text
from cgmm.results.read import Results
from cgmm.thresholds import ALPHA

MAX_NAMED = 3  # genes of a population, and populations with a gene


@dataclass(frozen=True)
class ChangedGenes:
    """Genes with q below .05 over donors.

    Attributes
    ----------
    n_tested
        Populations in which genes were tested.
    found
        Number of genes with q below .05 by population, the most first.
    first
        By population, the genes with the smallest q: gene, change, q.
    """

    n_tested: int
    found: dict[str, int]
    first: dict[str, list[tuple[str, float, float]]]


def changed_genes(results: Results) -> ChangedGenes:
    """Read the tests of genes over donors.

    Parameters
    ----------
    results
        A checked results folder.
    """
    genes = results.tables["genes"]
    hits = genes.loc[genes["de_q"] < ALPHA]
    hits = hits.assign(size=-hits["log2_change"].abs()).sort_values(["de_q", "size"], kind="stable")
    tested, counts = _counts(results, hits)
    found = {str(name): int(n) for name, n in counts.items() if n > 0}
    first = {
        name: [
            (str(g), float(c), float(q))
            for g, c, q in zip(rows["gene"], rows["log2_change"], rows["de_q"], strict=True)
        ]
        for name in found
        if len(rows := hits.loc[hits["name"] == name].head(MAX_NAMED))
    }
    return ChangedGenes(tested, found, first)


def _counts(results: Results, hits: pd.DataFrame) -> tuple[int, pd.Series]:
    """Return the number of populations tested, and of genes found in each, the most first.

    The table of genes may hold the leading genes only; the table of agreement counts all.
    """
    table = results.tables["gene_agreement"]
    if not {"n_tested", "n_significant"} <= set(table):
        genes = results.tables["genes"]
        n = genes.loc[genes["de_q"].notna(), "name"].nunique()
        return n, hits["name"].value_counts()
    table = table.loc[table["n_tested"] > 0].set_index("name")
    return len(table), table["n_significant"].sort_values(ascending=False, kind="stable")


def genes_answer(results: Results, genes: ChangedGenes) -> str:
    """Write how many genes changed in which populations; "" where none was tested.

    Parameters
    ----------
    results
        A checked results folder.
    genes
        From :func:`changed_genes`.
    """
    if not genes.n_tested:
        return ""
    one, many = results.features
    where = f"{text.plural(genes.n_tested, 'population')} tested"
    if not genes.found:
        return f"No {one} has q under 0.05 over donors ({where})."
    total = sum(genes.found.values())
    said = [
        f"{name}: {text.count(n)} ({_named(genes.first.get(name, []), more=n)})"
        for name, n in list(genes.found.items())[:MAX_NAMED]
    ]
    left = len(genes.found) - MAX_NAMED
    if left > 0:
        said.append(f"{left} more {'population' if left == 1 else 'populations'}: fewer")
    if len(genes.found) > 1:  # a gene counts once in each population where it changed
        counted = f"{text.count(total)} {one} changes, counted in each population, have"
    else:
        counted = f"One {one} has" if total == 1 else f"{text.count(total)} {many} have"
    return f"{counted} q under 0.05 over donors ({where}). {'; '.join(said)}."


def genes_headline(results: Results, genes: ChangedGenes) -> str:
    """Write the sentence for a comparison in which genes changed and no population did.

    Parameters
    ----------
    results
        A checked results folder.
    genes
        From :func:`changed_genes`; with a finding.
    """
    one, many = results.features
    total = sum(genes.found.values())
    name = next(iter(genes.found))
    if len(genes.found) > 1:
        verb = f"single {many} did in {len(genes.found)} populations"
    else:
        verb = f"one {one} did" if total == 1 else f"{text.count(total)} {many} did"
    genes_of = _named(genes.first.get(name, []), more=genes.found[name])
    return (
        "No population clearly changed in number or state between "
        f"{results.source} and {results.target}; {verb}: {genes_of} in {name}"
        f"{' and others' if len(genes.found) > 1 else ''}."
    )


def _named(first: list[tuple[str, float, float]], *, more: int) -> str:
    """Name the first genes of a population, their direction, and that there are more."""
    said = [f"{g}\u00a0{'↑' if np.sign(c) > 0 else '↓'}" for g, c, _ in first]
    if not said:
        return "see the table"
    return f"{', '.join(said)}{' first' if more > len(said) else ''}"
