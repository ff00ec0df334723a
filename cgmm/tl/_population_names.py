"""What names of populations rest on: marker genes, and the evidence of a marker table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cgmm._anndata.expression import CellExpression, gene_names
from cgmm._anndata.sides import Sides
from cgmm._utils.codes import texts
from cgmm._utils.lazy_rows import Members, Rows
from cgmm.genes import naming
from cgmm.genes.change import ExpressionMoments
from cgmm.genes.marker_names import CLEAR, GroupNames, name_by_means
from cgmm.genes.marker_table import FoundMarkers
from cgmm.pair import Pair
from cgmm.tables import ANNOTATION, MARKER_GENES, MARKER_TABLE, NUMBER
from cgmm.tl._component_types import N_MARKERS_LISTED, moved_everywhere, raised_words
from cgmm.tl._gene_changes import side_moments
from cgmm.tl._marker_expression import SEPARATOR, average

COLUMNS = (
    *("name", "named_from", "markers", "best_type", "score"),
    *("runner_up", "runner_up_score", "raised"),
)


def describe(
    expression: CellExpression,
    sides: Sides,
    member: Pair[Rows],
    markers: FoundMarkers | None,
) -> tuple[list[list[str]], GroupNames | None]:
    """Return marker genes of populations, and their names by a marker table.

    Both conditions count equally.

    Parameters
    ----------
    expression, sides
        Expression of the cells, and the cells of both conditions.
    member
        Membership of the cells in the populations, shapes (N0, P) and (N1, P).
    markers
        Markers of cell types among the genes of ``expression``, or None.
    """
    both = side_moments(expression, sides, member)
    together = ExpressionMoments(*(average(one, other) for one, other in zip(*both, strict=True)))
    exclude = moved_everywhere(both, np.eye(member.source.shape[1]))
    genes = gene_names(expression.adata, None)
    listed = naming.markers(
        together.mean, together.fraction, genes, n=N_MARKERS_LISTED, exclude=exclude
    )
    if markers is None:
        return listed, None
    return listed, name_by_means(together.mean, np.nan_to_num(together.mass), genes, markers)


def population_names(
    expression: CellExpression | None,
    sides: Sides,
    labels: np.ndarray | None,
    basis: str,
    markers: FoundMarkers | None,
) -> pd.DataFrame:
    """Return what the names of populations rest on, one row per population.

    Parameters
    ----------
    expression, sides, markers
        As in :func:`describe`; None without expression.
    labels
        Population of every cell of the object; None: no populations.
    basis
        Whether ``labels`` are an "annotation" or a "population" that was found.

    Returns
    -------
    Columns name, named_from ("annotation", "marker table", "mixed", "unclear", "marker genes" or
    "number"), markers (genes), best_type, score, runner_up, runner_up_score and raised.
    """
    if labels is None:
        return pd.DataFrame({name: np.array([], dtype=object) for name in COLUMNS})
    named = texts(labels)
    there = pd.unique(named[np.concatenate(sides.rows)])
    names = sorted(name for name in there if name is not None)
    codes = pd.Index(names, dtype=object).get_indexer(named)
    n = len(names)
    member: Pair[Rows] = sides.rows.map(lambda rows: Members(codes[rows], n))
    frame = pd.DataFrame(
        {
            "name": np.array(names, dtype=object),
            "named_from": ANNOTATION if basis == ANNOTATION else NUMBER,
            "markers": "",
            "best_type": "",
            "score": np.full(n, np.nan),
            "runner_up": "",
            "runner_up_score": np.full(n, np.nan),
            "raised": "",
        }
    )
    if expression is None or n == 0:
        return frame
    listed, found = describe(expression, sides, member, markers)
    frame["markers"] = [SEPARATOR.join(genes) for genes in listed]
    if basis != ANNOTATION:
        frame["named_from"] = [MARKER_GENES if genes else NUMBER for genes in listed]
    if found is not None:
        if basis != ANNOTATION:
            frame["named_from"] = [MARKER_TABLE if v == CLEAR else v for v in found.verdicts]
        frame["best_type"], frame["score"] = found.best, found.score
        frame["runner_up"], frame["runner_up_score"] = found.runner_up, found.runner_up_score
        frame["raised"] = raised_words(found)
    return frame
