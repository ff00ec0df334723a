"""Names of components by cell types or marker genes.

A component is named by the cell type of most of its cells, or by the genes that distinguish it from
the other components of its side.  A target component takes the name of a source component
when each is the best partner of the other in the coupling, and its own cells are not of another
type.  A subpopulation then has the same name in both conditions.

Marker genes are scored on log-normalised expression with the responsibilities as weights. The score
of a gene in a component is the product of two leads over nearly all other components: the lead in
mean expression, and the lead in the fraction of cells that express the gene.  The second lead makes
the score robust to a few cells with high expression.  It is left out for features that nearly all
cells have, as in cytometry.  Genes that are uninformative about cell identity (mitochondrial,
ribosomal, MALAT1 and similar) are not used.  Markers are not tested: a marker is a label, not a
finding.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from cgmm._utils.codes import coded, texts
from cgmm._utils.lazy_rows import Rows, summed

UNINFORMATIVE = re.compile(
    r"^(MT-|MT\.|MTRNR|RPL\d|RPS\d|RPLP|RPSA|MALAT1$|NEAT1$|XIST$|TSIX$|ERCC-|HSP[A90]|AC\d{6}\.|"
    r"AL\d{6}\.|LINC\d|GM\d{4,}$)",
    re.IGNORECASE,
)
N_MARKERS = 2
MIN_LEAD = 0.1  # natural log units
DENSE = 0.8  # mean fraction of cells above zero; beyond it, fractions are not used
FALLBACK = "Subpopulation"
NUMBERED = r" \d+$"
SECOND_NUMBER = r"(?<= \d)\.\d+$"


def by_annotation(
    responsibilities: Rows, labels: np.ndarray, *, weights: np.ndarray | None = None
) -> tuple[list[str], np.ndarray]:
    """Return the majority label of each component.

    Parameters
    ----------
    responsibilities
        Shape (n_cells, K).
    labels
        Label of each cell, shape (n_cells,). Missing labels ("", "nan", None) do not count.
    weights
        Weights of cells, shape (n_cells,); None: equal weights.

    Returns
    -------
    names
        K labels, "" for a component without labelled cells.
    purity
        Fraction of the labelled mass of the component that has the label, shape (K,).
    """
    kinds, index = coded(texts(np.asarray(labels, dtype=object), ""))
    mass = summed(responsibilities, index, len(kinds), weights)
    mass[[_absent(kind) for kind in kinds]] = 0.0
    total = mass.sum(axis=0)
    best = mass.argmax(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        purity = np.where(total > 0, mass.max(axis=0) / total, np.nan)
    return [str(kinds[b]) if t > 0 else "" for b, t in zip(best, total, strict=True)], purity


def markers(
    means: np.ndarray,
    fractions: np.ndarray,
    genes: Sequence[str] | np.ndarray,
    *,
    n: int = N_MARKERS,
    exclude: np.ndarray | None = None,
) -> list[list[str]]:
    """Return marker genes of each component against the other components of its side.

    Parameters
    ----------
    means
        Mean log-normalised expression (natural log), shape (K, n_genes); NaN for a component
        without cells.
    fractions
        Fraction of cells that express the gene, shape (K, n_genes).
    genes
        Gene names, length n_genes.
    n
        Largest number of markers of a component.
    exclude
        Further genes not to use, besides the uninformative genes, boolean, shape (n_genes,).

    Returns
    -------
    K lists of at most ``n`` gene names, best first; empty where no gene distinguishes a component,
    and for a single component.
    """
    k = means.shape[0]
    with_cells = np.flatnonzero(np.isfinite(means).all(axis=1))
    if len(with_cells) < 2:
        return [[] for _ in range(k)]
    usable = ~uninformative(tuple(genes))
    if exclude is not None:
        usable &= ~np.asarray(exclude, dtype=bool)
    # Components of the same lineage may share a gene.  The comparison is therefore with the 80th
    # percentile of the others, not with the largest, so that two halves of a type get names.
    dense = np.nanmean(fractions) > DENSE
    out: list[list[str]] = [[] for _ in range(k)]
    leads = means[with_cells] - _upper_of_others(means[with_cells])
    steps = fractions[with_cells] - _upper_of_others(fractions[with_cells])
    for j, lead, step in zip(
        with_cells, leads, np.ones_like(steps) if dense else steps, strict=True
    ):
        score = np.where(usable & (lead > MIN_LEAD) & (step > 0), lead * step, 0.0)
        order = np.argsort(-score, kind="stable")[:n]
        out[j] = [str(genes[g]) for g in order if score[g] > 0]
    return out


@lru_cache(maxsize=2)
def uninformative(genes: tuple[str, ...]) -> np.ndarray:
    """Return which genes say nothing about the identity of a cell, boolean, (n_genes,)."""
    return np.array([bool(UNINFORMATIVE.match(str(g))) for g in genes], dtype=bool)


def unique_names(names: Sequence[str], sizes: np.ndarray) -> list[str]:
    """Return different names: equal names are numbered by size, as "T cell 1", "T cell 2".

    A name that ends with a number gets a second one behind a point: "T cell 1.1".

    Parameters
    ----------
    names
        K names; an empty name becomes "Subpopulation".
    sizes
        Size of each component, shape (K,).

    Returns
    -------
    K different names.
    """
    plain = [" ".join(str(n).split()) or FALLBACK for n in names]
    out = list(plain)
    taken = {n for n in plain if plain.count(n) == 1 and n != FALLBACK}
    for name in dict.fromkeys(plain):
        members = [i for i, n in enumerate(plain) if n == name]
        if len(members) == 1 and name != FALLBACK:
            continue
        number = 0
        for i in sorted(members, key=lambda i: (-float(sizes[i]), i)):
            number += 1
            while _numbered(name, number) in taken:
                number += 1
            out[i] = _numbered(name, number)
            taken.add(out[i])
    return out


def _numbered(name: str, number: int) -> str:
    return f"{name}{'.' if re.search(NUMBERED, name) else ' '}{number}"


def mutual_best(coupling: np.ndarray) -> np.ndarray:
    """Return the source component whose name each target component takes.

    Parameters
    ----------
    coupling
        Mass that goes from each source to each target component, shape (K0, K1).

    Returns
    -------
    Shape (K1,): the source component with the largest mass to the target component, if the target
    component also has the largest mass from that source component; else -1.
    """
    out = np.full(coupling.shape[1], -1)
    to, came = coupling.argmax(axis=1), coupling.argmax(axis=0)
    for j, k in enumerate(came):
        if coupling[k, j] > 0 and to[k] == j:
            out[j] = k
    return out


def name_sides(
    own_source: Sequence[str],
    own_target: Sequence[str],
    *,
    coupling: np.ndarray,
    sizes_source: np.ndarray,
    sizes_target: np.ndarray,
    types_source: Sequence[str] | None = None,
    types_target: Sequence[str] | None = None,
) -> tuple[list[str], list[str]]:
    """Return the final names: unique on each side, equal for mutual best partners of one type.

    Parameters
    ----------
    own_source, own_target
        Name of each component without regard to other components; may repeat or be empty.
    coupling
        Mass that goes from each source to each target component, shape (K0, K1).
    sizes_source, sizes_target
        Shares, shapes (K0,) and (K1,).
    types_source, types_target
        Cell type of each component, "" where unknown. A target component of another type than its
        partner has its own name. None: types are unknown.

    Returns
    -------
    K0 names and K1 names.
    """
    source = unique_names(own_source, sizes_source)
    partner = mutual_best(coupling)
    if types_source is not None and types_target is not None:
        other = [
            bool(t) and k >= 0 and types_source[k] != t
            for k, t in zip(partner, types_target, strict=True)
        ]
        partner = np.where(other, -1, partner)
    target = [source[k] if k >= 0 else "" for k in partner]
    free = [j for j, k in enumerate(partner) if k < 0]
    # A target component without the name of a partner must not have the name of a source component.
    taken = set(source)
    numbered = unique_names([own_target[j] for j in free], np.asarray(sizes_target)[free])
    for j, name in zip(free, numbered, strict=True):
        target[j] = _fresh(name, taken)
        taken.add(target[j])
    return source, target


def _fresh(name: str, taken: set[str]) -> str:
    if name not in taken and _numbered(name, 1) not in taken:
        return name
    i = 2
    base = re.sub(SECOND_NUMBER if re.search(SECOND_NUMBER, name) else NUMBERED, "", name)
    while _numbered(base, i) in taken:
        i += 1
    return _numbered(base, i)


def _upper_of_others(values: np.ndarray) -> np.ndarray:
    """Return the 80th percentile of all other rows, the higher value, for every row and column."""
    at = math.ceil(0.8 * (len(values) - 2))
    this, above = np.partition(values, (at, at + 1), axis=0)[at : at + 2]
    return np.where(values <= this, above, this)


def _absent(label: str) -> bool:
    return label.strip().lower() in {"", "nan", "<na>"}
