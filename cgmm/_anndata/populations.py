"""The population of every cell: the labels of an annotation, or the populations of a fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.checks import column, levels
from cgmm._anndata.keys import DEFAULT_KEY, Keys
from cgmm._anndata.sides import rows_of_fit
from cgmm._anndata.storage import read_params
from cgmm.pair import SIDES, Pair

NOT_ANNOTATED = "not annotated"  #: stands for a missing label


NO_POPULATIONS = (
    "The fit has no populations: name the components by an annotation (name_by), or fit with "
    "cgmm.tl.fit, which finds populations."
)
POPULATION, STATE = "population", "state"  #: values of ``level``


class UnlabelledError(ValueError):
    """No cell of one condition has a label, so populations cannot be compared."""


class PopulationCells(NamedTuple):
    """The cells of both conditions of a fit with their populations.

    Attributes
    ----------
    by
        Column of ``obs`` with the populations.
    names
        Populations with cells, in the order of the column.
    rows
        Positions of the cells, shapes (N0,) and (N1,).
    labels
        Population of every cell as text, ``NOT_ANNOTATED`` without one, shapes (N0,) and (N1,).
    codes
        Position in ``names``, -1 without a population, shapes (N0,) and (N1,).
    """

    by: str
    names: list[str]
    rows: Pair[np.ndarray]
    labels: Pair[np.ndarray]
    codes: Pair[np.ndarray]


def population_key(adata: ad.AnnData, *, key: str = DEFAULT_KEY) -> str | None:
    """Return the column of ``obs`` with the populations of a fit.

    Parameters
    ----------
    adata
        Object with a fit.
    key
        The ``key_added`` of the fit.

    Returns
    -------
    The annotation that named the components, else the column with the populations that were found,
    else None.
    """
    by: str | None = read_params(adata, key=key)["name_by"]
    found = Keys(key).population
    return by if by is not None else found if found in adata.obs else None


def take_populations(
    adata: ad.AnnData, known: Mapping[str, Any], *, by: str | None = None, key: str = DEFAULT_KEY
) -> PopulationCells | None:
    """Return the cells of both conditions with their populations; None when there are none.

    Parameters
    ----------
    adata
        Object with a fit.
    known
        Parameters of the fit (:func:`cgmm.get.params`).
    by
        Column of ``obs``; None: as :func:`population_key`, but the populations that were found when
        one condition has no labels.
    key
        The ``key_added`` of the fit.

    Raises
    ------
    KeyError
        When there is no such column.
    ValueError
        When no cell of one condition is left in the object.
    UnlabelledError
        When one condition has no labels in the column that was asked for.
    """
    column_of = population_key(adata, key=key) if by is None else by
    if column_of is None:
        return None
    cells = _of_column(adata, column_of, known)
    if problem := unlabelled(cells, known):
        found = Keys(key).population
        if by is not None or found not in adata.obs:
            raise UnlabelledError(problem)
        cells = _of_column(adata, found, known)
    return cells


def _of_column(adata: ad.AnnData, by: str, known: Mapping[str, Any]) -> PopulationCells:
    values = column(adata, by, "by")
    of_fit = rows_of_fit(adata, known)
    rows = Pair(*(of_fit[side] for side in SIDES))
    for side, own in of_fit.items():
        if not len(own):
            msg = (
                f"No cell of the {side} {known[side]!r} is left in the object: populations can "
                "only be compared with cells of both conditions. Use the object that was fitted."
            )
            raise ValueError(msg)
    text = values.astype(object).where(values.notna(), NOT_ANNOTATED).astype(str).to_numpy(object)
    labels = rows.map(lambda own: text[own])
    present = set(np.concatenate(labels)) - {NOT_ANNOTATED}
    names = [level for level in levels(values) if level in present]
    codes = labels.map(lambda own: pd.Index(names, dtype=object).get_indexer(pd.Index(own)))
    return PopulationCells(by, names, rows, labels, codes)


def check_level(level: str) -> None:
    """Raise a ValueError when ``level`` is not "population" or "state"."""
    if level not in (POPULATION, STATE):
        msg = f"level={level!r} is not known: give {POPULATION!r} or {STATE!r}."
        raise ValueError(msg)


def unlabelled(cells: PopulationCells, known: Mapping[str, Any]) -> str:
    """Return a sentence when no cell of one condition has a label, else ""."""
    for side, own in zip(SIDES, cells.codes, strict=True):
        if (own < 0).all():
            return (
                f"No cell of the {side} {known[side]!r} has a label in {cells.by!r}: populations "
                "can only be compared when cells of both conditions are labelled."
            )
    return ""
