"""Populations that the fit found, and their names."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from cgmm._anndata.expression import CellExpression, gene_names
from cgmm._anndata.sides import Sides, cell_weights
from cgmm.coupled.result import CoupledFit
from cgmm.genes import naming
from cgmm.genes.change import ExpressionMoments
from cgmm.genes.marker_names import GroupNames, name_by_means
from cgmm.genes.marker_table import FoundMarkers
from cgmm.pair import Pair
from cgmm.tl._component_types import moved_everywhere
from cgmm.tl._gene_changes import side_moments

NUMBERED = "Population"


class Found(NamedTuple):
    """Populations of both conditions, with their names."""

    names: list[str]
    codes: Pair[np.ndarray]  #: (N0,) and (N1,), positions in ``names``
    evidence: GroupNames | None = None  #: of the marker table; None when it names no population

    def of_cells(self, n_obs: int, sides: Sides) -> np.ndarray:
        """Return the name of the population of every cell of the object; None in other cells."""
        labels = np.full(n_obs, None, dtype=object)
        for rows, codes in zip(sides.rows, self.codes, strict=True):
            labels[rows] = np.array(self.names, dtype=object)[codes]
        return labels

    def categories(self, n_obs: int, sides: Sides) -> pd.Categorical:
        """Return the column of ``obs``, with the populations from the largest to the smallest."""
        return pd.Categorical(self.of_cells(n_obs, sides), categories=self.names)


def found_populations(
    fit: CoupledFit,
    sides: Sides,
    labels: np.ndarray | None,
    expression: CellExpression | None,
    markers: FoundMarkers | None = None,
) -> Found | None:
    """Return the populations of a fit with their names; None when none were looked for.

    Parameters
    ----------
    fit, sides
        The fit, and the cells of both conditions.
    labels
        Label of every cell of the object, or None. A population has the label that most of its
        cells have.
    expression
        Expression of the cells, for marker genes when there are no labels, or None: populations are
        numbered.
    markers
        Markers of cell types among the genes of ``expression``, or None. They name populations when
        there are no labels; marker genes name a population that they leave unclear.
    """
    if fit.populations_source is None or fit.populations_target is None:
        return None
    codes = Pair(fit.populations_source, fit.populations_target)
    if (len(codes.source), len(codes.target)) != tuple(len(rows) for rows in sides.rows):
        return None  # a fit of other cells
    n = 1 + int(max(codes.source.max(), codes.target.max()))
    evidence = None
    member = codes.map(lambda own: np.eye(n)[own])
    if labels is not None:
        words = _labels(labels, sides, member)
    elif expression is not None:
        words, evidence = _markers(expression, sides, member, markers)
    else:
        words = [""] * n
    words = [word or NUMBERED for word in words]
    sizes = sum(m.mean(axis=0) for m in member)
    return Found(naming.unique_names(words, sizes), codes, evidence)


def _labels(labels: np.ndarray, sides: Sides, member: Pair[np.ndarray]) -> list[str]:
    """Return the main label of each population, with donors and conditions counted equally."""
    weights = [
        np.full(len(rows), 1 / len(rows)) if own is None else own / own.sum()
        for rows, own in zip(sides.rows, cell_weights(sides), strict=True)
    ]
    rows = np.concatenate(sides.rows)
    return naming.by_annotation(
        np.concatenate(member), labels[rows], weights=np.concatenate(weights)
    )[0]


def _markers(
    expression: CellExpression,
    sides: Sides,
    member: Pair[np.ndarray],
    markers: FoundMarkers | None,
) -> tuple[list[str], GroupNames | None]:
    """Return the type of each population, or its marker genes as one text; and the evidence."""
    both = side_moments(expression, sides, member)
    together = ExpressionMoments(*(_average(one, other) for one, other in zip(*both, strict=True)))
    exclude = moved_everywhere(both, np.eye(member.source.shape[1]))
    genes = gene_names(expression.adata, None)
    listed = naming.markers(together.mean, together.fraction, genes, exclude=exclude)
    words = [" ".join(own) for own in listed]
    if markers is None:
        return words, None
    mass = np.nansum([one.mass for one in both], axis=0)
    evidence = name_by_means(together.mean, mass, genes, markers)
    return [name or word for name, word in zip(evidence.names, words, strict=True)], evidence


def _average(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the mean of two arrays; where one is missing, the other."""
    mean = 0.5 * (one + other)
    return np.where(np.isnan(one), other, np.where(np.isnan(other), one, mean))
