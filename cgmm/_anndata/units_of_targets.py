"""The units of a source and several targets: donors in conditions, and which are alike.

A donor that was measured in several conditions is compared with itself where at least three donors,
and at least half of all, are in several conditions: every donor then has a level of its own, and
donors in one condition are left out.  Otherwise units of one donor are alike by a random effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import anndata as ad
import numpy as np
import pandas as pd

from cgmm._anndata.checks import column
from cgmm._anndata.units import DonorColumns
from cgmm.donors.design import Design, Unit, paired_by_default
from cgmm.donors.formula import columns_of
from cgmm.thresholds import MIN_CELLS_PER_DONOR, MIN_DONORS


class TargetUnits(NamedTuple):
    """Units of the source, then of the targets.

    Attributes
    ----------
    table
        One row per unit: the columns of the formula, and the condition.
    of_cell
        Unit of every cell of the object, shape (n_cells,); -1 for cells without one.
    plan
        The units; those of all targets are of one side.
    blocks
        First unit of the donor of each unit that is alike, shape (n_units,).
    donors
        Donor of every unit, shape (n_units,).
    paired
        Whether donors are compared with themselves.
    enough
        Whether three donors are in the source, and three in the targets together.
    """

    table: pd.DataFrame
    of_cell: np.ndarray
    plan: Design
    blocks: np.ndarray
    donors: np.ndarray
    paired: bool
    enough: bool


def read_target_units(
    adata: ad.AnnData, columns: DonorColumns, conditions: Sequence[str]
) -> TargetUnits | None:
    """Return the units of several conditions; None without donors.

    Parameters
    ----------
    adata
        The object.
    columns
        Which columns of ``obs`` describe the donors.
    conditions
        The source, then the targets.

    Raises
    ------
    KeyError
        When a column is missing.
    """
    if columns.donor_key is None:
        return None
    parts = [columns.condition_key, columns.donor_key]
    parts += [] if columns.sample_key is None else [columns.sample_key]
    text = pd.DataFrame(
        {i: column(adata, name, "obs").astype(str).to_numpy(object) for i, name in enumerate(parts)}
    )
    text[0] = pd.Categorical(text[0], categories=list(conditions))
    code = text.groupby(list(text), observed=True, sort=True).ngroup().to_numpy()  # -1 for others
    sizes = np.bincount(code[code >= 0])
    first = np.full(len(sizes), -1)
    found = np.flatnonzero(code >= 0)
    first[code[found[::-1]]] = found[::-1]
    units = text.iloc[first]
    kept = sizes >= MIN_CELLS_PER_DONOR
    several = units[kept].groupby(1)[0].nunique()
    paired = columns.paired
    if paired is None:
        paired = paired_by_default(int((several > 1).sum()), len(several))
    if paired:
        kept &= units[1].map(several).fillna(0).to_numpy() > 1
    place = np.where(kept, np.cumsum(kept) - 1, -1)
    units, cells = units[kept], first[kept]
    table = {columns.condition_key: units[0].astype(str).to_numpy(object)}
    wanted = columns_of(columns.formula) + ([columns.batch_key] if columns.batch_key else [])
    for name in wanted:
        if name not in table:
            table[name] = column(adata, name, "design").iloc[cells].array
    alike = [units[1]] if not paired else [units[1], units[0].astype(str)]
    block = pd.DataFrame({i: part.to_numpy(object) for i, part in enumerate(alike)})
    first_of = block.groupby(list(block), sort=False).ngroup().to_numpy()
    side = (units[0] != conditions[0]).to_numpy().astype(int)
    donors = units[1].to_numpy(object)
    made = tuple(
        Unit(int(s), str(d), int(n), "") for s, d, n in zip(side, donors, sizes[kept], strict=True)
    )
    return TargetUnits(
        pd.DataFrame(table),
        np.where(code >= 0, place[code], -1),
        Design(made, False, False, True, ()),
        np.unique(first_of, return_index=True)[1][first_of] if len(first_of) else first_of,
        donors,
        bool(paired),
        min(len(set(donors[side == s])) for s in (0, 1)) >= MIN_DONORS,
    )
