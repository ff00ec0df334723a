"""Cell types of components, and the evidence for them: labels, marker table, marker genes."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from cgmm._anndata.expression import CellExpression, gene_names
from cgmm._anndata.sides import Sides, cell_weights
from cgmm._utils.lazy_rows import Rows
from cgmm.coupled.result import CoupledFit
from cgmm.genes import naming
from cgmm.genes.change import ExpressionMoments, breadth, gene_shift
from cgmm.genes.marker_names import CLEAR, GroupNames, name_by_means
from cgmm.genes.marker_table import FoundMarkers
from cgmm.pair import Pair
from cgmm.tables import ANNOTATION, MARKER_GENES, MARKER_TABLE, NUMBER, POPULATION
from cgmm.tl._gene_changes import side_moments

N_MARKERS_LISTED = 5
MIN_CHANGE_EVERYWHERE = 1.0  # log2
MIN_MAJORITY = 0.5  # of the labelled cells of a target component, for a name of its own

Columns = dict[str, Any]


def component_types(
    fit: CoupledFit,
    sides: Sides,
    responsibilities: Pair[Rows],
    labels: np.ndarray | None,
    basis: str,
    expression: CellExpression | None,
    markers: FoundMarkers | None,
) -> tuple[Pair[list[list[str]]], Pair[Columns]]:
    """Return the marker genes of every component, and the columns that say which type it is.

    Parameters
    ----------
    fit, sides, responsibilities, labels, basis, expression, markers
        As in :func:`cgmm.tl._component_table.component_table`.

    Returns
    -------
    marker_genes
        Lists of genes, one list per component.
    types
        The columns cell_type, cell_type_purity, named_from, best_type, score, runner_up,
        runner_up_score and raised; and, under "type", the type in the name of each component.
    """
    types = Pair(*_labelled(sides, responsibilities, labels, basis))
    if expression is None:
        none: list[list[list[str]]] = [[[] for _ in own["type"]] for own in types]
        return Pair(none[0], none[1]), types
    genes = gene_names(expression.adata, None)
    moments = side_moments(expression, sides, responsibilities)
    exclude = moved_everywhere(moments, fit.origin)
    listed = moments.map(
        lambda m: naming.markers(m.mean, m.fraction, genes, n=N_MARKERS_LISTED, exclude=exclude)
    )
    for own, of_side in zip(types, listed, strict=True):
        fill = (own["named_from"] == NUMBER) & np.array([bool(one) for one in of_side], dtype=bool)
        own["named_from"][fill] = MARKER_GENES
    if markers is not None:
        _by_table(types, moments, genes, markers)
    return listed, types


def own_types(columns: Columns) -> list[str]:
    """Return the types of which target components are named by their own cells, else "".

    A label counts when more than half of the labelled cells of the component carry it.
    """
    labelled = np.isin(columns["named_from"].astype(str), (ANNOTATION, POPULATION))
    minor = labelled & (columns["cell_type_purity"] <= MIN_MAJORITY)
    return ["" if few else str(kind) for kind, few in zip(columns["type"], minor, strict=True)]


def _labelled(
    sides: Sides, responsibilities: Pair[Rows], labels: np.ndarray | None, basis: str
) -> list[Columns]:
    """Return the columns of both sides by the labels alone."""
    found = []
    for r, rows, weights in zip(responsibilities, sides.rows, cell_weights(sides), strict=True):
        k = r.shape[1]
        types, purity = [""] * k, np.full(k, np.nan)
        if labels is not None:
            types, purity = naming.by_annotation(r, labels[rows], weights=weights)
        nothing = np.full(k, np.nan)
        found.append(
            {
                "cell_type": np.array(types, dtype=object),
                "type": np.array(types, dtype=object),
                "cell_type_purity": purity,
                "named_from": np.array([basis if t else NUMBER for t in types], dtype=object),
                "best_type": np.full(k, "", dtype=object),
                "score": nothing,
                "runner_up": np.full(k, "", dtype=object),
                "runner_up_score": nothing.copy(),
                "raised": np.full(k, "", dtype=object),
            }
        )
    return found


def raised_words(found: GroupNames) -> list[str]:
    """Return how many markers of the best type of each group are raised, and which."""
    return [
        f"{len(raised)} of {n}: {', '.join(raised)}" if raised else f"0 of {n}"
        for raised, n in zip(found.raised, found.n_markers, strict=True)
    ]


def _by_table(
    types: Pair[Columns],
    moments: Pair[ExpressionMoments],
    genes: np.ndarray,
    markers: FoundMarkers,
) -> None:
    """Fill the columns by a marker table; labels stay.

    The components of both sides are scored together, against the mean of all cells.
    """
    both = name_by_means(
        np.concatenate([m.mean for m in moments]),
        np.concatenate([m.mass for m in moments]),
        genes,
        markers,
    )
    unlabelled = all((own["cell_type"] == "").all() for own in types)
    start = 0
    for own in types:
        k = len(own["score"])
        _fill(own, both, slice(start, start + k), markers.cell_types)
        start += k
        if unlabelled:  # else the column holds labels alone, which are names of populations
            own["cell_type"][:] = own["type"]


def _fill(own: Columns, found: GroupNames, part: slice, types: tuple[str, ...]) -> None:
    """Fill the columns of one side; ``types`` are those of the marker table."""
    own["best_type"][:] = found.best[part]
    own["score"][:] = found.score[part]
    own["runner_up"][:] = found.runner_up[part]
    own["runner_up_score"][:] = found.runner_up_score[part]
    own["raised"][:] = raised_words(found)[part]
    verdicts = np.array(found.verdicts[part], dtype=object)
    labelled = np.isin(own["named_from"].astype(str), (ANNOTATION, POPULATION))
    # a part of one type, in a population whose name is no type of the table
    base = [re.sub(r" \d+$", "", str(name)) for name in own["cell_type"]]
    vague = (own["named_from"] == POPULATION) & ~np.isin(base, types) & (verdicts == CLEAR)
    free = ~labelled | vague
    own["type"][free] = np.array(found.names[part], dtype=object)[free]
    own["named_from"][free] = np.where(verdicts == CLEAR, MARKER_TABLE, verdicts)[free]


def moved_everywhere(moments: Pair[ExpressionMoments], origin: np.ndarray) -> np.ndarray:
    """Return which genes differ between the conditions in most subpopulations, (n_genes,)."""
    change = gene_shift(*moments, origin).log2_change
    _, widespread = breadth(change)
    largest = np.abs(np.nan_to_num(change)).max(axis=0)
    return widespread & (largest > MIN_CHANGE_EVERYWHERE)
