"""Populations that the fit found, and their names."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from cgmm._anndata.expression import CellExpression
from cgmm._anndata.sides import Sides, cell_weights
from cgmm._utils.lazy_rows import Members, Rows
from cgmm.coupled.result import CoupledFit
from cgmm.genes import naming
from cgmm.genes.marker_table import FoundMarkers
from cgmm.pair import Pair
from cgmm.tl._population_names import describe

NUMBERED = "Population"


class Found(NamedTuple):
    """Populations of both conditions, with their names."""

    names: list[str]
    codes: Pair[np.ndarray]  #: (N0,) and (N1,), positions in ``names``

    def of_cells(self, n_obs: int, sides: Sides) -> np.ndarray:
        """Return the name of the population of every cell of the object; None in other cells."""
        labels = np.full(n_obs, None, dtype=object)
        for rows, codes in zip(sides.rows, self.codes, strict=True):
            labels[rows] = np.array(self.names, dtype=object)[codes]
        return labels

    def categories(self, n_obs: int, sides: Sides) -> pd.Categorical:
        """Return the column of ``obs``, with the populations from the largest to the smallest."""
        return pd.Categorical(self.of_cells(n_obs, sides), categories=self.names)

    def origins(
        self, n_obs: int, sides: Sides, origins: np.ndarray | None
    ) -> pd.Categorical | None:
        """Return the population of the source cell to which every target cell was assigned.

        Parameters
        ----------
        n_obs, sides
            The object and the cells of both conditions.
        origins
            Position of the source cell of every target cell, shape (N1,), -1 for none
            (:attr:`CoupledFit.origins`).

        Returns
        -------
        One value per cell of the object, missing without an origin; None without origins.
        """
        if origins is None or len(origins) != len(sides.rows.target):
            return None
        codes = np.full(n_obs, -1)
        codes[sides.rows.target] = np.where(origins >= 0, self.codes.source[origins], -1)
        return pd.Categorical.from_codes(codes, categories=pd.Index(self.names, dtype=object))


def found_populations(
    fit: CoupledFit,
    sides: Sides,
    labels: np.ndarray | None,
    expression: CellExpression | None,
    markers: FoundMarkers | None = None,
    names: list[str] | None = None,
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
    names
        Name of every population, when it is known; None: populations are named here.
    """
    if fit.populations_source is None or fit.populations_target is None:
        return None
    codes = Pair(fit.populations_source, fit.populations_target)
    if (len(codes.source), len(codes.target)) != tuple(len(rows) for rows in sides.rows):
        return None  # a fit of other cells
    if names is None:
        names = population_words(codes, sides, labels, expression, markers)
    return Found(names, codes)


def population_words(
    codes: Pair[np.ndarray],
    sides: Sides,
    labels: np.ndarray | None,
    expression: CellExpression | None,
    markers: FoundMarkers | None,
) -> list[str]:
    """Return a name for every population, from ``codes``, the populations of the cells.

    The other arguments are those of :func:`found_populations`.
    """
    n = 1 + int(max(codes.source.max(), codes.target.max()))
    member: Pair[Rows] = codes.map(lambda own: Members(own, n))
    if labels is not None:
        words = _labels(labels, sides, codes, n)
    elif expression is not None:
        listed, by_table = describe(expression, sides, member, markers)
        words = [" ".join(genes[: naming.N_MARKERS]) for genes in listed]
        if by_table is not None:
            words = [name or genes for name, genes in zip(by_table.names, words, strict=True)]
    else:
        words = [""] * n
    words = [word or NUMBERED for word in words]
    sizes = np.sum([np.bincount(own, minlength=n) / len(own) for own in codes], axis=0)
    return naming.unique_names(words, sizes)


def _labels(labels: np.ndarray, sides: Sides, codes: Pair[np.ndarray], n: int) -> list[str]:
    """Return the main label of each population, with donors and conditions counted equally."""
    weights = [
        np.full(len(rows), 1 / len(rows)) if own is None else own / own.sum()
        for rows, own in zip(sides.rows, cell_weights(sides), strict=True)
    ]
    rows = np.concatenate(sides.rows)
    member = Members(np.concatenate(codes), n)
    return naming.by_annotation(member, labels[rows], weights=np.concatenate(weights))[0]
