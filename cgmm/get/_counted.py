"""Populations counted per unit of a comparison, and their changes under its design formula."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import anndata as ad
import numpy as np

from cgmm._anndata.populations import PopulationCells
from cgmm._anndata.units import DonorColumns, model_of, numbers_of_units, read_units
from cgmm.donors.borders import Borders
from cgmm.donors.formula import Model
from cgmm.donors.labelled import LabelledFactors
from cgmm.donors.linear import Observations, linear_factors
from cgmm.pair import SIDES


class Counted(NamedTuple):
    """Cells of every unit in every population, and the model of the units.

    Cells without a population are counted in a last column of their own, so that totals are
    complete.
    """

    model: Model
    seen: Observations  #: counts and model
    totals: np.ndarray | None  #: (n_units,), number of all cells that a unit stands for

    def factors(self, borders: Borders | None = None) -> LabelledFactors:
        """Return the change of every population between the conditions.

        ``borders`` are those of :func:`cgmm.donors.linear.linear_factors`.
        """
        return linear_factors(self.seen, self.model.contrasts[0], borders=borders)[0]


def counted(
    adata: ad.AnnData, known: dict[str, Any], cells: PopulationCells, *, always: bool = False
) -> Counted | None:
    """Count the populations of a comparison per unit of its design.

    Parameters
    ----------
    adata
        The object.
    known
        What :func:`cgmm.get.params` returns.
    cells
        The cells of both conditions with their populations.
    always
        Whether to make the model although neither a formula nor samples were given.

    Returns
    -------
    Counted; None without donors, and without a formula and samples unless ``always``.
    """
    columns = DonorColumns.from_params(known)
    if not (always or columns.modelled):
        return None
    rows = dict(zip(SIDES, cells.rows, strict=True))
    units = read_units(adata, columns, rows)
    if units is None:
        return None
    counts = counts_of(units.of_cell, cells.codes, len(units.table), len(cells.names))
    totals = None
    if columns.counts_key is not None:
        totals = numbers_of_units(adata, columns, units, rows)
    model = model_of(units, columns)
    return Counted(model, Observations(counts, model.matrix, units.donors, units.plan), totals)


def counts_of(
    units: Sequence[np.ndarray], codes: Sequence[np.ndarray], n_units: int, n_labels: int
) -> np.ndarray:
    """Return the number of cells by unit and label, shape (n_units, K).

    Cells without a label are counted in a last column of their own, so that totals are complete.

    Parameters
    ----------
    units, codes
        Unit and label of every cell of each side, -1 for none, shapes (N0,) and (N1,).
    n_units, n_labels
        Number of units of both sides, and of labels.
    """
    counts = np.zeros((n_units, n_labels + 1))
    for unit, own in zip(units, codes, strict=True):
        used = unit >= 0
        np.add.at(counts, (unit[used], own[used]), 1)  # -1 is the last column
    return counts if counts[:, -1].any() else counts[:, :-1]
