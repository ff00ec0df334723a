"""Mean cells of populations per unit of a comparison, and their shifts under its design."""

from __future__ import annotations

from typing import Any, NamedTuple

import anndata as ad
import numpy as np

from cgmm._anndata.populations import PopulationCells
from cgmm._anndata.sides import representation
from cgmm._anndata.units import DonorColumns, model_of, read_units
from cgmm.donors.design import Design
from cgmm.donors.formula import Contrast, Model
from cgmm.donors.labelled_shifts import LabelledShifts, StateMeans, shifts_of, state_means
from cgmm.pair import SIDES, Pair


class Measured(NamedTuple):
    """Mean cell of every population in every unit, and the model of the units.

    Attributes
    ----------
    means
        The mean cells.
    design
        The donors.
    model
        Model of the formula; None: the conditions with pairs or batches.
    donors
        Where units are samples: row of the donor in ``design.units``, (n_units,); else None.
    """

    means: StateMeans
    design: Design
    model: Model | None
    donors: np.ndarray | None

    def shifts(self, contrast: Contrast | None = None) -> LabelledShifts:
        """Return the shifts of all populations under a change; None: that of the condition."""
        return shifts_of(
            self.means, self.design, model=self.model, contrast=contrast, donors=self.donors
        )

    def of_donors(self, shifts: LabelledShifts) -> LabelledShifts:
        """Return shifts whose positions are those of donors: means over the cells of samples."""
        if self.donors is None:
            return shifts
        seen = np.isfinite(shifts.positions)
        weight = np.where(seen, self.means.n_cells, 0.0)
        shape = (len(self.design.units), weight.shape[1])
        top, bottom = np.zeros(shape), np.zeros(shape)
        np.add.at(top, self.donors, weight * np.where(seen, shifts.positions, 0.0))
        np.add.at(bottom, self.donors, weight)
        positions = np.where(bottom > 0, top / np.maximum(bottom, 1.0), np.nan)
        return shifts._replace(positions=positions)


def measured(
    adata: ad.AnnData,
    known: dict[str, Any],
    cells: PopulationCells,
    plan: Design,
    units: Pair[np.ndarray],
    *,
    always: bool = False,
) -> Measured:
    """Return the mean cells of the populations in the units of the stored design.

    Parameters
    ----------
    adata
        The object.
    known
        What :func:`cgmm.get.params` returns.
    cells
        The cells of both conditions with their populations.
    plan, units
        The donors, and the donor of every cell within its side, -1 for none.
    always
        Whether to make the model although neither a formula nor samples were given.
    """
    values = representation(adata, known["use_rep"], known["n_dims"])
    points = cells.rows.map(lambda own: values[own].astype(np.float64))
    columns = DonorColumns.from_params(known)
    model, donors, sizes = None, None, np.array(plan.n_units)
    if always or columns.modelled:
        found = read_units(adata, columns, dict(zip(SIDES, cells.rows, strict=True)))
        if found is not None:
            model, plan = model_of(found, columns), found.plan
            sizes, units = found.sizes, found.of_cell_in_side
            donors = None if columns.sample_key is None else found.donors
    means = state_means(points, cells.codes, units, sizes, len(cells.names))
    return Measured(means, plan, model, donors)
