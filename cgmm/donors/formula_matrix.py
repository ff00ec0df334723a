"""The matrix of a design formula: which of its columns are kept, and rows with other values.

Columns are left out that the donors of pairs or a nested factor already allow for.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd


class Factor(NamedTuple):
    """One variable of a formula, as it enters a term."""

    column: str
    transform: str  #: "" or one of ``TRANSFORMS``


def _written(factor: Factor) -> str:
    return f"{factor.transform}({factor.column})" if factor.transform else factor.column


def _spellings(columns: set[str]) -> set[str]:
    """Return how a formula can write columns as factors."""
    return columns | {f"C({c})" for c in columns} | {f"C(`{c}`)" for c in columns}


def nested_factors(
    data: pd.DataFrame, terms: list[list[Factor]], condition: str
) -> list[tuple[str, str]]:
    """Return pairs of factors, outer and inner, where each level of the inner is in one outer.

    Only factors that stand alone in one term; factors that say the same are no pair.

    Parameters
    ----------
    data
        The columns of the formula, one row per unit; factors are categorical.
    terms
        The terms of the formula.
    condition
        Column of the condition, which is in no pair.
    """
    used = [f.column for term in terms for f in term]
    alone = [
        term[0].column
        for term in terms
        if len(term) == 1
        and used.count(term[0].column) == 1
        and term[0].column != condition
        and isinstance(data[term[0].column].dtype, pd.CategoricalDtype)
    ]
    found: dict[str, str] = {}
    for outer, inner in itertools.permutations(alone, 2):
        together = data.groupby(inner, observed=True)[outer].nunique()
        if (together == 1).all() and data[inner].nunique() > data[outer].nunique():
            found.setdefault(outer, inner)
    return list(found.items())


class FormulaMatrix:
    """The matrix of a formula, which can be made again with columns set to other values.

    Parameters
    ----------
    formula, data
        The formula and its columns, one row per unit.
    pairs
        Donor of every unit when donors are compared with themselves, shape (n_units,); else None.
    nested
        Factors that are left out because another one allows for them.
    """

    def __init__(
        self,
        formula: str,
        data: pd.DataFrame,
        pairs: np.ndarray | None,
        nested: set[str],
    ) -> None:
        from formulaic import Formula

        whole = Formula(formula).get_model_matrix(data, context={}, na_action="raise")
        self.data, self._spec = data, whole.model_spec
        values = np.asarray(whole, dtype=float)
        self._blocks = np.empty((len(data), 0))
        self._kept = np.ones(values.shape[1], dtype=bool)
        names = [str(name) for name in whole.columns]
        if pairs is not None:
            donors, index = np.unique(pairs, return_inverse=True)
            self._blocks = (index[:, None] == np.arange(1, len(donors))).astype(float)
            centred = values - np.array([values[index == i].mean(axis=0) for i in index])
            self._kept = np.abs(centred).max(axis=0) > 1e-9 * (1 + np.abs(values).max(axis=0))
            self._kept[0] = True
            names += [f"donor {name}" for name in donors[1:]]
        for term, part in whole.model_spec.term_slices.items():
            if {str(f.expr) for f in term.factors} & _spellings(nested):
                self._kept[part.start : part.stop] = False
        kept = np.concatenate([self._kept, np.ones(self._blocks.shape[1], dtype=bool)])
        self.names = tuple(np.array(names, dtype=object)[kept])
        self.matrix = np.column_stack([values[:, self._kept], self._blocks])

    @property
    def paired(self) -> bool:
        """Whether every donor has a column."""
        return self._blocks.shape[1] > 0

    def row(self, changed: Mapping[str, Any]) -> np.ndarray:
        """Return the mean row of the matrix with columns of the data set to other values, (p,)."""
        data = self.data.copy()
        for name, value in changed.items():
            column = self.data[name]
            if isinstance(column.dtype, pd.CategoricalDtype):
                value = pd.Categorical([value] * len(data), categories=column.cat.categories)
            data[name] = value
        values = np.asarray(self._spec.get_model_matrix(data, context={}), dtype=float)
        return np.column_stack([values[:, self._kept], self._blocks]).mean(axis=0)

    def _columns(self, terms: list[list[Factor]]) -> list[tuple[str, np.ndarray]]:
        """Return each term in words, and its columns in the matrix of the formula."""
        slices = list(self._spec.term_slices.values())[-len(terms) :] if terms else []
        names = [":".join(f.column for f in term) for term in terms]
        return [
            # a column that stands in two terms is named as it is written there
            (
                name if names.count(name) == 1 else ":".join(map(_written, term)),
                np.arange(part.start, part.stop),
            )
            for name, term, part in zip(names, terms, slices, strict=True)
        ]

    def groups(self, terms: list[list[Factor]]) -> dict[str, np.ndarray]:
        """Return the columns of the matrix that belong to each term; empty ones are left out."""
        place = np.cumsum(self._kept) - 1
        made = {name: place[own[self._kept[own]]] for name, own in self._columns(terms)}
        return {name: own for name, own in made.items() if len(own)}

    def left_out(self, terms: list[list[Factor]]) -> list[str]:
        """Return the terms that have no column left."""
        return [name for name, own in self._columns(terms) if not self._kept[own].any()]
